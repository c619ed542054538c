//! What files beside tasks say of their parameters: [`Modules`]. `bolt task show` tells no parameters, and asking it for each
//! task takes two seconds each; the files are `MODULE/tasks/NAME.json` in the directories that Bolt names.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::{Map, Value, json};

/// The largest file that is read, in bytes.
const LONGEST: u64 = 1024 * 1024;
/// The most files that are looked at for changes.
const MOST_FILES: usize = 100_000;

/// Where modules are.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Modules {
    /// The project, which is a module itself.
    pub(super) project: Option<PathBuf>,
    /// Directories with modules, the first of which decides.
    pub(super) directories: Vec<PathBuf>,
}

/// What is told of a task.
#[derive(Debug, PartialEq)]
pub(super) struct Metadata {
    pub(super) description: Option<String>,
    pub(super) supports_noop: bool,
    /// Its parameters, by name.
    pub(super) parameters: Value,
}

/// When something changed last, and a mark of all of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Mark {
    hash: u64,
    newest: Option<SystemTime>,
}

impl Mark {
    /// Whether something has changed since a time, so that an answer of about that time may be either.
    pub(super) fn is_younger_than(&self, time: SystemTime) -> bool {
        self.newest.is_some_and(|newest| newest >= time)
    }
}

impl Modules {
    /// Whether the module of a task is found.
    pub(super) fn has(&self, task: &str) -> bool {
        self.tasks_of(task).is_some()
    }

    /// What is told of a task; nothing where its module is not found, or what is there cannot be read.
    pub(super) fn metadata(&self, task: &str) -> Option<Metadata> {
        let file = task.split_once("::").map_or("init", |(_, rest)| rest);
        let path = self.tasks_of(task)?.join(format!("{file}.json"));
        match std::fs::metadata(&path) {
            // A task needs none.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Some(Metadata::of(&Map::new())),
            Ok(found) if found.is_file() && found.len() <= LONGEST => {
                let read: Map<String, Value> = serde_json::from_slice(&std::fs::read(&path).ok()?).ok()?;
                Some(Metadata::of(&read))
            }
            _ => None,
        }
    }

    /// The directory of the tasks of a task's module.
    fn tasks_of(&self, task: &str) -> Option<PathBuf> {
        let module = task.split("::").next().unwrap_or_default();
        let found =
            self.directories.iter().map(|directory| directory.join(module)).find(|path| path.is_dir());
        let of_project = || {
            let file = task.split_once("::").map_or("init", |(_, rest)| rest);
            let tasks = self.project.as_ref()?.join("tasks");
            let begins = |entry: std::fs::DirEntry| {
                Path::new(&entry.file_name()).file_stem().is_some_and(|stem| stem == file)
            };
            let has_it = std::fs::read_dir(&tasks).ok()?.filter_map(Result::ok).any(begins);
            has_it.then_some(tasks)
        };
        found.map(|path| path.join("tasks")).or_else(of_project)
    }

    /// A mark of the project and of all files of tasks and plans.
    pub(super) fn mark(&self) -> Mark {
        let mut look = Look { hasher: DefaultHasher::new(), newest: None, left: MOST_FILES };
        if let Some(project) = &self.project {
            for name in ["bolt-project.yaml", "Puppetfile", "modules", ".modules"] {
                look.at(&project.join(name));
            }
            look.module(project);
        }
        for directory in &self.directories {
            look.at(directory);
            for module in look.entries(directory) {
                look.module(&module);
            }
        }
        Mark { hash: look.hasher.finish(), newest: look.newest }
    }
}

/// Looks at files, a bounded number of them.
struct Look {
    hasher: DefaultHasher,
    newest: Option<SystemTime>,
    left: usize,
}

impl Look {
    fn at(&mut self, path: &Path) {
        let found = std::fs::metadata(path).ok();
        let modified = found.as_ref().and_then(|found| found.modified().ok());
        (path, found.map(|found| found.len()), modified).hash(&mut self.hasher);
        self.newest = self.newest.max(modified);
    }

    /// What is in a directory, by name.
    fn entries(&mut self, directory: &Path) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
        let mut paths: Vec<PathBuf> =
            entries.filter_map(|entry| Some(entry.ok()?.path())).take(self.left).collect();
        self.left -= paths.len();
        paths.sort();
        paths
    }

    fn module(&mut self, module: &Path) {
        for name in ["tasks", "plans"] {
            let directory = module.join(name);
            self.at(&directory);
            for file in self.entries(&directory) {
                self.at(&file);
            }
        }
    }
}

impl Metadata {
    /// Reads the metadata of a task, also as `bolt task show NAME` prints them.
    pub(super) fn of(read: &Map<String, Value>) -> Self {
        let description = read.get("description").and_then(Value::as_str).map(str::to_owned);
        let supports_noop = read.get("supports_noop").and_then(Value::as_bool).unwrap_or(false);
        let parameters = read.get("parameters").or(read.get("params")).and_then(Value::as_object);
        let parameters = parameters.into_iter().flatten().map(|(name, told)| parameter(name, told)).collect();
        Self { description, supports_noop, parameters }
    }
}

/// A parameter. One without a type may be anything, and may be left out; what is said outright goes before that.
fn parameter(name: &str, told: &Value) -> Value {
    let kind = told.get("type").and_then(Value::as_str).filter(|kind| !kind.trim().is_empty());
    let default = told.get("default");
    let is_optional =
        kind.is_none_or(|kind| ["Optional", "Any", "Undef"].iter().any(|word| kind.trim().starts_with(word)));
    let required = told.get("required").and_then(Value::as_bool);
    let mut parameter = json!({
        "name": name,
        "type": kind.unwrap_or("Any"),
        "required": required.unwrap_or(!is_optional && default.is_none()),
        "sensitive": told.get("sensitive").and_then(Value::as_bool).unwrap_or(false),
        "description": told.get("description").and_then(Value::as_str),
    });
    if let (Some(default), Some(fields)) = (default, parameter.as_object_mut()) {
        fields.insert("default".to_owned(), default.clone());
    }
    parameter
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn place() -> (tempfile::TempDir, Modules) {
        let place = tempfile::tempdir().unwrap();
        for directory in ["one/package/tasks", "two/package/tasks", "two/facts/tasks", "tasks"] {
            std::fs::create_dir_all(place.path().join(directory)).unwrap();
        }
        let write = |path: &str, value: Value| {
            std::fs::write(place.path().join(path), value.to_string()).unwrap();
        };
        let name = json!({"type": "String[1]", "description": "Which"});
        let parameters = json!({
            "name": name, "action": {"type": "Enum[install, status]", "default": "status"},
            "version": {"type": "Optional[String[1]]"}, "token": {"type": "String", "sensitive": true},
            "any": {}, "odd": {"type": "Optional[Integer]", "required": true}
        });
        write(
            "one/package/tasks/init.json",
            json!({"description": "first", "supports_noop": true, "parameters": parameters}),
        );
        write("two/package/tasks/init.json", json!({"description": "second"}));
        std::fs::write(place.path().join("two/facts/tasks/bash.sh"), "").unwrap();
        write("tasks/own.json", json!({"description": "of the project"}));
        let directories = vec![place.path().join("one"), place.path().join("two")];
        let modules = Modules { project: Some(place.path().to_owned()), directories };
        (place, modules)
    }

    #[test]
    fn parameters_are_read_from_the_file_that_bolt_would_take() {
        let (place, modules) = place();
        let found = modules.metadata("package").unwrap();
        assert_eq!((found.description.as_deref(), found.supports_noop), (Some("first"), true));
        let shown: Vec<(&str, &str, bool)> = found
            .parameters
            .as_array()
            .unwrap()
            .iter()
            .map(|one| {
                (
                    one["name"].as_str().unwrap(),
                    one["type"].as_str().unwrap(),
                    one["required"].as_bool().unwrap(),
                )
            })
            .collect();
        for one in [
            ("name", "String[1]", true),
            ("action", "Enum[install, status]", false),
            ("version", "Optional[String[1]]", false),
            ("token", "String", true),
            ("any", "Any", false),
            ("odd", "Optional[Integer]", true),
        ] {
            assert!(shown.contains(&one), "{one:?} is not in {shown:?}");
        }
        assert_eq!(modules.metadata("facts::bash").unwrap(), Metadata::of(&Map::new()));
        assert_eq!(modules.metadata("project::own").unwrap().description.as_deref(), Some("of the project"));
        assert!(!modules.has("elsewhere") && modules.metadata("elsewhere::x").is_none());
        std::fs::write(place.path().join("one/package/tasks/init.json"), "{").unwrap();
        assert_eq!(modules.metadata("package"), None);
    }

    #[test]
    fn a_change_of_a_file_is_seen() {
        let (place, modules) = place();
        let mark = modules.mark();
        assert_eq!(modules.mark(), mark);
        assert!(mark.is_younger_than(SystemTime::UNIX_EPOCH));
        assert!(!mark.is_younger_than(SystemTime::now() + Duration::from_secs(60)));
        std::fs::write(place.path().join("two/facts/tasks/bash.json"), "{}").unwrap();
        let with_file = modules.mark();
        assert_ne!(with_file, mark);
        std::fs::write(place.path().join("two/facts/tasks/bash.json"), "{\"a\": 1}").unwrap();
        assert_ne!(modules.mark(), with_file);
    }
}
