//! Requirement 12: what real shells offer while a `pab` line is typed.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use pabawi_tests::Pab;
use tempfile::TempDir;

/// A home folder with an inventory, a program under the name `pab`, and its scripts.
struct Rig(TempDir);

impl Rig {
    fn new() -> Self {
        let rig = Self(tempfile::tempdir().unwrap());
        std::fs::create_dir(rig.path("bin")).unwrap();
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_pab-with-tools"), rig.path("bin/pab")).unwrap();
        let nodes = "nodes: [web1, web2, db1]\ngroups:\n  web: [web1, web2]\n";
        std::fs::write(rig.path("nodes.yaml"), nodes).unwrap();
        std::fs::write(rig.path("release.yaml"), "").unwrap();
        rig
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn pab(&self, words: &[&str]) -> Pab {
        Pab::program(&self.path("bin/pab"), self.0.path())
            .env("PABAWI_DB", self.path("pabawi.db"))
            .args(words)
    }

    fn script(&self, shell: &str) -> String {
        let file = self.path(&format!("script.{shell}"));
        std::fs::write(&file, self.pab(&["completions", shell]).succeeds().out()).unwrap();
        file.display().to_string()
    }

    fn run(&self, shell: &str, arguments: &[&str]) -> String {
        let path = format!("{}:/usr/bin:/bin", self.path("bin").display());
        let mut command = Command::new(shell);
        command
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.0.path())
            .env("TERM", "xterm")
            .env("LANG", "C.UTF-8");
        command.env("PABAWI_DB", self.path("pabawi.db")).env("PABAWI_INVENTORY", self.path("nodes.yaml"));
        let output = command.current_dir(self.0.path()).args(arguments).output().unwrap();
        assert!(output.stderr.is_empty(), "{shell}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// What bash has after the word under the cursor was completed, by the words that it makes of the line itself.
    fn bash(&self, script: &str, line: &str) -> Vec<String> {
        // Readline itself, on a terminal: M-? shows what there is, and set-mark keeps it on lines of its own.
        let code = r#"
            source "$1"
            COMP_LINE=$2 COMP_POINT=${#2}
            # As readline does it: blanks separate, and the marks of COMP_WORDBREAKS are words.
            read -r -a COMP_WORDS <<< "$(sed -E 's/([=:@]+)/ \1 /g' <<< "$2")"
            [[ $2 == *" " ]] && COMP_WORDS+=("")
            COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 ))
            _pab
            printf '%s\n' "${COMPREPLY[@]}"
        "#;
        let out = self.run("bash", &["--norc", "-c", code, "bash", script, line]);
        out.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }
}

/// Lines that are typed, and some of what is offered for them.
const LINES: &[(&str, &[&str])] = &[
    ("pab exec", &["executions"]),
    ("pab not", &["noting"]),
    ("pab noting t", &["task"]),
    ("pab noting task x --max", &["--max-retries", "--max-failures"]),
    ("pab noting task x --action ", &["start", "stop"]),
    ("pab run --for", &["--format"]),
    ("pab run --format ", &["json", "ndjson", "table", "yaml"]),
    ("pab run -t we", &["web1", "web2"]),
    ("pab run -t db1,we", &["db1,web1", "db1,web2"]),
    ("pab task --plugin n", &["noting"]),
    ("pab task noting", &["noting::restart"]),
    ("pab noting task show noting", &["noting::restart"]),
    ("pab capabilities show query", &["query.run"]),
    ("pab help query", &["query.run"]),
    ("pab executions show la", &["last"]),
    ("pab facts show d", &["db1"]),
    ("pab run --breaker-groups ", &["web"]),
];

/// R12.9
#[test]
fn bash_offers_commands_options_and_values() {
    let rig = Rig::new();
    let _ = rig.pab(&["noting", "run", "true", "-t", "web1"]).succeeds();
    let script = rig.script("bash");
    for (line, expected) in LINES {
        let mut offered = rig.bash(&script, line);
        offered.sort();
        for value in *expected {
            assert!(offered.iter().any(|offer| offer == value), "{line:?}: {value} is not among {offered:?}");
        }
    }
    // Bash breaks words at these marks, and replaces only what stands behind them.
    for (line, expected) in [
        ("pab run -t @w", &["web"][..]),
        ("pab run -t @", &["web"]),
        ("pab run --format=nd", &["ndjson"]),
        ("pab run --format=", &["table", "json", "ndjson", "yaml"]),
        ("pab nothing-of-that ", &[]),
        ("pab run --secret-env ", &[]),
        ("pab graph check re", &[]),
    ] {
        assert_eq!(rig.bash(&script, line), expected, "{line:?}");
    }
    let ids = rig.bash(&script, "pab executions show ");
    assert!(ids.len() == 2 && ids.iter().any(|id| id.len() == 36), "the one execution, and last: {ids:?}");
}

/// R12.9: the key itself, in an interactive bash on a terminal.
#[test]
fn the_tab_key_completes_in_an_interactive_bash() {
    let rig = Rig::new();
    let script = rig.script("bash");
    // A blank ends what was completed, so that an option can follow at once.
    let typed = format!("source {script}\npab exe\t--help\n");
    let rc = rig.path("rc");
    std::fs::write(&rc, "bind 'set enable-bracketed-paste off'\nPS1=\n").unwrap();
    let code = format!(
        "printf '{typed}exit\\n' | script -qec 'bash --noprofile --rcfile {} -i' /dev/null",
        rc.display()
    );
    let path = format!("{}:/usr/bin:/bin", rig.path("bin").display());
    let output = Command::new("sh")
        .env_clear()
        .env("PATH", path)
        .env("HOME", rig.0.path())
        .env("TERM", "dumb")
        .env("LANG", "C.UTF-8")
        .args(["-c", &code])
        .output()
        .unwrap();
    let seen = String::from_utf8_lossy(&output.stdout);
    assert!(seen.contains("Look at executions"), "{seen:?}");
}

/// R12.9
#[test]
fn zsh_and_fish_offer_the_same() {
    let rig = Rig::new();
    for shell in ["zsh", "fish"] {
        let script = rig.script(shell);
        for (line, expected) in LINES {
            let offered = match shell {
                "fish" => {
                    rig.run("fish", &["--no-config", "-c", &format!("source {script}; complete -C '{line}'")])
                }
                // Without a terminal there is no completion system: the function is given what it would give.
                _ => {
                    let code = format!(
                        "compdef() {{ }}; compadd() {{ shift 5; print -l -- ${{(P)1}} }}; _files() {{ print files }}; \
                         source {script}; words=({line}); [[ '{line}' == *' ' ]] && words+=(''); CURRENT=$#words; _pab"
                    );
                    rig.run("zsh", &["-f", "-c", &code])
                }
            };
            let values: Vec<&str> =
                offered.lines().map(|line| line.split('\t').next().unwrap_or_default()).collect();
            for value in *expected {
                assert!(values.contains(value), "{shell} {line:?}: {value} is not among {values:?}");
            }
        }
        let line = "pab graph check re";
        if shell == "fish" {
            let offered =
                rig.run("fish", &["--no-config", "-c", &format!("source {script}; complete -C '{line}'")]);
            assert!(offered.contains("release.yaml"), "files are the shell's: {offered}");
        }
    }
}

/// R12.9: nobody waits for a completion, and none says what went wrong.
#[test]
fn a_completion_is_silent_and_takes_no_longer_than_half_a_second() {
    let rig = Rig::new();
    std::fs::write(rig.path("bad.toml"), "[defaults]\nnothing = 1\n").unwrap();
    std::fs::write(rig.path("slow.sh"), "#!/bin/sh\nsleep 30\n").unwrap();
    let slow = rig.path("slow.sh");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&slow, mode).unwrap();
    let slow = slow.display().to_string();
    for words in [
        &["__complete", "zsh", "pab", "run", "--inventory", &slow, "-t", ""][..],
        &["__complete", "zsh", "pab", "run", "--inventory", "/no/such/file", "-t", ""],
        &["__complete", "zsh", "pab", "executions", "show", ""],
        &["__complete", "zsh"],
        &["__complete"],
        &["__complete", "bash", "", ""],
    ] {
        let begun = Instant::now();
        let ran = rig.pab(words).env("PABAWI_CONFIG", rig.path("bad.toml")).succeeds();
        assert!(ran.err().is_empty(), "{ran}");
        assert!(begun.elapsed() < Duration::from_secs(3), "{words:?}: {:?}", begun.elapsed());
    }
}
