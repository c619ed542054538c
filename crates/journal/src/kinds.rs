//! The usual type of what a capability does: [`usual_type`].

use pabawi_domain::journal::event;

/// Tasks that are one thing to do to a machine, by names that plugins of Pabawi v1.x give them, and verbs of capabilities.
const OF_MACHINES: [(&str, &str); 15] = [
    ("provision", event::PROVISION),
    ("create", event::PROVISION),
    ("create_vm", event::PROVISION),
    ("create_lxc", event::PROVISION),
    ("clone", event::PROVISION),
    ("destroy", event::DESTROY),
    ("delete", event::DESTROY),
    ("terminate", event::DESTROY),
    ("start", "start"),
    ("stop", "stop"),
    ("shutdown", "stop"),
    ("reboot", "reboot"),
    ("suspend", "suspend"),
    ("resume", "resume"),
    ("configure", "config_change"),
];

/// The type of entries about what a capability does, and its task of that name.
pub(crate) fn usual_type(capability: &str, name: Option<&str>) -> &'static str {
    let of_machine = |word: &str| OF_MACHINES.iter().find(|(known, _)| *known == word).map(|(_, kind)| *kind);
    let (category, verb) = capability.split_once('.').unwrap_or((capability, ""));
    match category {
        "command" | "script" if verb == "execute" => event::COMMAND,
        "package" => event::PACKAGE,
        "puppet" => event::PUPPET_RUN,
        "facts" => event::FACTS,
        "file" => event::FILE_TRANSFER,
        "task" | "playbook" | "plan" if verb == "execute" => match name {
            Some("puppet_agent::run" | "puppet_agent" | "run_puppet") => event::PUPPET_RUN,
            Some("package") => event::PACKAGE,
            Some(name) => of_machine(name).unwrap_or(event::TASK),
            None => event::TASK,
        },
        "provision" => {
            let first = verb.split('_').next().unwrap_or(verb);
            of_machine(verb).or_else(|| of_machine(first)).unwrap_or(event::PROVISION)
        }
        _ => of_machine(verb).unwrap_or(event::CALL),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R11.1-R11.4: Pabawi's words for what Pabawi has words for.
    #[test]
    fn everything_has_a_type() {
        for (capability, name, expected) in [
            ("command.execute", None, "command_execution"),
            ("script.execute", None, "command_execution"),
            ("task.execute", Some("service"), "task_execution"),
            ("task.execute", Some("reboot"), "reboot"),
            ("task.execute", Some("package"), "package_install"),
            ("task.execute", Some("puppet_agent::run"), "puppet_run"),
            ("playbook.execute", Some("site.yml"), "task_execution"),
            ("plan.execute", Some("deploy"), "task_execution"),
            ("package.install", Some("nginx"), "package_install"),
            ("package.remove", None, "package_install"),
            ("provision.create_vm", None, "provision"),
            ("provision.destroy_vm", None, "destroy"),
            ("provision.anything", None, "provision"),
            ("vm.create", None, "provision"),
            ("vm.terminate", None, "destroy"),
            ("vm.snapshot", None, "plugin_call"),
            ("file.upload", None, "file_transfer"),
            ("facts.collect", None, "facts_collection"),
            ("task.list", None, "plugin_call"),
            ("odd", None, "plugin_call"),
        ] {
            assert_eq!(usual_type(capability, name), expected, "{capability} {name:?}");
        }
    }
}
