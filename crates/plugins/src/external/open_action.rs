//! An action and its targets with their secrets: [`open_action`], [`open_target`]. Everywhere else they are written as `***`;
//! the program that is to do the action is the one that needs them, and gets them over its standard input.

use bytes::Bytes;
use pabawi_domain::action::{Action, EnvValue};
use pabawi_domain::node::Target;
use pabawi_domain::output::OutputData;
use pabawi_domain::secret::Secret;
use serde_json::{Value, json};

/// The action as it is stored, with its secrets in place of `***`.
pub(super) fn open_action(action: &Action) -> Value {
    let mut written = json!(action);
    let Some(process) = action.process() else { return written };
    for (name, value) in &process.env {
        if let EnvValue::Secret { secret } = value {
            put(&mut written, &["env", name, "secret"], secret);
        }
    }
    if let Some(password) = process.run_as.as_ref().and_then(|run_as| run_as.password.as_ref()) {
        put(&mut written, &["runAs", "password"], password);
    }
    written
}

/// A target with the password of its endpoint.
pub(super) fn open_target(target: &Target) -> Value {
    let mut written = json!(target);
    if let Some(password) = &target.endpoint.password {
        put(&mut written, &["endpoint", "password"], password);
    }
    written
}

/// Text, or `{"base64": ...}` where it is none.
fn put(written: &mut Value, path: &[&str], secret: &Secret) {
    let place = path.iter().try_fold(written, |value, name| value.get_mut(*name));
    if let Some(place) = place {
        *place = json!(OutputData(Bytes::copy_from_slice(secret.expose())));
    }
}

#[cfg(test)]
mod tests {
    use pabawi_domain::action::{CommandAction, RunAs, RunAsMethod, ScriptAction, ToolAction};
    use pabawi_domain::id::NodeId;
    use pabawi_domain::node::Endpoint;

    use super::*;

    #[test]
    fn a_program_gets_the_secrets_of_what_it_is_to_do() {
        let mut command = CommandAction::new("id");
        let env = &mut command.process.env;
        env.insert("A".into(), "plain".into());
        env.insert("B".into(), EnvValue::Secret { secret: Secret::new("hunter2") });
        env.insert("C".into(), EnvValue::Secret { secret: Secret::new(vec![0xff, 0]) });
        let password = Some(Secret::new("hunter3"));
        command.process.run_as = Some(RunAs { user: "app".into(), method: RunAsMethod::Sudo, password });
        let script = ScriptAction {
            name: "x".into(),
            content: OutputData::from("id"),
            interpreter: None,
            arguments: Vec::new(),
            process: command.process.clone(),
        };
        for action in [Action::Command(command), Action::Script(script)] {
            assert!(json!(action).to_string().contains("***"), "as it is stored");
            let open = open_action(&action);
            assert!(!open.to_string().contains("***"), "{open}");
            assert_eq!(
                open["env"],
                json!({"A": "plain", "B": {"secret": "hunter2"}, "C": {"secret": {"base64": "/wA="}}})
            );
            assert_eq!(open["runAs"]["password"], "hunter3");
        }
        let mut tool = ToolAction { name: "deploy".into(), ..ToolAction::default() };
        tool.parameters.insert("password".into(), "hunter4".into());
        tool.sensitive.push("/password".into());
        assert_eq!(open_action(&Action::Task(tool))["parameters"]["password"], "hunter4");

        let mut target = Target::new(NodeId::new("web1").unwrap(), Endpoint::default());
        assert_eq!(open_target(&target), json!(target));
        target.endpoint.password = Some(Secret::new("hunter5"));
        assert_eq!(open_target(&target)["endpoint"]["password"], "hunter5");
    }
}
