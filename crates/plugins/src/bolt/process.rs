//! Commands and scripts: [`command_text`] and [`Script`]. Bolt reads both from files, so that nothing of them is in arguments.

use pabawi_domain::action::{
    CommandAction, EnvValue, OnLinkLoss, ProcessOptions, RunAs, RunAsMethod, ScriptAction,
};
use pabawi_domain::validation::FieldError;

use crate::tool::argv::shell_word;

/// What a command says that could not enter its directory.
pub(super) const NO_DIRECTORY: &str = "pabawi: the working directory cannot be entered";

/// The text of a command. What Bolt has no option for that the inventory could not undo is done by the shell there.
///
/// # Errors
/// What Bolt cannot do, by its field.
pub(super) fn command_text(action: &CommandAction) -> Result<String, FieldError> {
    let process = &action.process;
    refuse(process)?;
    let mut before = String::new();
    if let Some(umask) = process.umask {
        before.push_str(&format!("umask {umask:04o}\n"));
    }
    for (name, value) in plain_environment(process)? {
        before.push_str(&format!("export {name}={}\n", shell_word(value)));
    }
    if let Some(directory) = &process.cwd {
        let directory = shell_word(directory);
        before.push_str(&format!("cd -- {directory} || {{ echo '{NO_DIRECTORY}' >&2; exit 1; }}\n"));
    }
    let text = format!("{before}{}", action.command);
    match &process.run_as {
        None => Ok(text),
        Some(run_as) => {
            let user = sudo_user(run_as)?;
            Ok(format!("sudo -n -H -u {} -- /bin/sh -c {}", shell_word(user), shell_word(&text)))
        }
    }
}

/// A script as Bolt takes it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Script {
    /// The name of its file.
    pub(super) name: String,
    /// What is in it.
    pub(super) content: Vec<u8>,
    /// Its arguments.
    pub(super) arguments: Vec<String>,
    /// Variables of its environment.
    pub(super) environment: Vec<(String, String)>,
}

impl Script {
    /// The script of an action.
    ///
    /// # Errors
    /// What Bolt cannot do, by its field.
    pub(super) fn of(action: &ScriptAction) -> Result<Self, FieldError> {
        let process = &action.process;
        refuse(process)?;
        for (is_asked, field) in [
            (process.run_as.is_some(), "runAs"),
            (process.cwd.is_some(), "cwd"),
            (process.umask.is_some(), "umask"),
        ] {
            if is_asked {
                return Err(fault(
                    field,
                    "cannot be had with a script by Bolt; make it a command, or write it into the script",
                ));
            }
        }
        let name = action.name.chars().take(100);
        let name: String =
            name.map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' }).collect();
        let mut content = Vec::new();
        if let Some(interpreter) = &action.interpreter {
            content.extend_from_slice(first_line(interpreter)?.as_bytes());
        }
        content.extend_from_slice(&action.content.0);
        let environment = plain_environment(process)?
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        // Bolt tells the kind of a script by what its name ends with, so that the mark stands before it.
        let name = format!("s.{name}");
        Ok(Self { name, content, arguments: action.arguments.clone(), environment })
    }
}

/// The line by which the system knows an interpreter (execve(2)).
fn first_line(interpreter: &str) -> Result<String, FieldError> {
    let is_path = interpreter.starts_with('/') && !interpreter.chars().any(char::is_whitespace);
    if is_path && interpreter.len() < 120 {
        Ok(format!("#!{interpreter}\n"))
    } else {
        Err(fault(
            "interpreter",
            "must be an absolute path without spaces and shorter than 120 bytes with Bolt",
        ))
    }
}

fn refuse(process: &ProcessOptions) -> Result<(), FieldError> {
    for (is_asked, field, message) in [
        (process.pty, "pty", "cannot be had with Bolt, which has a setting for it in its inventory (tty)"),
        (process.detach, "detach", "cannot be had with Bolt; ssh can"),
        (process.on_link_loss == OnLinkLoss::Leave, "onLinkLoss", "cannot be leave with Bolt; ssh can"),
        (process.stdin.is_some(), "stdin", "cannot be had with Bolt; ssh can"),
    ] {
        if is_asked {
            return Err(fault(field, message));
        }
    }
    Ok(())
}

fn plain_environment(process: &ProcessOptions) -> Result<Vec<(&str, &str)>, FieldError> {
    let plain = |(name, value): (&'_ String, &'_ EnvValue)| match value {
        EnvValue::Plain(_) => Ok(name.clone()),
        EnvValue::Secret { .. } => {
            let text = "is a secret, and Bolt would show it in lists of processes; ssh does not";
            Err(fault(&format!("env.{name}"), text))
        }
    };
    process.env.iter().map(plain).collect::<Result<Vec<_>, _>>()?;
    let values = process.env.iter().filter_map(|(name, value)| match value {
        EnvValue::Plain(value) => Some((name.as_str(), value.as_str())),
        EnvValue::Secret { .. } => None,
    });
    Ok(values.collect())
}

/// Who a command is run as. The option of Bolt is not used: what its inventory says would win over it.
fn sudo_user(run_as: &RunAs) -> Result<&str, FieldError> {
    if run_as.method != RunAsMethod::Sudo {
        return Err(fault("runAs.method", "must be sudo with Bolt"));
    }
    if run_as.password.is_some() {
        return Err(fault(
            "runAs.password",
            "cannot be had with Bolt; its inventory has sudo-password, and ssh can",
        ));
    }
    Ok(&run_as.user)
}

fn fault(field: &str, message: &str) -> FieldError {
    FieldError { path: format!("action.{field}"), message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pabawi_domain::action::StdinSource;
    use pabawi_domain::output::OutputData;
    use pabawi_domain::secret::Secret;

    fn command(change: &dyn Fn(&mut ProcessOptions)) -> Result<String, String> {
        let mut action = CommandAction::new("id; pwd");
        change(&mut action.process);
        command_text(&action).map_err(|error| error.to_string())
    }

    /// R9.3
    #[test]
    fn what_bolt_cannot_do_is_refused_with_its_field() {
        let secret = || EnvValue::Secret { secret: Secret::new("hunter2") };
        let run_as = |method, password: Option<Secret>| RunAs { user: "app".to_owned(), method, password };
        for (found, part) in [
            (command(&|process| process.pty = true), "action.pty: "),
            (command(&|process| process.detach = true), "action.detach: "),
            (command(&|process| process.on_link_loss = OnLinkLoss::Leave), "action.onLinkLoss: "),
            (command(&|process| process.stdin = Some(StdinSource::File("/x".into()))), "action.stdin: "),
            (command(&|process| drop(process.env.insert("T".into(), secret()))), "action.env.T: is a secret"),
            (
                command(&|process| process.run_as = Some(run_as(RunAsMethod::Su, None))),
                "action.runAs.method: must be sudo",
            ),
            (
                command(&|process| {
                    process.run_as = Some(run_as(RunAsMethod::Sudo, Some(Secret::new("hunter2"))));
                }),
                "action.runAs.password: ",
            ),
        ] {
            let fault = found.unwrap_err();
            assert!(fault.starts_with(part) && !fault.contains("hunter2"), "{fault}");
        }
    }

    #[test]
    fn a_command_goes_as_it_is_unless_something_is_asked_for() {
        assert_eq!(command(&|_| {}).unwrap(), "id; pwd");
        let whole = command(&|process| {
            process.cwd = Some("/it's".to_owned());
            process.umask = Some(0o27);
            process.env.insert("A".to_owned(), EnvValue::from("$HOME 'x'"));
        });
        assert_eq!(
            whole.unwrap(),
            "umask 0027\nexport A='$HOME '\\''x'\\'''\ncd -- '/it'\\''s' || { echo 'pabawi: the working directory \
             cannot be entered' >&2; exit 1; }\nid; pwd"
        );
        let other = command(&|process| {
            let run_as = RunAs { user: "app".to_owned(), method: RunAsMethod::Sudo, password: None };
            process.run_as = Some(run_as);
        });
        assert_eq!(other.unwrap(), "sudo -n -H -u 'app' -- /bin/sh -c 'id; pwd'");
    }

    #[test]
    fn a_script_has_a_plain_name_and_its_interpreter() {
        let mut action = ScriptAction {
            name: "-a b;$(id).sh".to_owned(),
            content: OutputData(b"print(1)\n"[..].into()),
            interpreter: Some("/usr/bin/python3".to_owned()),
            arguments: vec!["-x".to_owned()],
            process: ProcessOptions::default(),
        };
        let script = Script::of(&action).unwrap();
        assert_eq!(script.name, "s.-a_b___id_.sh");
        assert_eq!(script.content, b"#!/usr/bin/python3\nprint(1)\n");
        assert_eq!(script.arguments, ["-x"]);
        action.interpreter = Some("python3 -u".to_owned());
        assert_eq!(Script::of(&action).unwrap_err().path, "action.interpreter");
        action.interpreter = None;
        action.process.cwd = Some("/".to_owned());
        assert_eq!(Script::of(&action).unwrap_err().path, "action.cwd");
    }
}
