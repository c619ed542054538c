//! From an action to what Ansible is to do: [`Work`]. Nothing has been started or written by then, and what cannot be done is
//! refused with its field.

use std::path::PathBuf;

use pabawi_domain::action::{Action, ToolAction};
use pabawi_domain::validation::FieldError;
use serde_json::{Map, Value};

use super::parameters::{Becoming, Parameters};
use super::play::{Play, Versioned};
use super::process;
use super::settings::Settings;
use crate::tool::argv::{file_below, operand};

/// Variables of Ansible's own decide where and as whom a playbook works; a caller may not.
const RESERVED: [&str; 2] = ["ansible_", "pabawi_"];

/// What Ansible is to do.
pub(super) struct Work {
    /// By which playbook.
    pub(super) book: Book,
    /// Options that need no file.
    pub(super) options: Vec<String>,
    /// Extra variables; no text of them is a template.
    pub(super) variables: Map<String, Value>,
    /// The password of vaulted files.
    pub(super) vault_password: Option<String>,
    /// Something of it is a secret: nodes are not to write it into their logs.
    pub(super) has_secrets: bool,
}

/// A playbook.
pub(super) enum Book {
    /// One that is written for the run, as YAML.
    Written {
        /// Its text.
        text: String,
        /// Whether the node's output is the result as JSON, and not what a command printed.
        shows_value: bool,
    },
    /// One of the project.
    File(PathBuf),
}

impl Work {
    /// What an action means to Ansible.
    ///
    /// # Errors
    /// What cannot be done, by its field.
    pub(super) fn of(action: &Action, settings: &Settings) -> Result<Self, FieldError> {
        match action {
            Action::Command(action) => Ok(Self::written(process::command(action)?, false)),
            Action::Script(action) => Ok(Self::written(process::script(action)?, false)),
            Action::Task(tool) => task(tool).map(|work| work.guarding(tool)),
            Action::Package(tool) => package(tool).map(|work| work.guarding(tool)),
            Action::Facts(tool) => facts(tool).map(|work| work.guarding(tool)),
            Action::Playbook(tool) => playbook(tool, settings).map(|work| work.guarding(tool)),
            other => {
                let message = format!("is a {}, which Ansible cannot do", other.kind());
                Err(FieldError { path: "action".to_owned(), message })
            }
        }
    }

    fn written(play: Play, shows_value: bool) -> Self {
        let mut work = Self {
            book: Book::Written { text: play.text(), shows_value },
            options: Vec::new(),
            variables: Map::new(),
            vault_password: None,
            has_secrets: false,
        };
        work.take_password(play.becoming.as_ref());
        work
    }

    fn take_password(&mut self, becoming: Option<&Becoming>) {
        if let Some(password) = becoming.and_then(|becoming| becoming.password.as_deref()) {
            self.variables.insert("ansible_become_password".to_owned(), password.into());
        }
    }

    fn guarding(mut self, tool: &ToolAction) -> Self {
        self.has_secrets = tool.secrets().next().is_some();
        self
    }
}

fn task(tool: &ToolAction) -> Result<Work, FieldError> {
    let parameters = Parameters(&tool.parameters);
    parameters.only(&[
        "arguments",
        "check",
        "diff",
        "become",
        "becomeUser",
        "becomeMethod",
        "becomePassword",
    ])?;
    let is_part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    if !tool.name.split('.').all(is_part) {
        let message = "must be the name of a module, such as ansible.builtin.copy".to_owned();
        return Err(FieldError { path: "action.name".to_owned(), message });
    }
    let mut play = Play::of(&tool.name, parameters.object("arguments")?.cloned().unwrap_or_default());
    play.becoming = parameters.becoming()?;
    let mut work = Work::written(play, true);
    work.options = parameters.dry_options()?;
    Ok(work)
}

fn package(tool: &ToolAction) -> Result<Work, FieldError> {
    let parameters = Parameters(&tool.parameters);
    parameters.only(&[
        "ensure",
        "version",
        "settings",
        "check",
        "diff",
        "become",
        "becomeUser",
        "becomeMethod",
        "becomePassword",
    ])?;
    let is_name = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '@' || c == '_')
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "+._:/@~-".contains(c))
    };
    if !is_name(&tool.name) {
        let message = "must be the name of one package: letters, digits and + . _ : / @ ~ - only".to_owned();
        return Err(FieldError { path: "action.name".to_owned(), message });
    }
    let ensure = parameters.text("ensure")?.unwrap_or("present");
    if !["present", "absent", "latest"].contains(&ensure) {
        return Err(Parameters::fault("ensure", "must be present, absent or latest"));
    }
    let mut arguments = parameters.object("settings")?.cloned().unwrap_or_default();
    for taken in ["name", "state"] {
        if arguments.contains_key(taken) {
            return Err(Parameters::fault(&format!("settings.{taken}"), "is said by the request already"));
        }
    }
    arguments.insert("state".to_owned(), ensure.into());
    let version = parameters.text("version")?;
    let versioned = match version {
        Some(_) if ensure == "latest" => {
            return Err(Parameters::fault("version", "cannot be had with ensure: latest"));
        }
        Some(version) if !is_name(version) => {
            return Err(Parameters::fault("version", "must have letters, digits and + . _ : / @ ~ - only"));
        }
        Some(version) => Some(Versioned { name: tool.name.clone(), version: version.to_owned() }),
        None => {
            arguments.insert("name".to_owned(), tool.name.as_str().into());
            None
        }
    };
    let mut play = Play::of("ansible.builtin.package", arguments);
    play.versioned = versioned;
    play.becoming = parameters.becoming()?;
    let mut work = Work::written(play, true);
    work.options = parameters.dry_options()?;
    Ok(work)
}

fn facts(tool: &ToolAction) -> Result<Work, FieldError> {
    let parameters = Parameters(&tool.parameters);
    parameters.only(&["gatherSubset", "filter", "become", "becomeUser", "becomeMethod", "becomePassword"])?;
    let mut arguments = Map::new();
    for (name, argument) in [("gatherSubset", "gather_subset"), ("filter", "filter")] {
        let texts = parameters.texts(name)?;
        if !texts.is_empty() {
            arguments.insert(argument.to_owned(), texts.into());
        }
    }
    let mut play = Play::of("ansible.builtin.setup", arguments);
    play.becoming = parameters.becoming()?;
    Ok(Work::written(play, true))
}

fn playbook(tool: &ToolAction, settings: &Settings) -> Result<Work, FieldError> {
    let parameters = Parameters(&tool.parameters);
    parameters.only(&[
        "extraVars",
        "tags",
        "skipTags",
        "check",
        "diff",
        "vaultPassword",
        "become",
        "becomeUser",
        "becomeMethod",
        "becomePassword",
    ])?;
    let book = Book::File(playbook_file("action.name", &tool.name, settings)?);
    let variables = parameters.object("extraVars")?.cloned().unwrap_or_default();
    for name in variables.keys() {
        let field = format!("extraVars.{name}");
        operand(&format!("action.parameters.{field}"), name)?;
        if RESERVED.iter().any(|prefix| name.starts_with(prefix)) {
            let message = "is a variable of Ansible's own, which a request may not set; the inventory can";
            return Err(Parameters::fault(&field, message));
        }
    }
    let mut options = parameters.dry_options()?;
    options.extend(parameters.tags("tags", "tags")?);
    options.extend(parameters.tags("skipTags", "skip-tags")?);
    let becoming = parameters.becoming()?;
    options.extend(becoming.iter().flat_map(Becoming::options));
    let vault_password = parameters.text("vaultPassword")?.map(str::to_owned);
    let mut work = Work { book, options, variables, vault_password, has_secrets: false };
    work.take_password(becoming.as_ref());
    Ok(work)
}

/// The file of a playbook of the project.
///
/// # Errors
/// There is none, or it leads elsewhere.
pub(super) fn playbook_file(field: &str, name: &str, settings: &Settings) -> Result<PathBuf, FieldError> {
    let fault = |message: &str| FieldError { path: field.to_owned(), message: message.to_owned() };
    let Some(project) = &settings.project_path else {
        return Err(fault("cannot be found: the plugin's configuration has no projectPath"));
    };
    operand(field, name)?;
    let is_yaml = name.ends_with(".yml") || name.ends_with(".yaml");
    if !is_yaml {
        return Err(fault("must be a path that ends with .yml or .yaml"));
    }
    file_below(field, project, name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn tool(name: &str, parameters: Value) -> ToolAction {
        let parameters = parameters.as_object().unwrap().clone();
        ToolAction { name: name.to_owned(), parameters, ..ToolAction::default() }
    }

    fn fault(action: &Action, settings: &Settings) -> String {
        Work::of(action, settings).err().unwrap().to_string()
    }

    /// R9.3
    #[test]
    fn what_cannot_be_done_is_refused_with_its_field() {
        let project = tempfile::tempdir().unwrap();
        std::fs::write(project.path().join("site.yml"), "[]").unwrap();
        let settings = Settings { project_path: Some(project.path().to_owned()), ..Settings::default() };
        for (name, parameters, part) in [
            ("../site.yml", json!({}), "action.name: must be a path below"),
            ("--version.yml", json!({}), "action.name: must not start with '-'"),
            ("site.txt", json!({}), "action.name: must be a path that ends with"),
            ("missing.yml", json!({}), "action.name: \"missing.yml\" cannot be read"),
            (
                "site.yml",
                json!({"extraVars": {"ansible_host": "x"}}),
                "action.parameters.extraVars.ansible_host",
            ),
            ("site.yml", json!({"extraVars": []}), "action.parameters.extraVars: must be an object"),
            ("site.yml", json!({"limit": "all"}), "action.parameters.limit: is not known"),
            ("site.yml", json!({"tags": ["--x"]}), "action.parameters.tags"),
        ] {
            let found = fault(&Action::Playbook(tool(name, parameters)), &settings);
            assert!(found.starts_with(part), "{found}");
        }
        for (name, parameters, part) in [
            ("copy src=/x", json!({}), "action.name: must be the name of a module"),
            ("-m", json!({}), "action.name"),
            ("a..b", json!({}), "action.name"),
            ("ping", json!({"arguments": 1}), "action.parameters.arguments: must be an object"),
        ] {
            let found = fault(&Action::Task(tool(name, parameters)), &settings);
            assert!(found.starts_with(part), "{found}");
        }
        for (name, parameters, part) in [
            ("a,b", json!({}), "action.name: must be the name of one package"),
            ("dash", json!({"ensure": "gone"}), "action.parameters.ensure"),
            ("dash", json!({"ensure": "latest", "version": "1"}), "action.parameters.version"),
            ("dash", json!({"settings": {"name": "x"}}), "action.parameters.settings.name"),
        ] {
            let found = fault(&Action::Package(tool(name, parameters)), &settings);
            assert!(found.starts_with(part), "{found}");
        }
        let found = fault(&Action::Plan(tool("x", json!({}))), &settings);
        assert_eq!(found, "action: is a plan, which Ansible cannot do");
        let found = fault(&Action::Playbook(tool("site.yml", json!({}))), &Settings::default());
        assert!(found.contains("no projectPath"), "{found}");
    }

    #[test]
    fn texts_of_a_request_are_no_templates_and_passwords_are_variables() {
        let parameters = json!({
            "arguments": {"msg": "{{ lookup('pipe', 'id') }}"}, "become": true, "becomeUser": "app",
            "becomePassword": "hunter2", "check": true
        });
        let work = Work::of(&Action::Task(tool("debug", parameters)), &Settings::default()).unwrap();
        let Book::Written { text, shows_value } = &work.book else { panic!("it is written") };
        assert!(text.contains(r#"? "msg" : !unsafe "{{ lookup('pipe', 'id') }}""#), "{text}");
        assert!(text.contains(r#"? "become_user" : !unsafe "app""#) && !text.contains("hunter2"), "{text}");
        assert!(*shows_value);
        assert_eq!(
            (work.options, &work.variables["ansible_become_password"]),
            (vec!["--check".to_owned()], &"hunter2".into())
        );
    }
}
