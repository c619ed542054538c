//! Which tasks and plans there are: [`Catalog`]. One call of Bolt names all; a list holds for its time, as long as the files of
//! the project do not change.

use std::sync::Arc;
use std::time::SystemTime;

use serde_json::{Value, json};
use tokio::sync::{Mutex, OnceCell};
use tokio::time::Instant;

use super::metadata::{Mark, Metadata, Modules};
use super::program::Program;
use crate::tool::call::{Refused, blocking};
use pabawi_domain::error::ErrorCode;

/// Knows them.
pub(super) struct Catalog {
    program: Program,
    tasks: Mutex<Option<Kept>>,
    plans: Mutex<Option<Kept>>,
    /// Where the modules are that come with Bolt; that does not change while it works.
    with_bolt: OnceCell<Modules>,
}

/// A list that was had before.
struct Kept {
    list: Arc<Vec<Value>>,
    modules: Modules,
    mark: Mark,
    at: Instant,
}

/// A task or a plan as Bolt lists it.
#[derive(Debug, PartialEq)]
struct Listed {
    name: String,
    description: Option<String>,
    /// What older versions tell at once.
    metadata: Option<Value>,
}

impl Catalog {
    pub(super) fn new(program: Program) -> Self {
        Self { program, tasks: Mutex::default(), plans: Mutex::default(), with_bolt: OnceCell::new() }
    }

    /// Tasks whose name or description has a text.
    ///
    /// # Errors
    /// Why there is no answer.
    pub(super) async fn tasks(&self, filter: &str) -> Result<Value, Refused> {
        let all = self.list("task", &self.tasks).await?;
        Ok(json!({"tasks": filtered(&all, filter)}))
    }

    /// Plans whose name or description has a text.
    ///
    /// # Errors
    /// Why there is no answer.
    pub(super) async fn plans(&self, filter: &str) -> Result<Value, Refused> {
        let all = self.list("plan", &self.plans).await?;
        Ok(json!({"plans": filtered(&all, filter)}))
    }

    /// All that Bolt tells of one of them.
    ///
    /// # Errors
    /// Why there is no answer.
    pub(super) async fn one(&self, what: &str, name: &str) -> Result<Value, Refused> {
        let answer = self.program.answer([what, "show"], Some(name)).await?;
        match answer.is_object() {
            true => Ok(answer),
            false => Err((ErrorCode::PluginFault, format!("bolt's answer about {name} is no object"))),
        }
    }

    /// Who asks meanwhile waits for the same answer.
    async fn list(&self, what: &'static str, kept: &Mutex<Option<Kept>>) -> Result<Arc<Vec<Value>>, Refused> {
        let mut kept = kept.lock().await;
        if let Some(kept) = &*kept
            && kept.at.elapsed() < self.program.settings.list_cache()
            && mark(kept.modules.clone()).await? == kept.mark
        {
            return Ok(Arc::clone(&kept.list));
        }
        let begun = SystemTime::now();
        let answer = self.program.answer([what, "show"], None).await?;
        let listed = listed(what, &answer)?;
        let modules =
            Modules { project: self.program.settings.project_path.clone(), directories: paths(&answer) };
        let list = match what {
            "task" => self.described(listed, modules.clone()).await?,
            _ => listed
                .into_iter()
                .map(|plan| json!({"name": plan.name, "description": plan.description}))
                .collect(),
        };
        let list = Arc::new(list);
        let mark = mark(modules.clone()).await?;
        // What changed while Bolt was asked may be in its answer or not.
        *kept = (!mark.is_younger_than(begun)).then(|| Kept {
            list: Arc::clone(&list),
            modules,
            mark,
            at: Instant::now(),
        });
        Ok(list)
    }

    /// Tasks with what is told of their parameters.
    async fn described(&self, tasks: Vec<Listed>, modules: Modules) -> Result<Vec<Value>, Refused> {
        let (tasks, is_whole) = blocking(move || {
            let mut is_whole = true;
            let described: Vec<(Listed, Option<Metadata>)> = tasks
                .into_iter()
                .map(|task| {
                    let told = task.metadata.as_ref().and_then(Value::as_object).map(Metadata::of);
                    is_whole &= told.is_some() || modules.has(&task.name);
                    let metadata = told.or_else(|| modules.metadata(&task.name));
                    (task, metadata)
                })
                .collect();
            (described, is_whole)
        })
        .await?;
        let with_bolt = match is_whole {
            true => Modules::default(),
            false => self.with_bolt.get_or_init(|| self.modules_with_bolt()).await.clone(),
        };
        blocking(move || {
            let describe = |(task, metadata): (Listed, Option<Metadata>)| {
                let metadata = metadata.or_else(|| with_bolt.metadata(&task.name));
                let module = task.name.split("::").next().unwrap_or_default();
                let description = task
                    .description
                    .or_else(|| metadata.as_ref().and_then(|metadata| metadata.description.clone()));
                json!({
                    "name": task.name,
                    "description": description,
                    "module": module,
                    "supportsNoop": metadata.as_ref().is_some_and(|metadata| metadata.supports_noop),
                    "parameters": metadata.map(|metadata| metadata.parameters),
                })
            };
            tasks.into_iter().map(describe).collect()
        })
        .await
    }

    /// The directories that `bolt module show` names. Without an answer, the parameters of tasks that come with Bolt stay unknown.
    async fn modules_with_bolt(&self) -> Modules {
        match self.program.answer(["module", "show"], None).await {
            Ok(Value::Object(directories)) => {
                Modules { project: None, directories: directories.keys().map(Into::into).collect() }
            }
            Ok(_) => Modules::default(),
            Err((_, error)) => {
                tracing::warn!(%error, "parameters of tasks that come with Bolt are not known");
                Modules::default()
            }
        }
    }
}

async fn mark(modules: Modules) -> Result<Mark, Refused> {
    blocking(move || modules.mark()).await
}

fn filtered(all: &[Value], filter: &str) -> Vec<Value> {
    let filter = filter.to_lowercase();
    let has = |value: &Value| value.as_str().is_some_and(|text| text.to_lowercase().contains(&filter));
    let fits = |one: &&Value| ["name", "description"].iter().any(|field| one.get(field).is_some_and(has));
    all.iter().filter(|one| filter.is_empty() || fits(one)).cloned().collect()
}

/// The directories with modules that an answer names.
fn paths(answer: &Value) -> Vec<std::path::PathBuf> {
    let paths = answer.get("modulepath");
    let (one, many) = match paths {
        // Older versions join them.
        Some(Value::String(paths)) => (paths.split(':').collect(), &[][..]),
        Some(Value::Array(paths)) => (Vec::new(), paths.as_slice()),
        _ => (Vec::new(), &[][..]),
    };
    one.into_iter()
        .chain(many.iter().filter_map(Value::as_str))
        .filter(|path| !path.is_empty())
        .map(Into::into)
        .collect()
}

/// What is listed, by its shape: `{tasks: [[name, description]]}`, a list of objects with a name, or an object by name.
fn listed(what: &str, answer: &Value) -> Result<Vec<Listed>, Refused> {
    let of = |name: &str, told: &Value| Listed {
        name: name.to_owned(),
        description: told
            .get("description")
            .or_else(|| told.pointer("/metadata/description"))
            .and_then(Value::as_str)
            .map(str::to_owned),
        metadata: told.get("metadata").or_else(|| told.get("parameters").map(|_| told)).cloned(),
    };
    let list = answer.get(format!("{what}s")).unwrap_or(answer);
    let entry = |entry: &Value| match entry {
        Value::Array(pair) => {
            let text = |at: usize| pair.get(at).and_then(Value::as_str).map(str::to_owned);
            Some(Listed { name: text(0)?, description: text(1), metadata: None })
        }
        Value::Object(told) => Some(of(told.get("name")?.as_str()?, entry)),
        Value::String(name) => Some(of(name, &Value::Null)),
        _ => None,
    };
    let found: Option<Vec<Listed>> = match list {
        Value::Array(entries) => entries.iter().map(entry).collect(),
        Value::Object(named) => Some(named.iter().map(|(name, told)| of(name, told)).collect()),
        _ => None,
    };
    found.ok_or_else(|| {
        (ErrorCode::PluginFault, format!("bolt's list of {what}s has a form that is not known"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_known_by_their_shape() {
        let names = |answer: &Value| {
            let listed = listed("task", answer).unwrap();
            let shown = listed.iter().map(|one| {
                format!(
                    "{} {} {}",
                    one.name,
                    one.description.as_deref().unwrap_or("-"),
                    one.metadata.is_some()
                )
            });
            shown.collect::<Vec<_>>().join(", ")
        };
        assert_eq!(
            names(&json!({"tasks": [["a", "A"], ["b", null]], "modulepath": []})),
            "a A false, b - false"
        );
        let metadata = json!({"description": "A", "parameters": {}});
        assert_eq!(names(&json!([{"name": "a", "metadata": metadata}])), "a A true");
        assert_eq!(names(&json!({"tasks": {"a": {"description": "A", "parameters": {}}}})), "a A true");
        for bad in [json!({"tasks": 1}), json!([1]), json!({"tasks": [[1]]}), json!([{"x": 1}])] {
            assert_eq!(listed("task", &bad).unwrap_err().0, ErrorCode::PluginFault);
        }
        let of = |paths: Value| super::paths(&json!({"modulepath": paths})).len();
        assert_eq!((of(json!(["/a", "/b"])), of(json!("/a:/b")), of(json!(null))), (2, 2, 0));
        let all =
            [json!({"name": "Facts", "description": null}), json!({"name": "x", "description": "of facts"})];
        assert_eq!(
            (filtered(&all, "FACTS").len(), filtered(&all, "").len(), filtered(&all, "y").len()),
            (2, 2, 0)
        );
    }
}
