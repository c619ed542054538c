//! The documents tell the truth: every `pab` line in them is run against nodes of the names they use.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use pabawi_testkit::fleet::Fleet;
use pabawi_tests::{Lab, Line, Pab, commands_of, workspace};

/// README.md and the documents, in the order in which a newcomer reads them.
fn documents() -> Vec<PathBuf> {
    let mut found = vec![workspace().join("README.md")];
    let mut docs: Vec<PathBuf> = std::fs::read_dir(workspace().join("docs"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    docs.sort();
    found.extend(docs);
    found
}

fn lines(first_words: &[&str]) -> Vec<(PathBuf, Line)> {
    let mut found = Vec::new();
    for document in documents() {
        let text = std::fs::read_to_string(&document).unwrap();
        let wanted = commands_of(&text).into_iter().filter(|line| {
            let program = line.text.split_whitespace().find(|word| !word.contains('=')).unwrap_or_default();
            first_words.contains(&program)
        });
        found.extend(wanted.map(|line| (document.clone(), line)));
    }
    found
}

/// R12.2
#[test]
fn every_pab_line_in_the_documents_does_what_it_says() {
    // Programs that the documents call and that the machines of a test do not have.
    let programs = tempfile::tempdir().unwrap();
    stand_in(programs.path(), "systemctl", "echo active");
    std::fs::set_permissions(programs.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    // The first line counts, so the one that keeps the tester's shell settings away is said again.
    let path = format!("SetEnv SHLVL=1 PATH={}:/usr/bin:/bin:/usr/sbin:/sbin", programs.path().display());
    let lab = Lab::with(Fleet::builder().nodes(26).nodes_per_process(13).setting(&path));
    let home = lab.path("home");
    prepare(&lab);
    let mut wrong = Vec::new();
    for (document, line) in lines(&["pab"]) {
        let ran = Pab::shell(&home, OWN_SSH_FOLDER)
            .args([&line.text])
            .env("XDG_DATA_HOME", home.join("data"))
            .limit(Duration::from_secs(90))
            .ran();
        if ran.code() != Some(line.exit) {
            wrong.push(format!("{}:{}: not exit {}\n{ran}", document.display(), line.number, line.exit));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// Runs `$0` where the `~/.ssh` of the password database, which is what OpenSSH and `pab` mean by it, is that of
/// the laboratory. Only this process sees it so (mount_namespaces(7)).
const OWN_SSH_FOLDER: &str = r#"
    real=$(getent passwd "$(id -u)" | cut -d: -f6)/.ssh
    mkdir -m 700 -p "$real"
    exec unshare --mount sh -c 'mount --bind "$HOME/.ssh" "$1" && exec sh -c "$0"' "$0" "$real"
"#;

fn stand_in(folder: &Path, name: &str, does: &str) {
    let path = folder.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{does}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// Makes the files that the documents speak of: an ssh_config, an inventory, a script, a file to copy.
fn prepare(lab: &Lab) {
    let home = lab.path("home");
    let mut config = lab.fleet().ssh_config_text();
    // Beside web01 and so on, the documents know databases and a jump host.
    let (mut others, mut inventory) = (String::new(), "nodes:\n".to_owned());
    for (node, name) in
        lab.fleet().nodes()[20..].iter().zip(["db01", "db02", "db03", "bastion", "mail01", "app01"])
    {
        others += &format!("Host {name}\n  HostName {}\n  Port {}\n", node.address.ip(), node.address.port());
    }
    config.insert_str(0, &others);
    for name in
        (1..=20).map(|number| format!("web{number:02}")).chain(["db01", "db02", "db03"].map(String::from))
    {
        inventory += &format!("  - {name}\n");
    }
    inventory += "groups:\n  web: ['web[01-20]']\n  db: ['db[01-03]']\n  site: {children: [web, db]}\n";
    std::fs::create_dir_all(home.join(".ssh")).unwrap();
    std::fs::write(home.join(".ssh/config"), config).unwrap();
    std::fs::write(home.join("nodes.yaml"), inventory).unwrap();
    std::fs::write(home.join("hosts.txt"), "web01\nweb02\n").unwrap();
    std::fs::write(home.join("hosts"), "web01\nweb02\n").unwrap();
    // The files that the documents show are the files that are used.
    for (document, language, file) in [
        ("graphs.md", "yaml", "release.yaml"),
        ("inventory.md", "yaml", "sources.yaml"),
        ("permissions.md", "yaml", "policy.yaml"),
        ("permissions.md", "toml", "guarded.toml"),
    ] {
        let text = std::fs::read_to_string(workspace().join("docs").join(document)).unwrap();
        let fence = format!("```{language}\n");
        let shown = text.split(&fence).nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        std::fs::write(home.join(file), shown).unwrap();
    }
}

/// R12.2
#[test]
fn every_cargo_line_in_the_documents_names_something_that_exists() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo).args(["--list"]).output().unwrap();
    let list = String::from_utf8_lossy(&output.stdout).into_owned();
    let known: Vec<&str> = list.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let xtask = std::fs::read_to_string(workspace().join("xtask/src/main.rs")).unwrap();
    let found = lines(&["cargo"]);
    assert!(!found.is_empty(), "the README tells how to build and test");
    for (document, line) in found {
        let place = format!("{}:{}: {}", document.display(), line.number, line.text);
        let words: Vec<&str> = line.text.split_whitespace().collect();
        match words[1] {
            "xtask" => assert!(xtask.to_lowercase().contains(words[2]), "no such xtask: {place}"),
            command => assert!(known.contains(&command), "no such cargo command: {place}"),
        }
        for (option, folder) in [("--path", ""), ("-p", "crates"), ("--example", "crates/pabawi/examples")] {
            let Some(index) = words.iter().position(|word| *word == option) else { continue };
            let value = words[index + 1].trim_start_matches("pabawi-");
            let value = if option == "--example" { format!("{value}.rs") } else { value.to_owned() };
            assert!(workspace().join(folder).join(&value).exists(), "no such thing: {place}");
        }
    }
}

/// R6.1: the plugin in the document is the one that is compiled and run, and a plugin is a page.
#[test]
fn the_plugin_in_the_document_is_the_example() {
    let read = |path: &str| std::fs::read_to_string(workspace().join(path)).unwrap();
    let (document, example) = (read("docs/plugins.md"), read("crates/pabawi/examples/plugin.rs"));
    let begin = "/// A plugin that greets nodes.";
    let shown = &document[document.find(begin).expect("the document shows it")..];
    let shown = &shown[..shown.find("```").expect("the block ends")];
    assert!(example.contains(shown), "docs/plugins.md shows another plugin:\n{shown}");
    let imports = &example[example.find("use ").expect("it uses things")..example.find(begin).unwrap()];
    let lines = imports.lines().count() + shown.lines().count();
    assert!((30..100).contains(&lines), "{lines} lines");
}
