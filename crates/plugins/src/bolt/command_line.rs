//! Arguments of `bolt`: [`command_line`]. What comes from a request stands behind `--`, is attached to the name of an option,
//! or is in a file; names of tasks and plans were checked.

use std::path::Path;

use pabawi_domain::ports::ToolCommand;

use super::files::RunFiles;
use super::settings::Settings;
use super::work::Work;

/// How the run is started.
pub(super) fn command_line(settings: &Settings, work: &Work, files: &RunFiles) -> ToolCommand {
    let mut arguments = vec![work.word().to_owned(), "run".to_owned()];
    arguments.extend(shared(settings));
    // What was run last is nobody else's business, and runs beside each other would overwrite it.
    arguments.push("--no-save-rerun".to_owned());
    let inventory = files.inventory.as_ref().or(settings.inventory.as_ref());
    arguments.extend(inventory.map(|path| option("inventoryfile", path)));
    arguments.extend(settings.concurrency.map(|many| format!("--concurrency={many}")));
    arguments.push(format!("--targets=@{}", files.targets.display()));
    arguments.extend(files.parameters.as_ref().map(|path| format!("--params=@{}", path.display())));
    let mut operands = Vec::new();
    match work {
        Work::Command(_) => {
            operands.extend(files.content.as_ref().map(|path| format!("@{}", path.display())))
        }
        Work::Script(script) => {
            let environment = script.environment.iter();
            arguments.extend(environment.map(|(name, value)| format!("--env-var={name}={value}")));
            operands.extend(files.content.as_ref().map(|path| path.display().to_string()));
            operands.extend(script.arguments.iter().cloned());
        }
        Work::Task(name, _) | Work::Plan(name, _) => operands.push(name.clone()),
    }
    arguments.push("--".to_owned());
    arguments.extend(operands);
    let mut tool = ToolCommand::new(settings.program(), arguments);
    tool.environment.clone_from(&settings.environment);
    tool.directory.clone_from(&settings.project_path);
    tool.timeout = settings.timeout();
    tool
}

/// Options of every call.
pub(super) fn shared(settings: &Settings) -> Vec<String> {
    let mut options = vec!["--format=json".to_owned()];
    options.extend(settings.project_path.as_ref().map(|path| option("project", path)));
    options
}

fn option(name: &str, path: &Path) -> String {
    format!("--{name}={}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bolt::process::Script;
    use crate::tool::private_files::PrivateRoot;
    use serde_json::{Map, json};

    /// R9.3, R9.5: nothing of a request can be an option, and no text that may be a secret is an argument.
    #[test]
    fn what_comes_from_a_request_is_in_files_or_behind_the_options() {
        let place = tempfile::tempdir().unwrap();
        let root = PrivateRoot::open(place.path(), "bolt").unwrap();
        let settings = Settings {
            project_path: Some("/srv/bolt".into()),
            inventory: Some("/srv/bolt/inventory.yaml".into()),
            concurrency: Some(20),
            ..Settings::default()
        };
        let line = |work: &Work| {
            let files = RunFiles::write(&root, work, "web1\n", None).unwrap();
            let own = files.targets.parent().unwrap().display().to_string();
            let tool = command_line(&settings, work, &files);
            assert_eq!(tool.directory.as_deref(), Some(Path::new("/srv/bolt")));
            tool.arguments.join(" ").replace(&own, "OWN")
        };
        let shared = "run --format=json --project=/srv/bolt --no-save-rerun --inventoryfile=/srv/bolt/inventory.yaml \
                      --concurrency=20 --targets=@OWN/targets";
        assert_eq!(line(&Work::Command("--help".to_owned())), format!("command {shared} -- @OWN/command"));
        let parameters = json!({"password": "hunter2"}).as_object().unwrap().clone();
        assert_eq!(
            line(&Work::Task("a::b".to_owned(), parameters)),
            format!("task {shared} --params=@OWN/params.json -- a::b")
        );
        assert_eq!(
            line(&Work::Plan("a".to_owned(), Map::new())),
            format!("plan {shared} --params=@OWN/params.json -- a")
        );
        let script = Script {
            name: "s.x.sh".to_owned(),
            content: b"id".to_vec(),
            arguments: vec!["--password".to_owned(), "it's".to_owned()],
            environment: vec![("A".to_owned(), "-b".to_owned())],
        };
        let expected = format!("script {shared} --env-var=A=-b -- OWN/s.x.sh --password it's");
        assert_eq!(line(&Work::Script(script)), expected);
    }
}
