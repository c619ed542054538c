//! Commands and scripts as a task of the module `shell`: [`command`] and [`script`]. The module `script` is not used: it runs
//! over a terminal, so that standard output and standard error are one and lines end otherwise.

use pabawi_domain::action::{
    CommandAction, EnvValue, OnLinkLoss, ProcessOptions, RunAs, RunAsMethod, ScriptAction, StdinSource,
};
use pabawi_domain::validation::FieldError;
use serde_json::{Map, Value};

use super::parameters::Becoming;
use super::play::Play;
use crate::tool::argv::shell_word as quoted;

/// Longest command line: the module gives it to `/bin/sh` as one argument, and Linux caps one at 128 KiB (execve(2)).
const LONGEST: usize = 100 * 1024;
/// The play of a command.
///
/// # Errors
/// What Ansible cannot do, by its field.
pub(super) fn command(action: &CommandAction) -> Result<Play, FieldError> {
    if action.command.len() > LONGEST {
        return Err(fault(
            "command",
            "is longer than 100 KiB, more than Ansible's module shell can take; make it a script",
        ));
    }
    let stdin = match &action.process.stdin {
        None => None,
        Some(StdinSource::Bytes(bytes)) => Some(text("stdin", &bytes.0)?),
        Some(StdinSource::Secret(secret)) => Some(text("stdin", secret.expose())?),
        Some(StdinSource::File(_)) => {
            return Err(fault("stdin", "cannot be a file with Ansible; give its content"));
        }
    };
    shell(&action.command, stdin, &action.process)
}

/// The play of a script.
///
/// # Errors
/// What Ansible cannot do, by its field.
pub(super) fn script(action: &ScriptAction) -> Result<Play, FieldError> {
    if action.process.stdin.is_some() {
        return Err(fault("stdin", "cannot be had with a script by Ansible; its content travels there"));
    }
    let content = text("content", &action.content.0)?;
    let name: String = action
        .name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' })
        .take(100)
        .collect();
    let interpreter =
        action.interpreter.iter().map(|program| format!("{} ", quoted(program))).collect::<String>();
    let arguments: Vec<String> = action.arguments.iter().map(|argument| quoted(argument)).collect();
    let line = run_script(&quoted(&format!("s.{name}")), &interpreter, &arguments.join(" "));
    if line.len() > LONGEST {
        return Err(fault("arguments", "are longer than 100 KiB, more than Ansible's module shell can take"));
    }
    shell(&line, Some(content), &action.process)
}

/// Brings a script from standard input into a file of its own, runs it with these words before and behind it, and removes
/// it.
fn run_script(name: &str, interpreter: &str, arguments: &str) -> String {
    format!(
        r#"d=$(mktemp -d "${{TMPDIR:-/tmp}}/pabawi.XXXXXXXX") || exit 1
trap 'rm -rf "$d"' EXIT
trap 'exit 129' HUP; trap 'exit 130' INT; trap 'exit 143' TERM
cat >"$d/"{name} && chmod 700 "$d/"{name} || exit 1
{interpreter}"$d/"{name} {arguments} </dev/null"#
    )
}

fn shell(line: &str, stdin: Option<&str>, process: &ProcessOptions) -> Result<Play, FieldError> {
    for (is_asked, field, message) in [
        (process.pty, "pty", "cannot be had with Ansible, which keeps the streams apart"),
        (process.detach, "detach", "cannot be had with Ansible; ssh can"),
        (process.on_link_loss == OnLinkLoss::Leave, "onLinkLoss", "cannot be leave with Ansible; ssh can"),
    ] {
        if is_asked {
            return Err(fault(field, message));
        }
    }
    let mut environment = Map::new();
    for (name, value) in &process.env {
        let EnvValue::Plain(value) = value else {
            let text = "is a secret, and Ansible would show it in lists of processes; ssh does not";
            return Err(fault(&format!("env.{name}"), text));
        };
        environment.insert(name.clone(), value.as_str().into());
    }
    let line = match process.umask {
        Some(umask) => format!("umask {umask:04o}\n{line}"),
        None => line.to_owned(),
    };
    let mut arguments = Map::new();
    arguments.insert("cmd".to_owned(), line.into());
    // Output as it is.
    arguments.insert("strip_empty_ends".to_owned(), false.into());
    if let Some(stdin) = stdin {
        arguments.insert("stdin".to_owned(), stdin.into());
        arguments.insert("stdin_add_newline".to_owned(), false.into());
    }
    arguments.extend(process.cwd.iter().map(|cwd| ("chdir".to_owned(), Value::from(cwd.as_str()))));
    let mut play = Play::of("ansible.builtin.shell", arguments);
    play.environment = environment;
    play.becoming = process.run_as.as_ref().map(becoming).transpose()?;
    Ok(play)
}

fn becoming(run_as: &RunAs) -> Result<Becoming, FieldError> {
    let method = match run_as.method {
        RunAsMethod::Sudo => "sudo",
        RunAsMethod::Su => "su",
        RunAsMethod::Doas => "community.general.doas",
        other => return Err(fault("runAs.method", &format!("{other:?} is not known to Ansible"))),
    };
    let password = run_as.password.as_ref().map(|password| text("runAs.password", password.expose()));
    Ok(Becoming {
        user: Some(run_as.user.clone()),
        method: Some(method.to_owned()),
        password: password.transpose()?.map(str::to_owned),
    })
}

fn text<'a>(field: &str, bytes: &'a [u8]) -> Result<&'a str, FieldError> {
    std::str::from_utf8(bytes).map_err(|_| fault(field, "must be UTF-8, since Ansible takes nothing else"))
}

fn fault(field: &str, message: &str) -> FieldError {
    FieldError { path: format!("action.{field}"), message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pabawi_domain::output::OutputData;
    use pabawi_domain::secret::Secret;

    #[test]
    fn what_ansible_cannot_do_is_refused_with_its_field() {
        let with = |change: &dyn Fn(&mut ProcessOptions)| {
            let mut action = CommandAction::new("id");
            change(&mut action.process);
            command(&action).err().unwrap().to_string()
        };
        let secret = || EnvValue::Secret { secret: Secret::new("hunter2") };
        for (fault, part) in [
            (with(&|process| process.pty = true), "action.pty: "),
            (with(&|process| process.detach = true), "action.detach: "),
            (with(&|process| process.on_link_loss = OnLinkLoss::Leave), "action.onLinkLoss: "),
            (with(&|process| process.stdin = Some(StdinSource::File("/x".into()))), "action.stdin: "),
            (with(&|process| drop(process.env.insert("T".into(), secret()))), "action.env.T: is a secret"),
            (
                with(&|process| process.stdin = Some(StdinSource::Bytes(OutputData(b"\xff"[..].into())))),
                "action.stdin: must be UTF-8",
            ),
        ] {
            assert!(fault.starts_with(part) && !fault.contains("hunter2"), "{fault}");
        }
        let long = CommandAction::new("x".repeat(LONGEST + 1));
        assert!(command(&long).err().unwrap().to_string().contains("make it a script"));
    }

    #[test]
    fn words_of_a_script_are_quoted() {
        let action = ScriptAction {
            name: "a b;$(id).sh".to_owned(),
            content: OutputData(b"echo ARGUMENTS"[..].into()),
            interpreter: Some("/usr/bin/python3".to_owned()),
            arguments: vec!["it's".to_owned(), "$(id)".to_owned()],
            process: ProcessOptions::default(),
        };
        let play = script(&action).unwrap();
        let line = play.arguments["cmd"].as_str().unwrap();
        assert!(
            line.ends_with(r#"'/usr/bin/python3' "$d/"'s.a_b___id_.sh' 'it'\''s' '$(id)' </dev/null"#),
            "{line}"
        );
        assert_eq!(play.arguments["stdin"], "echo ARGUMENTS");
    }
}
