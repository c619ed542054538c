//! What a plugin of v1.x lists, as capabilities: [`Listed`].
//!
//! v1.x has names such as `command`, `task`, `package` for what tools can do, and names of single actions such as `start`
//! for what machines can be told. The first become the capabilities of our actions; the second are tasks by these names,
//! which is how v1.x runs them.

use std::collections::BTreeMap;

use pabawi_domain::action::ActionKind;
use pabawi_domain::capability::{Capability, RiskLevel};
use pabawi_domain::cut::cut;
use serde_json::{Map, Value, json};

use super::config::V1Type;
use super::fields::{kind, text};
use super::parameters::Parameters;
use crate::{ansible, bolt};

/// Names of v1.x that are actions of ours, with the names of parameters that are the action's own text or stand for all
/// parameters together.
const ACTIONS: [(&str, ActionKind, &[&str]); 6] = [
    ("command", ActionKind::Command, &[]),
    ("script", ActionKind::Script, &["script", "scriptName", "parameters"]),
    ("task", ActionKind::Task, &["task", "taskName", "parameters"]),
    ("plan", ActionKind::Plan, &["plan", "planName", "parameters"]),
    ("playbook", ActionKind::Playbook, &["playbook", "playbookPath", "parameters"]),
    ("package", ActionKind::Package, &["package", "packageName"]),
];

/// Kinds of action that `executeAction` takes, for a plugin that does not list what it can do.
const UNLISTED: [ActionKind; 4] =
    [ActionKind::Command, ActionKind::Script, ActionKind::Task, ActionKind::Plan];

/// Data of nodes that are capabilities of their own where the plugin is known to have them.
pub(super) const NODE_LISTS: [(&str, &str); 2] = [("events.list", "events"), ("reports.list", "reports")];
/// The plugin that has them.
const HAS_LISTS: &str = "puppetdb";
/// Most capabilities of one list.
const MOST: usize = 500;
/// Bytes of a description that are kept.
const MOST_DESCRIPTION: usize = 500;

pub(super) const INVENTORY: &str = "inventory.list";
pub(super) const FACTS: &str = "facts.get";
pub(super) const NODE_DATA: &str = "node_data.get";

/// The capability that a name of v1.x stands for, where it is one of an action.
pub(super) fn action_of(name: &str) -> Option<ActionKind> {
    ACTIONS.iter().find(|(known, ..)| *known == name).map(|(_, kind, _)| *kind)
}

/// What a plugin can do.
#[derive(Debug, Default)]
pub(super) struct Listed {
    /// As they are registered.
    pub(super) capabilities: Vec<Capability>,
    /// v1.x's own name of each provisioning, by the capability's.
    pub(super) provisioning: BTreeMap<String, String>,
    /// Which names of v1.x a capability has been made of, for what health says of them.
    pub(super) names: BTreeMap<String, String>,
    /// What had to be left out, and why.
    pub(super) warnings: Vec<String>,
}

impl Listed {
    /// What a plugin that looks things up can do.
    pub(super) fn informs(&mut self, plugin: &str) {
        let node = json!({"type": "string", "description": "The node; it has to be named as such, too"});
        let of_type = json!({"type": "string", "minLength": 1, "description": "Which data, such as status"});
        let nothing = || json!({"type": "object"});
        self.read(INVENTORY, "Nodes and groups that the plugin knows", nothing());
        self.read(FACTS, "Facts of nodes", nothing());
        let data =
            json!({"type": "object", "properties": {"node": node, "type": of_type}, "required": ["type"]});
        self.read(NODE_DATA, "Other data of a node", data);
        if plugin == HAS_LISTS {
            for (name, what) in NODE_LISTS {
                let of_node = json!({"type": "object", "properties": {"node": node}});
                self.read(name, &format!("What the plugin knows of a node's {what}"), of_node);
            }
        }
    }

    /// What a plugin can do that has not said what.
    pub(super) fn unlisted(&mut self) {
        for kind in UNLISTED {
            self.add(execution(kind, format!("Does a {kind}"), json!({"type": "object"}), Vec::new()));
        }
    }

    /// What `listCapabilities` says.
    ///
    /// # Errors
    /// It is no list.
    pub(super) fn executes(&mut self, list: &Value) -> Result<(), String> {
        let Value::Array(list) = list else {
            return Err(format!("listCapabilities returned {} and no array", kind(list)));
        };
        self.bounded("listCapabilities", list.len());
        let mut others: Vec<String> = Vec::new();
        for (index, listed) in list.iter().take(MOST).enumerate() {
            let at = format!("listCapabilities[{index}]");
            let Some((listed, name)) =
                listed.as_object().and_then(|listed| Some((listed, text(listed, "name")?)))
            else {
                self.warnings.push(format!("{at}.name: is no text, so the capability is left out"));
                continue;
            };
            if self.names.contains_key(name) {
                self.warnings.push(format!("{at}.name: {name:?} is there twice, the first stands"));
                continue;
            }
            let Some((_, kind, named)) = ACTIONS.iter().find(|(known, ..)| *known == name) else {
                self.names.insert(name.to_owned(), ActionKind::Task.capability().to_owned());
                others.push(name.to_owned());
                continue;
            };
            let parameters = Parameters::read(
                listed.get("parameters"),
                &format!("{at}.parameters"),
                named,
                &mut self.warnings,
            );
            let sensitive = parameters.sensitive.clone();
            let text = description(listed, name);
            self.names.insert(name.to_owned(), kind.capability().to_owned());
            self.add(execution(*kind, text, parameters.schema(), sensitive));
        }
        if !others.is_empty() {
            self.tasks(&others);
        }
        Ok(())
    }

    /// Single actions are tasks by their names. Their parameters differ, so that only the plugin can check them.
    fn tasks(&mut self, names: &[String]) {
        let text = cut(format!("Does one of: {}", names.join(", ")), MOST_DESCRIPTION);
        let name = ActionKind::Task.capability();
        match self.capabilities.iter_mut().find(|capability| capability.name == name) {
            Some(known) => {
                known.description = format!("{}. {text}", known.description.trim_end_matches('.'));
                known.parameters = json!({"type": "object"});
            }
            None => self.add(execution(ActionKind::Task, text, json!({"type": "object"}), Vec::new())),
        }
    }

    /// What `listProvisioningCapabilities` says.
    ///
    /// # Errors
    /// It is no list.
    pub(super) fn provisions(&mut self, list: &Value) -> Result<(), String> {
        let Value::Array(list) = list else {
            return Err(format!("listProvisioningCapabilities returned {} and no array", kind(list)));
        };
        self.bounded("listProvisioningCapabilities", list.len());
        for (index, listed) in list.iter().take(MOST).enumerate() {
            let at = format!("listProvisioningCapabilities[{index}]");
            let Some((listed, name)) =
                listed.as_object().and_then(|listed| Some((listed, text(listed, "name")?)))
            else {
                self.warnings.push(format!("{at}.name: is no text, so the capability is left out"));
                continue;
            };
            let operation = match text(listed, "operation") {
                Some(operation @ ("create" | "destroy")) => operation,
                _ => {
                    self.warnings.push(format!(
                        "{at}.operation: is neither create nor destroy, so the capability {name:?} is left out"
                    ));
                    continue;
                }
            };
            let Some(ours) = provision_name(name).filter(|ours| !self.provisioning.contains_key(ours)) else {
                self.warnings.push(format!(
                    "{at}.name: {name:?} cannot be a capability, or is there twice; it is left out"
                ));
                continue;
            };
            let parameters = Parameters::read(
                listed.get("parameters"),
                &format!("{at}.parameters"),
                &[],
                &mut self.warnings,
            );
            self.provisioning.insert(ours.clone(), name.to_owned());
            self.capabilities.push(Capability {
                name: ours,
                description: description(listed, name),
                sensitive: parameters.sensitive.clone(),
                parameters: parameters.schema(),
                result: Some(json!({"type": "object"})),
                required_permissions: vec![format!("provision.{operation}")],
                risk: RiskLevel::Admin,
                commands: Vec::new(),
                idempotent: false,
                timeout_ms: None,
            });
        }
        Ok(())
    }

    fn bounded(&mut self, what: &str, many: usize) {
        if many > MOST {
            self.warnings.push(format!("{what} returned {many} capabilities, the first {MOST} are taken"));
        }
    }

    fn read(&mut self, name: &str, description: &str, parameters: Value) {
        self.capabilities.push(Capability {
            name: name.to_owned(),
            description: description.to_owned(),
            parameters,
            result: None,
            required_permissions: vec![name.to_owned()],
            risk: RiskLevel::Read,
            sensitive: Vec::new(),
            commands: Vec::new(),
            idempotent: true,
            timeout_ms: None,
        });
    }

    fn add(&mut self, capability: Capability) {
        if !self.capabilities.iter().any(|known| known.name == capability.name) {
            self.capabilities.push(capability);
        }
    }

    /// What of it a plugin of that kind can have.
    pub(super) fn of(kind_of: V1Type, plugin: &str) -> Self {
        let mut listed = Self::default();
        if kind_of.informs() {
            listed.informs(plugin);
        }
        listed
    }
}

fn execution(kind: ActionKind, description: String, parameters: Value, sensitive: Vec<String>) -> Capability {
    Capability {
        name: kind.capability().to_owned(),
        description,
        parameters,
        result: None,
        required_permissions: vec![kind.capability().to_owned()],
        risk: RiskLevel::Execute,
        sensitive,
        commands: command_lines(kind),
        idempotent: false,
        timeout_ms: None,
    }
}

/// Where tasks and plans have a command line by custom: what the plugins for Bolt and Ansible say of theirs, since one of v1.x may
/// run either.
fn command_lines(kind: ActionKind) -> Vec<String> {
    match kind {
        ActionKind::Task => [bolt::command_lines(), ansible::command_lines()].concat(),
        ActionKind::Plan => bolt::command_lines(),
        _ => Vec::new(),
    }
}

fn description(listed: &Map<String, Value>, name: &str) -> String {
    let told = text(listed, "description").map_or_else(|| format!("Does {name}"), str::to_owned);
    cut(told, MOST_DESCRIPTION)
}

/// `create_vm` is `provision.create_vm`.
fn provision_name(name: &str) -> Option<String> {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    let verb: String = name.chars().map(plain).collect();
    (verb.starts_with(|c: char| c.is_ascii_lowercase()) && verb.len() <= 80)
        .then(|| format!("provision.{verb}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(listed: &Listed, name: &str) -> Capability {
        listed.capabilities.iter().find(|capability| capability.name == name).unwrap().clone()
    }

    /// R6.3, R10.2: the names of v1.x become ours; what names the action is no parameter of it.
    #[test]
    fn lists_of_v1_become_capabilities() {
        let mut listed = Listed::of(V1Type::Both, "bolt");
        let list = json!([
            {"name": "command", "description": "Execute shell commands on target nodes", "parameters": [
                {"name": "command", "type": "string", "required": true}, {"name": "sudo", "type": "boolean"}]},
            {"name": "task", "description": "Execute Puppet tasks", "parameters": [
                {"name": "task", "type": "string", "required": true}, {"name": "parameters", "type": "object"}]},
            {"name": "playbook"},
            {"name": "package", "parameters": [
                {"name": "packageName", "type": "string", "required": true}, {"name": "ensure", "type": "string", "required": true}]},
            {"name": "command"}, {"name": 5}, null,
        ]);
        listed.executes(&list).unwrap();
        let names: Vec<&str> =
            listed.capabilities.iter().map(|capability| capability.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "inventory.list",
                "facts.get",
                "node_data.get",
                "command.execute",
                "task.execute",
                "playbook.execute",
                "package.install"
            ]
        );
        assert_eq!(of(&listed, "command.execute").parameters["required"], json!(["command"]));
        assert_eq!(
            of(&listed, "task.execute").parameters,
            json!({"type": "object", "properties": {}, "required": []})
        );
        assert_eq!(of(&listed, "package.install").parameters["required"], json!(["ensure"]));
        assert!(listed.capabilities.iter().all(|one| !one.required_permissions.is_empty()));
        assert!(!of(&listed, "package.install").idempotent);
        assert_eq!(listed.warnings.len(), 3, "{:?}", listed.warnings);
        assert!(listed.executes(&json!("command")).is_err());
        assert!(Listed::of(V1Type::Execution, "x").capabilities.is_empty());
        let puppetdb = Listed::of(V1Type::Information, "puppetdb");
        assert_eq!(puppetdb.capabilities.last().unwrap().name, "reports.list");
    }

    #[test]
    fn single_actions_are_tasks() {
        let mut listed = Listed::default();
        listed
            .executes(
                &json!([{"name": "start"}, {"name": "task", "description": "Tasks."}, {"name": "stop"}]),
            )
            .unwrap();
        assert_eq!(listed.capabilities.len(), 1);
        assert_eq!(listed.capabilities[0].description, "Tasks. Does one of: start, stop");
        let mut listed = Listed::default();
        listed
            .executes(&json!([{"name": "start", "parameters": [{"name": "x", "required": true}]}]))
            .unwrap();
        assert_eq!(listed.capabilities[0].parameters, json!({"type": "object"}));
        let mut listed = Listed::default();
        listed.executes(&json!([])).unwrap();
        assert!(listed.capabilities.is_empty(), "it says that it can do nothing");
    }

    #[test]
    fn provisioning_is_admins_business() {
        let mut listed = Listed::default();
        let list = json!([
            {"name": "create_vm", "description": "Create a VM", "operation": "create",
             "parameters": [{"name": "vmid", "type": "number", "required": true}]},
            {"name": "destroyVM", "operation": "destroy"},
            {"name": "destroyvm", "operation": "destroy"},
            {"name": "resize", "operation": "change"},
            {"name": "1", "operation": "create"},
        ]);
        listed.provisions(&list).unwrap();
        let create = of(&listed, "provision.create_vm");
        assert_eq!(
            (create.risk, create.required_permissions),
            (RiskLevel::Admin, vec!["provision.create".to_owned()])
        );
        assert_eq!(create.parameters["required"], json!(["vmid"]));
        assert_eq!(of(&listed, "provision.destroyvm").required_permissions, ["provision.destroy"]);
        assert_eq!(listed.provisioning["provision.destroyvm"], "destroyVM");
        assert_eq!((listed.capabilities.len(), listed.warnings.len()), (2, 3), "{:?}", listed.warnings);
        assert!(listed.provisions(&json!({})).is_err());
    }
}
