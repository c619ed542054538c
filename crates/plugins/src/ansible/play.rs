//! Plays that are written for a run: [`Play`], of one task that counts and of what has to come before it.

use serde_json::{Map, Value, json};

use super::parameters::Becoming;
use super::yaml::{literal, plain};

/// The name of the task whose result is that of the node.
pub(super) const WORK: &str = "pabawi work";
/// The group of the nodes of a run.
pub(super) const GROUP: &str = "pabawi_targets";

/// A play.
pub(super) struct Play {
    /// The module; only what [`super::work`] has checked.
    pub(super) module: String,
    /// Its arguments; no text of them is a template.
    pub(super) arguments: Map<String, Value>,
    /// Environment variables of the task.
    pub(super) environment: Map<String, Value>,
    /// Another user.
    pub(super) becoming: Option<Becoming>,
    /// For a package of a certain version.
    pub(super) versioned: Option<Versioned>,
}

/// A package whose version is written behind its name, as its manager wants it.
pub(super) struct Versioned {
    pub(super) name: String,
    pub(super) version: String,
}

impl Play {
    /// A play of one module.
    pub(super) fn of(module: impl Into<String>, arguments: Map<String, Value>) -> Self {
        Self { module: module.into(), arguments, environment: Map::new(), becoming: None, versioned: None }
    }

    /// As YAML.
    pub(super) fn text(&self) -> String {
        let mut tasks = Vec::new();
        let mut arguments: Vec<String> =
            self.arguments.iter().map(|(name, value)| field(name, &literal(value))).collect();
        let mut play = vec![
            field("hosts", &plain(&GROUP.into())),
            field("gather_facts", "false"),
            // Which nodes go on is not Ansible's to decide here.
            field("any_errors_fatal", "false"),
        ];
        if let Some(Versioned { name, version }) = &self.versioned {
            let subset = json!({"gather_subset": ["!all", "!min", "pkg_mgr"]});
            tasks.push(object(&[
                field("name", &plain(&"pabawi package manager".into())),
                field("action", &plain(&"ansible.builtin.setup".into())),
                field("args", &plain(&subset)),
            ]));
            play.push(field("vars", &literal(&json!({"pabawi_name": name, "pabawi_version": version}))));
            let joined = "{{ pabawi_name }}{{ '=' if ansible_facts['pkg_mgr'] | default('') == 'apt' else '-' }}\
                          {{ pabawi_version }}";
            arguments.push(field("name", &plain(&joined.into())));
        }
        let mut task = vec![
            field("name", &plain(&WORK.into())),
            field("action", &plain(&self.module.as_str().into())),
            field("args", &object(&arguments)),
        ];
        if !self.environment.is_empty() {
            task.push(field("environment", &literal(&Value::Object(self.environment.clone()))));
        }
        if let Some(becoming) = &self.becoming {
            task.push(field("become", "true"));
            for (name, value) in [("become_user", &becoming.user), ("become_method", &becoming.method)] {
                task.extend(value.iter().map(|value| field(name, &literal(&value.as_str().into()))));
            }
        }
        tasks.push(object(&task));
        play.push(field("tasks", &format!("[{}]", tasks.join(", "))));
        format!("[{}]\n", object(&play))
    }
}

fn field(name: &str, value: &str) -> String {
    format!("? {} : {value}", plain(&name.into()))
}

fn object(fields: &[String]) -> String {
    format!("{{{}}}", fields.join(", "))
}
