//! The rules of the command policy, as Pabawi 1.4 has them.

use std::path::PathBuf;

use serde_json::json;

use super::*;
use crate::action::{CommandAction, DownloadAction, ScriptAction, ToolAction, UploadAction};
use crate::output::OutputData;

fn policy(allow_all: bool, match_mode: MatchMode, whitelist: &[&str]) -> CommandPolicy {
    let whitelist = whitelist.iter().map(|entry| (*entry).to_owned()).collect();
    CommandPolicy { allow_all, whitelist, match_mode, allow_scripts: false }
}

/// R9.3: the order of the rules: what begins with a dash or means something to a shell is refused whatever is listed.
#[test]
fn characters_of_a_shell_are_refused_also_when_all_is_allowed() {
    let all = policy(true, MatchMode::Exact, &[]);
    for c in METACHARACTERS {
        let command = format!("uptime {c} x");
        let refused = all.check(&command).unwrap_err();
        assert_eq!(refused.to_string(), format!("Command not allowed: {command}"));
        assert_eq!(refused.reason, "Command should be allowed (allowAll is enabled)");
        let listed = policy(false, MatchMode::Exact, &[&command]);
        assert!(listed.check(&command).is_err(), "{command:?} is listed and still refused");
    }
    assert!(all.check("-rf /").is_err());
    assert!(all.check(" \u{feff} -rf").is_err());
    for fine in ["", "uptime", "echo 'a' \"b\" # ! % =x", "uptime\n", "\tuptime \r\n"] {
        all.check(fine).unwrap();
    }
}

#[test]
fn nothing_is_allowed_by_an_empty_list() {
    for mode in [MatchMode::Exact, MatchMode::Prefix] {
        for command in ["", "uptime"] {
            let refused = policy(false, mode, &[]).check(command).unwrap_err();
            let reason = "No commands are allowed (whitelist is empty and allowAll is disabled)";
            assert_eq!(refused.reason, reason);
        }
    }
}

#[test]
fn the_list_is_compared_as_it_says() {
    let exact = policy(false, MatchMode::Exact, &["ls -la", "uptime"]);
    for fine in ["uptime", "  uptime ", "ls -la"] {
        exact.check(fine).unwrap();
    }
    for not in ["ls", "ls  -la", "uptime -p", "Uptime", "", "uptime;id"] {
        let refused = exact.check(not).unwrap_err();
        let reason = "Command not found in whitelist (exact match mode). Allowed commands: ls -la, uptime";
        assert_eq!(refused.reason, reason);
    }
    let prefix = policy(false, MatchMode::Prefix, &["systemctl status", "df"]);
    for fine in ["df", "df -h", "systemctl status nginx"] {
        prefix.check(fine).unwrap();
    }
    for not in ["dfx", "systemctl", "systemctl stop nginx", "", "df -h | mail x"] {
        let refused = prefix.check(not).unwrap_err();
        let reason = "Command does not match any whitelist prefix (prefix match mode). \
                      Allowed prefixes: systemctl status, df";
        assert_eq!(refused.reason, reason);
    }
}

#[test]
fn what_could_walk_around_the_list_is_refused_with_it() {
    let listed = policy(false, MatchMode::Exact, &["uptime"]);
    let script = Action::Script(ScriptAction {
        name: "fix.sh".to_owned(),
        content: OutputData::from(&b"id"[..]),
        interpreter: None,
        arguments: Vec::new(),
        process: Default::default(),
    });
    let upload = Action::Upload(UploadAction {
        source: PathBuf::from("/a"),
        destination: "/etc/cron.d/a".to_owned(),
        mode: None,
    });
    let mut command = CommandAction::new("uptime");
    command.process.env.insert("LD_PRELOAD".to_owned(), "/tmp/x.so".into());
    let command = Action::Command(command);
    let said = |action: &Action| listed.check_action(action, &[]).unwrap_err().to_string();
    assert_eq!(said(&script), "Script not allowed: fix.sh");
    assert_eq!(said(&upload), "Upload not allowed: /a -> /etc/cron.d/a");
    assert_eq!(said(&command), "Environment not allowed: LD_PRELOAD");
    let with_scripts = CommandPolicy { allow_scripts: true, ..listed.clone() };
    let all = policy(true, MatchMode::Exact, &[]);
    for action in [&script, &upload, &command] {
        with_scripts.check_action(action, &[]).unwrap();
        all.check_action(action, &[]).unwrap();
    }
    let download =
        Action::Download(DownloadAction { source: "/a".to_owned(), destination: PathBuf::from("/b") });
    listed.check_action(&download, &[]).unwrap();
    assert!(with_scripts.check_action(&Action::Command(CommandAction::new("id")), &[]).is_err());
}

#[test]
fn parameters_of_tools_that_are_command_lines_are_looked_at() {
    let listed = policy(false, MatchMode::Prefix, &["uptime"]);
    let task = |parameters: Value, sensitive: &[&str]| {
        Action::Task(ToolAction {
            name: "ansible.builtin.command".to_owned(),
            parameters: parameters.as_object().unwrap().clone(),
            sensitive: sensitive.iter().map(|pointer| (*pointer).to_owned()).collect(),
            ..ToolAction::default()
        })
    };
    let pointers = ["/cmd".to_owned(), "/argv".to_owned(), "/deep/a~1b".to_owned()];
    let check = |parameters, sensitive| listed.check_action(&task(parameters, sensitive), &pointers);
    check(json!({"cmd": "uptime -p", "argv": ["uptime", "-p"], "other": "id; id"}), &[]).unwrap();
    check(json!({}), &[]).unwrap();
    let refused = check(json!({"cmd": "id"}), &[]).unwrap_err();
    assert_eq!(
        (refused.to_string().as_str(), refused.field.as_str()),
        ("Command not allowed: id", "parameters.cmd")
    );
    assert!(check(json!({"argv": ["id", 1]}), &[]).unwrap_err().command == "id 1");
    assert!(check(json!({"deep": {"a/b": "id"}}), &[]).is_err());
    assert!(check(json!({"cmd": {"not": "a text"}}), &[]).is_err());
    let secret = check(json!({"cmd": "login hunter2"}), &["/cmd"]).unwrap_err();
    assert_eq!(secret.to_string(), "Command not allowed: ***");
}

#[test]
fn a_policy_is_read_with_the_names_of_pabawi() {
    let read: CommandPolicy =
        serde_json::from_value(json!({"allowAll": false, "whitelist": ["uptime"], "matchMode": "prefix"}))
            .unwrap();
    assert_eq!(read, policy(false, MatchMode::Prefix, &["uptime"]));
    assert!(serde_json::from_value::<CommandPolicy>(json!({"alowAll": true})).is_err());
}
