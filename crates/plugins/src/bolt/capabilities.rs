//! What the plugin can do: [`capabilities`].

use pabawi_domain::capability::{Capability, RiskLevel};
use serde_json::Value;

use super::schemas;

/// The capabilities.
pub(super) fn capabilities() -> Vec<Capability> {
    let read = Capability::reading;
    vec![
        run("command.execute", "Runs a shell command line", schemas::process(), schemas::printed()),
        run(
            "script.execute",
            "Brings a script to the nodes and runs it there",
            schemas::process(),
            schemas::printed(),
        ),
        Capability {
            commands: command_lines(),
            ..run("task.execute", "Runs a task of a module", schemas::task(), schemas::task_value())
        },
        Capability {
            commands: command_lines(),
            ..run("plan.execute", "Runs a plan of a module", schemas::plan(), schemas::plan_value())
        },
        Capability {
            idempotent: true,
            ..run("facts.collect", "Asks the task facts", schemas::facts(), schemas::task_value())
        },
        read("inventory.list", "Nodes and groups of the inventory", schemas::nothing(), schemas::inventory()),
        read("facts.get", "Facts of nodes of the inventory", schemas::nothing(), schemas::facts_of_nodes()),
        read(
            "task.list",
            "Tasks of the project's modules, with their parameters",
            schemas::filter("tasks"),
            schemas::tasks(),
        ),
        read("task.show", "All that Bolt tells of a task", schemas::name("task"), schemas::one_task()),
        read("plan.list", "Plans of the project's modules", schemas::filter("plans"), schemas::plans()),
        read("plan.show", "All that Bolt tells of a plan", schemas::name("plan"), schemas::one_plan()),
    ]
}

/// Something that runs on nodes.
fn run(name: &str, description: &str, parameters: Value, result: Value) -> Capability {
    Capability {
        risk: RiskLevel::Execute,
        idempotent: false,
        ..Capability::reading(name, description, parameters, result)
    }
}

/// Where tasks and plans have a command line by custom, such as the task `exec`.
pub(crate) fn command_lines() -> Vec<String> {
    vec!["/command".to_owned()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use pabawi_domain::schema::ParameterSchema;
    use serde_json::json;

    fn faults(name: &str, parameters: Value) -> Vec<String> {
        let all = capabilities();
        let one = all.iter().find(|one| one.name == name).unwrap();
        let schema = ParameterSchema::new(&one.parameters).unwrap();
        schema.violations("parameters", &parameters, &one.sensitive).iter().map(ToString::to_string).collect()
    }

    /// R6.3, R9.3
    #[test]
    fn bad_parameters_are_named_and_good_ones_taken() {
        for (name, parameters, part) in [
            ("task.execute", json!({"Name": 1}), "parameters"),
            ("task.execute", json!({"_catch_errors": true}), "parameters"),
            ("task.execute", json!({"_run_as": "-x"}), "parameters._run_as"),
            ("task.execute", json!({"_noop": "yes"}), "parameters._noop"),
            ("plan.execute", json!({"targets": "all"}), "parameters"),
            ("plan.execute", json!({"nodes": "all"}), "parameters"),
            ("facts.collect", json!({"x": 1}), "x"),
            ("task.list", json!({"filter": 1}), "parameters.filter"),
            ("task.show", json!({}), "name"),
            ("plan.show", json!({"name": "--version"}), "parameters.name"),
        ] {
            let found = faults(name, parameters);
            assert!(!found.is_empty() && found[0].contains(part), "{name}: {found:?}");
        }
        let all = json!({"name": "nginx", "action": "install", "_noop": true, "_run_as": "root"});
        assert!(faults("task.execute", all).is_empty());
        assert!(faults("plan.execute", json!({"a": {"b": [1]}})).is_empty());
    }

    /// R6.3, R10.3: what looks needs no more than a permission to look.
    #[test]
    fn each_has_a_permission_of_its_own_and_schemas_that_can_be_used() {
        for capability in capabilities() {
            assert_eq!(capability.required_permissions, std::slice::from_ref(&capability.name));
            let runs = capability.name.ends_with(".execute") || capability.name == "facts.collect";
            let risk = if runs { RiskLevel::Execute } else { RiskLevel::Read };
            assert_eq!(capability.risk, risk, "{}", capability.name);
            ParameterSchema::new(&capability.parameters).unwrap();
            ParameterSchema::new(capability.result.as_ref().unwrap()).unwrap();
        }
    }
}
