//! JSON Schemas of what the transports do: the JSON forms of the actions in `pabawi_domain::action`.

use serde_json::{Value, json};

pub(super) fn command() -> Value {
    with_process(
        &["command"],
        json!({"command": {"type": "string", "minLength": 1, "description": "The command line, for the shell of the login user"}}),
    )
}

pub(super) fn script() -> Value {
    with_process(
        &["name", "content"],
        json!({
            "name": {"type": "string", "minLength": 1, "description": "The file name that is shown and used on the node"},
            "content": {"type": ["string", "object"], "description": "The script itself, at most 16 MiB"},
            "interpreter": {"type": "string", "description": "The program that runs it; without one, its #! line decides"},
            "arguments": {"type": "array", "items": {"type": "string"}, "description": "Arguments, each passed as it is"},
        }),
    )
}

pub(super) fn upload() -> Value {
    json!({
        "type": "object",
        "required": ["source", "destination"],
        "properties": {
            "source": {"type": "string", "minLength": 1, "description": "File or directory on this machine"},
            "destination": {"type": "string", "minLength": 1, "description": "Path on the node"},
            "mode": {"type": "integer", "minimum": 0, "maximum": 0o7777, "description": "Permission bits of the file on the node"},
        },
        "additionalProperties": false,
    })
}

pub(super) fn download() -> Value {
    json!({
        "type": "object",
        "required": ["source", "destination"],
        "properties": {
            "source": {"type": "string", "minLength": 1, "description": "File or directory on the node"},
            "destination": {"type": "string", "minLength": 1, "description": "Directory on this machine; each node gets its own below it"},
        },
        "additionalProperties": false,
    })
}

/// The schema of an action that starts a process.
fn with_process(required: &[&str], mut properties: Value) -> Value {
    let options = json!({
        "env": {"type": "object", "description": "Environment variables; {\"secret\": VALUE} is used and never shown"},
        "cwd": {"type": "string", "description": "Working directory on the node"},
        "umask": {"type": "integer", "minimum": 0, "maximum": 0o777, "description": "File mode creation mask"},
        "runAs": {
            "type": "object",
            "description": "Another user on the node",
            "required": ["user"],
            "properties": {
                "user": {"type": "string", "description": "The user's name on the node"},
                "method": {"enum": ["sudo", "su", "doas"], "default": "sudo", "description": "The program that changes the user"},
                "password": {"type": "string", "description": "What that program asks for"},
            },
        },
        "stdin": {"type": "object", "description": "What the process reads: {\"bytes\": TEXT}, {\"secret\": TEXT} or {\"file\": PATH of this machine}"},
        "pty": {"type": "boolean", "default": false, "description": "Asks for a terminal; both streams are one then"},
        "onLinkLoss": {"enum": ["terminate", "leave"], "default": "terminate", "description": "What becomes of the process when the link is lost"},
        "detach": {"type": "boolean", "default": false, "description": "It survives the loss of the link and of this side"},
    });
    if let (Value::Object(own), Value::Object(options)) = (&mut properties, options) {
        own.extend(options);
    }
    json!({"type": "object", "required": required, "properties": properties, "additionalProperties": false})
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use pabawi_domain::action::{
        Action, CommandAction, DownloadAction, EnvValue, OnLinkLoss, ProcessOptions, RunAs, RunAsMethod,
        ScriptAction, StdinSource, UploadAction,
    };
    use pabawi_domain::output::OutputData;
    use pabawi_domain::schema::ParameterSchema;
    use pabawi_domain::secret::Secret;

    use super::*;

    fn all_options() -> ProcessOptions {
        ProcessOptions {
            env: [
                ("PLAIN".to_owned(), EnvValue::from("1")),
                ("TOKEN".to_owned(), EnvValue::Secret { secret: Secret::new("t") }),
            ]
            .into(),
            cwd: Some("/tmp".to_owned()),
            umask: Some(0o022),
            run_as: Some(RunAs {
                user: "ops".to_owned(),
                method: RunAsMethod::Su,
                password: Some(Secret::new("p")),
            }),
            stdin: Some(StdinSource::File(PathBuf::from("/etc/hosts"))),
            pty: true,
            on_link_loss: OnLinkLoss::Leave,
            detach: true,
        }
    }

    /// R6.3: the schemas say what the actions are: every field is known to them, and no other.
    #[test]
    fn every_field_of_an_action_is_in_its_schema() {
        let process = all_options();
        let actions = [
            (
                command(),
                Action::Command(CommandAction { command: "true".to_owned(), process: process.clone() }),
            ),
            (
                script(),
                Action::Script(ScriptAction {
                    name: "a.sh".to_owned(),
                    content: OutputData::from(&b"\xff"[..]),
                    interpreter: Some("/bin/sh".to_owned()),
                    arguments: vec!["x".to_owned()],
                    process,
                }),
            ),
            (
                upload(),
                Action::Upload(UploadAction {
                    source: PathBuf::from("/a"),
                    destination: "/b".to_owned(),
                    mode: Some(0o600),
                }),
            ),
            (
                download(),
                Action::Download(DownloadAction {
                    source: "/a".to_owned(),
                    destination: PathBuf::from("/b"),
                }),
            ),
        ];
        for (schema, action) in actions {
            let mut form = serde_json::to_value(&action).unwrap();
            let fields = form.as_object_mut().unwrap();
            fields.remove("type");
            let mut known: Vec<&String> = schema["properties"].as_object().unwrap().keys().collect();
            let mut there: Vec<&String> = fields.keys().collect();
            known.sort();
            there.sort();
            assert_eq!(known, there);
            let checked = ParameterSchema::new(&schema).unwrap();
            assert_eq!(checked.violations("parameters", &form, &[]), []);
            form["more"] = json!(1);
            assert_eq!(checked.violations("parameters", &form, &[]).len(), 1);
        }
    }
}
