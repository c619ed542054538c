//! This machine, gathered by every shell that a node may have, and looked at by other means.

use std::process::Command;

use serde_json::{Value, json};

use crate::shell::Shell;

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn file(path: &str) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// What is the same, whoever gathers it.
fn compare(facts: &Value) {
    let get = |path: &str| path.split('.').fold(facts, |value, key| &value[key]);
    assert_eq!(get("kernel"), &json!("Linux"));
    assert_eq!(get("kernelrelease"), &json!(file("/proc/sys/kernel/osrelease").trim()));
    assert_eq!(get("os.hardware"), &json!(output("uname", &["-m"])));
    let host = file("/proc/sys/kernel/hostname");
    assert_eq!(get("networking.hostname"), &json!(host.trim().split('.').next().unwrap()));
    assert_eq!(get("processors.count").to_string(), output("nproc", &["--all"]));

    let release = file("/etc/os-release");
    let field = |key: &str| {
        let line = release.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        line.map(|value| value.trim_matches('"').to_owned())
    };
    assert_eq!(get("os.distro.description"), &json!(field("PRETTY_NAME").unwrap()));
    assert_eq!(get("os.distro.codename"), &field("VERSION_CODENAME").map_or(Value::Null, Value::from));

    let memory = file("/proc/meminfo");
    let total = memory.lines().find_map(|line| line.strip_prefix("MemTotal:")).unwrap();
    let total: u64 = total.split_whitespace().next().unwrap().parse().unwrap();
    assert_eq!(get("memory.system.total_bytes"), &json!(total * 1024));
    assert!(get("memory.system.available_bytes").as_u64().unwrap() <= total * 1024);

    // The machine has gone on since.
    let uptime: f64 = file("/proc/uptime").split(' ').next().unwrap().parse().unwrap();
    let gathered = get("system_uptime.seconds").as_f64().unwrap();
    assert!(gathered <= uptime && uptime - gathered < 300.0, "{gathered} {uptime}");

    for entry in std::fs::read_dir("/sys/class/net").unwrap().flatten() {
        if !entry.path().is_dir() {
            continue;
        }
        let name = entry.file_name().into_string().unwrap();
        let interface = &facts["networking"]["interfaces"][&name];
        let mtu: u64 = file(&format!("/sys/class/net/{name}/mtu")).trim().parse().unwrap();
        assert_eq!(interface["mtu"], mtu, "{name}");
        let mac = file(&format!("/sys/class/net/{name}/address"));
        if mac.contains(|c: char| c.is_ascii_hexdigit() && c != '0') {
            assert_eq!(interface["mac"], mac.trim(), "{name}");
        }
    }
    assert_eq!(facts["networking"]["interfaces"]["lo"]["ip"], "127.0.0.1");
    let routes = file("/proc/net/route");
    let default = routes.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let default = default.into_iter().find(|fields| fields.get(1) == Some(&"00000000"));
    if let Some(fields) = default {
        assert_eq!(get("networking.primary"), &json!(fields[0]));
        assert!(get("networking.ip").is_string());
    }
    let root = &facts["mountpoints"]["/"];
    let size = output("df", &["-kP", "/"]);
    let size: u64 = size.lines().nth(1).unwrap().split_whitespace().nth(1).unwrap().parse().unwrap();
    assert_eq!(root["size_bytes"], size * 1024);
    assert!(root["filesystem"].is_string() && root["options"].is_array(), "{root}");
    assert!(get("load_averages.1m").is_number());
    assert_eq!(get("timezone"), &json!(output("date", &["+%Z"])));
    assert!(get("pabawi.users").is_array());
}

/// R4.1: one script, every shell.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_shell_gathers_what_this_machine_says_by_other_means() {
    for words in ["sh", "dash", "bash --posix", "busybox sh"] {
        let facts = Shell::new(words).facts().await;
        assert_eq!(facts.warnings, Vec::<String>::new(), "{words}");
        compare(&Value::Object(facts.facts));
    }
}

/// A machine with the programs of busybox only, such as one with Alpine.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_programs_of_busybox_are_enough() {
    let programs = tempfile::tempdir().unwrap();
    let installed = Command::new("busybox").args(["--install", "-s"]).arg(programs.path()).status().unwrap();
    assert!(installed.success());
    let sh = programs.path().join("sh");
    let shell = Shell { words: vec![sh.display().to_string()], path: Some(programs.path().to_owned()) };
    let facts = shell.facts().await;
    assert_eq!(facts.warnings, Vec::<String>::new());
    compare(&Value::Object(facts.facts));
}

/// A machine on which almost nothing is there: what can be found is found, and the rest is absent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_missing_costs_only_its_own_values() {
    let programs = tempfile::tempdir().unwrap();
    for name in ["uname", "sed", "head", "date", "sleep"] {
        std::os::unix::fs::symlink("/bin/busybox", programs.path().join(name)).unwrap();
    }
    let shell = Shell { words: vec!["/bin/sh".to_owned()], path: Some(programs.path().to_owned()) };
    let facts = shell.facts().await;
    assert_eq!(facts.warnings, Vec::<String>::new());
    let facts = Value::Object(facts.facts);
    assert_eq!(facts["kernel"], "Linux");
    assert!(
        facts["memory"]["system"]["total_bytes"].is_number()
            && facts["networking"]["interfaces"]["lo"].is_object()
    );
    assert_eq!(facts["networking"]["interfaces"]["lo"].get("ip"), None);
    assert_eq!(facts["mountpoints"]["/"].get("size_bytes"), None);
    assert_eq!(facts["pabawi"].get("package_manager"), None);
}
