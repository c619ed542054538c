//! What the plugin can do: [`capabilities`], with the schemas of the parameters.

use pabawi_domain::capability::{Capability, RiskLevel};
use serde_json::{Map, Value, json};

/// The capabilities, by name.
pub(super) fn capabilities() -> Vec<Capability> {
    let run =
        |name: &str, description: &str, parameters: Value, sensitive: &[&str], idempotent: bool| Capability {
            name: name.to_owned(),
            description: description.to_owned(),
            parameters,
            result: None,
            required_permissions: vec![name.to_owned()],
            risk: RiskLevel::Execute,
            sensitive: sensitive.iter().map(|pointer| (*pointer).to_owned()).collect(),
            commands: if name == "task.execute" { command_lines() } else { Vec::new() },
            idempotent,
            timeout_ms: None,
        };
    let read = Capability::reading;
    let list =
        |item: &str| json!({"type": "object", "required": [item], "properties": {item: {"type": "array"}}});
    let password = "/becomePassword";
    vec![
        run(
            "command.execute",
            "Runs a shell command line by the module shell",
            process(),
            &["/runAs/password"],
            false,
        ),
        run(
            "script.execute",
            "Brings a script to the nodes and runs it there",
            process(),
            &["/runAs/password"],
            false,
        ),
        run("task.execute", "Runs a module", task(), &[password], false),
        run(
            "playbook.execute",
            "Runs a playbook of the project",
            playbook(),
            &[password, "/vaultPassword"],
            false,
        ),
        run("package.install", "Installs, updates or removes a package", package(), &[password], true),
        run("facts.collect", "Asks the module setup for facts", facts(), &[password], true),
        read("inventory.list", "Nodes and groups of the inventory", object(Map::new(), &[]), list("nodes")),
        read("facts.get", "Facts of nodes of the inventory", object(Map::new(), &[]), list("facts")),
        read("playbook.list", "Playbooks of the project", object(Map::new(), &[]), list("playbooks")),
        read("playbook.show", "Plays and parameters of a playbook", show(), json!({"type": "object"})),
        read("task.list", "Modules that Ansible knows", filter(), list("tasks")),
    ]
}

/// Where modules such as command, shell and raw have their command line.
pub(crate) fn command_lines() -> Vec<String> {
    ["/arguments/_raw_params", "/arguments/cmd", "/arguments/argv"].map(str::to_owned).to_vec()
}

/// What an object of these properties looks like.
fn object(properties: Map<String, Value>, required: &[&str]) -> Value {
    json!({"type": "object", "additionalProperties": false, "properties": properties, "required": required})
}

/// Properties that several have.
fn shared(own: Value) -> Map<String, Value> {
    let mut all = match own {
        Value::Object(own) => own,
        _ => Map::new(),
    };
    let user = json!({"type": "string", "pattern": "^[A-Za-z0-9_][A-Za-z0-9_.@\\\\-]*$"});
    let mut add = |name: &str, mut schema: Value, description: &str| {
        if let Value::Object(fields) = &mut schema {
            fields.insert("description".to_owned(), description.into());
        }
        all.insert(name.to_owned(), schema);
    };
    add("become", json!({"type": "boolean"}), "Become another user, root unless becomeUser says otherwise");
    add("becomeUser", user, "The user to become");
    add(
        "becomeMethod",
        json!({"type": "string", "pattern": "^[A-Za-z0-9_.]+$"}),
        "How: sudo, su, or a become plugin",
    );
    add("becomePassword", json!({"type": "string", "minLength": 1}), "The password that is asked for then");
    all
}

fn dry() -> Value {
    json!({
        "check": {"type": "boolean", "description": "Change nothing, tell what would change"},
        "diff": {"type": "boolean", "description": "Show what changes in files"},
    })
}

fn with_dry(own: Value) -> Map<String, Value> {
    let mut all = shared(own);
    if let Value::Object(dry) = dry() {
        all.extend(dry);
    }
    all
}

/// Commands and scripts bring their own options; the action is checked by the engine.
fn process() -> Value {
    json!({"type": "object"})
}

fn task() -> Value {
    object(with_dry(json!({"arguments": {"type": "object", "description": "Arguments of the module"}})), &[])
}

fn tag_list(description: &str) -> Value {
    json!({"type": "array", "maxItems": 100, "description": description,
           "items": {"type": "string", "pattern": "^[A-Za-z0-9_][A-Za-z0-9_.:-]*$"}})
}

fn playbook() -> Value {
    object(
        with_dry(json!({
            "extraVars": {
                "type": "object",
                "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$"},
                "description": "Variables; their texts are no templates"
            },
            "tags": tag_list("Only tasks with one of these tags"),
            "skipTags": tag_list("No tasks with one of these tags"),
            "vaultPassword": {"type": "string", "minLength": 1, "description": "The password of vaulted files"},
        })),
        &[],
    )
}

fn package() -> Value {
    object(
        with_dry(json!({
            "ensure": {"enum": ["present", "absent", "latest"], "description": "present unless said otherwise"},
            "version": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9+._:~-]*$", "description": "This version"},
            "settings": {"type": "object", "propertyNames": {"pattern": "^[a-z_]+$"},
                         "description": "More arguments of the package manager's module"},
        })),
        &[],
    )
}

fn facts() -> Value {
    let list = |description: &str| json!({"type": "array", "items": {"type": "string"}, "maxItems": 100, "description": description});
    object(
        shared(json!({
            "gatherSubset": list("Which facts: all, min, hardware, network, !hardware and so on"),
            "filter": list("Only facts of these names; * stands for anything"),
        })),
        &[],
    )
}

fn show() -> Value {
    let path = json!({"type": "string", "description": "The playbook's path below the project"});
    object(Map::from_iter([("path".to_owned(), path)]), &["path"])
}

fn filter() -> Value {
    let filter = json!({"type": "string", "description": "Only modules whose name or description has this"});
    object(Map::from_iter([("filter".to_owned(), filter)]), &[])
}

#[cfg(test)]
mod tests {
    use super::*;
    use pabawi_domain::schema::ParameterSchema;

    fn faults(name: &str, parameters: Value) -> Vec<String> {
        let all = capabilities();
        let one = all.iter().find(|one| one.name == name).unwrap();
        let schema = ParameterSchema::new(&one.parameters).unwrap();
        schema.violations("parameters", &parameters, &one.sensitive).iter().map(ToString::to_string).collect()
    }

    /// R9.3
    #[test]
    fn bad_parameters_are_named_and_secrets_are_not_shown() {
        for (name, parameters, part) in [
            ("task.execute", json!({"args": {}}), "args"),
            ("task.execute", json!({"arguments": "x"}), "parameters.arguments"),
            ("task.execute", json!({"becomeUser": "-x"}), "parameters.becomeUser"),
            ("playbook.execute", json!({"tags": ["--limit=all"]}), "parameters.tags[0]"),
            ("playbook.execute", json!({"extraVars": {"a b": 1}}), "parameters.extraVars"),
            ("package.install", json!({"ensure": "installed"}), "parameters.ensure"),
            ("package.install", json!({"version": "-1"}), "parameters.version"),
            ("facts.collect", json!({"gatherSubset": "all"}), "parameters.gatherSubset"),
            ("playbook.show", json!({}), "path"),
        ] {
            let found = faults(name, parameters);
            assert!(found.len() == 1 && found[0].contains(part), "{name}: {found:?}");
        }
        let found = faults("task.execute", json!({"becomePassword": ["hunter2"]}));
        assert!(found.len() == 1 && !found[0].contains("hunter2"), "{found:?}");
        assert!(
            faults("package.install", json!({"ensure": "latest", "check": true, "become": true})).is_empty()
        );
    }
}
