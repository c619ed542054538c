//! Pabawi's own tables decide about whoever calls `pab`.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::Duration;

use pabawi_testkit::pabawi_tables::{pabawi_sql, pabawi_tables, pabawi_tables_file};
use pabawi_testkit::postgres::{End, Postgres};
use pabawi_tests::outcome_of;

use crate::site::{Site, texts};

/// Ansible takes a second to start, and more when all tests run.
const ANSIBLE: Duration = Duration::from_secs(180);

/// Nothing is remembered, so that what is changed in the tables holds at once.
fn of_tables(database: &str) -> String {
    format!("[permissions]\ndatabase = '{database}'\nfresh = '0s'\n")
}

fn of_file() -> Site {
    let site = Site::new(&of_tables("pabawi-web.db"));
    pabawi_tables_file(&site.0.path("pabawi-web.db")).unwrap();
    site
}

/// What the roles of Pabawi 1.4 have says what each user may do.
fn hold(site: &Site) {
    for user in ["omar", "gina", "adam", "root", "id-omar"] {
        site.run(user, "true", "web01");
    }
    for user in ["vera", "omar", "adam"] {
        let _ = site.pab(user, &["executions", "list"]).succeeds();
        let _ = site.pab(user, &["inventory", "list"]).succeeds();
        let _ = site.pab(user, &["journal", "list"]).succeeds();
        let _ = site.pab(user, &["plugins", "list"]).succeeds();
    }
    let connected = site.connections();
    let run = &["run", "true", "-t", "web01"][..];
    let list = &["executions", "list"][..];
    let note = &["journal", "note", "web01", "hello"][..];
    let prune = &["executions", "prune", "--older-than", "9000d"][..];
    for (user, words, capability, reason) in [
        (
            "vera",
            run,
            "command.execute",
            "the permission ssh:execute is missing, which command.execute on ssh needs",
        ),
        ("vera", note, "journal.note", "the permission journal:note is missing, which journal.note needs"),
        ("omar", note, "journal.note", "the permission journal:note is missing"),
        (
            "omar",
            prune,
            "executions.prune",
            "the permission journal:admin is missing, which executions.prune needs",
        ),
        ("paul", run, "command.execute", "the permission ssh:execute is missing"),
        (
            "paul",
            list,
            "executions.list",
            "one of the permissions ssh:read, bolt:read, ansible:read is missing, which executions.list needs",
        ),
        ("nina", run, "command.execute", "the permission ssh:execute is missing"),
        ("ines", run, "command.execute", "the user ines is not active"),
        ("ines", list, "executions.list", "the user ines is not active"),
        ("eve", run, "command.execute", "there is no user eve"),
        ("eve", list, "executions.list", "there is no user eve"),
    ] {
        site.denied(user, words, capability, reason);
    }
    assert_eq!(site.connections(), connected, "nothing was connected");
    let _ = site.pab("paul", note).succeeds();
    let _ = site.pab("adam", prune).succeeds();
    // By `local` nothing of Pabawi's runs, so only administrators may use it.
    let local = ["run", "true", "--transport", "local", "-t", "web01"];
    site.denied("adam", &local, "command.execute", "the permission local:execute is missing");
    let _ = site.pab("root", &local).succeeds();
    let denied = site.list("adam", &["journal", "list", "--type", "execution_denied", "--user", "vera"]);
    assert_eq!(texts(&denied, "node"), ["web01"]);
}

/// R10.3, R6.5, R6.6: users, groups, roles and permissions of Pabawi, in SQLite.
#[test]
fn the_tables_of_pabawi_decide() {
    let site = of_file();
    let _ = site.pab("root", &["config", "check"]).succeeds();
    hold(&site);
}

/// R10.3, R6.5, R6.6: the same in PostgreSQL, which denies while it is away.
#[test]
fn the_tables_of_pabawi_decide_in_postgresql() {
    let mut server = Postgres::start().unwrap();
    server.create_database("pabawi").unwrap();
    server.query("pabawi", &pabawi_tables()).unwrap();
    let site = Site::new(&of_tables(&server.url("pabawi")));
    let config = site.0.path("config.toml");
    std::fs::set_permissions(&config, std::fs::Permissions::from_mode(0o600)).unwrap();
    hold(&site);
    server.stop(End::Fast);
    let away = site.denied("root", &["run", "true", "-t", "web01"], "command.execute", "authorizer failed: ");
    assert!(!away.err().contains(server.password()), "{away}");
    server.start_again().unwrap();
    site.run("root", "true", "web01");
}

/// R6.6, R10.3: every node is asked about again when its turn comes: what is taken away while something runs is gone for those
/// that have not begun.
#[test]
fn what_is_taken_away_while_it_runs_is_denied_on_the_nodes_to_come() {
    let site = of_file();
    let (begun, go) = (site.0.path("begun"), site.0.path("go"));
    let command = format!("touch {}; until [ -e {} ]; do sleep 0.05; done", begun.display(), go.display());
    let words =
        ["run", &command, "-t", "web01,web02", "--sequential", "--timeout", "50s", "--format", "ndjson"];
    let mut running = site.pab("omar", &words).spawn();
    let mut events = running.events_until("the first node has begun", |event| event["type"] == "nodeStarted");
    pabawi_sql(&site.0.path("pabawi-web.db"), "DELETE FROM user_roles WHERE user_id = 'id-omar'").unwrap();
    std::fs::write(&go, "").unwrap();
    let ran = running.end();
    assert_eq!(ran.code(), Some(1), "{ran}");
    events.extend(ran.events());
    assert_eq!(outcome_of(&events, "web01"), "succeeded");
    assert_eq!(outcome_of(&events, "web02"), "rejected");
    let denied = site.list("adam", &["journal", "list", "--type", "execution_denied"]);
    assert_eq!((texts(&denied, "node"), texts(&denied, "user")), (vec!["web02".into()], vec!["omar".into()]));
    assert!(denied[0]["summary"].as_str().unwrap().contains("the permission ssh:execute is missing"));
    assert!(begun.exists());
    site.denied("omar", &["run", "true", "-t", "web01"], "command.execute", "ssh:execute is missing");
}

/// R10.3, R6.5: a policy beside the tables denies what they allow, by their roles and groups too, and says which permissions other
/// plugins need.
#[test]
fn a_policy_restricts_what_the_tables_allow() {
    let site = of_file();
    site.configure(&format!(
        "{}policy = 'policy.yaml'\ninventory = 'nodes.yaml'\n",
        of_tables("pabawi-web.db")
    ));
    site.0.write(
        "policy.yaml",
        "deny:\n  - {capability: '*', nodes: web04}\n  - {capability: '*.execute', roles: [Operator], nodes: '@back'}\n\
         mapping: [{capability: command.execute, plugin: local, permission: ssh:execute}]\n",
    );
    site.run("omar", "true", "@front");
    site.run("adam", "true", "web03");
    let _ = site.pab("omar", &["run", "true", "--transport", "local", "-t", "web01"]).succeeds();
    let run = |targets| ["run", "true", "-t", targets];
    site.denied("omar", &run("web03"), "command.execute", "the rule deny[1] denies command.execute on web03");
    site.denied("gina", &run("web03"), "command.execute", "the rule deny[1] denies command.execute on web03");
    site.denied("root", &run("web04"), "command.execute", "the rule deny[0] denies command.execute on web04");
    site.denied("vera", &run("web01"), "command.execute", "the permission ssh:execute is missing");
    let nodes = texts(&site.list("vera", &["inventory", "list"]), "id");
    assert_eq!(nodes, ["web01", "web02", "web03"]);
    site.0.write("policy.yaml", "users: {ann: {admin: true}}\n");
    let both = site.pab("root", &run("web01")).exits(2);
    assert!(
        both.err().contains("permissions.policy: says who may do what, and so do Pabawi's tables"),
        "{both}"
    );
}

/// Tells a word for who may run tasks of Bolt, and a value for who may read Hiera.
const PROGRAM: &str = r#"#!/bin/sh
case $1 in
describe)
    printf '%s' '{"name": "lookup", "version": "1.0", "description": "Looks things up", "methods": {"run": true, "call": true},'
    printf '%s' '"capabilities": [{"name": "task.execute", "description": "Tells a word", "risk": "execute",'
    printf '%s' '"requiredPermissions": ["bolt:execute"], "parameters": {"type": "object"}},'
    printf '%s' '{"name": "key.lookup", "description": "Looks up a key", "risk": "read",'
    printf '%s' '"requiredPermissions": ["hiera:read"],'
    printf '%s\n' '"parameters": {"type": "object", "required": ["key"], "properties": {"key": {"type": "string"}}}}]}' ;;
run)
    cat > /dev/null; printf '%s\n' '{"node": "web01", "stdout": "told\n", "exited": 0}' ;;
call)
    cat > /dev/null; echo '{"result": {"value": "found"}}' ;;
*)
    cat > /dev/null; echo '{"error": {"code": "unsupported", "message": "knows nothing of it"}}' ;;
esac
"#;

/// Another process writes it, so that none of this one's children holds it open while it is run.
fn program(site: &Site) {
    site.0.write("text", PROGRAM);
    let code = "cp \"$0/text\" \"$0/new\" && chmod 755 \"$0/new\" && mv \"$0/new\" \"$0/lookup\"";
    let written = Command::new("sh").args(["-c", code]).arg(site.0.path("")).status().unwrap();
    assert!(written.success());
}

/// R6.5, R6.6, R12.6, R12.7: what a plugin does needs the permissions that its capability names, or that of its own name and risk, by
/// whichever words it is asked for.
#[test]
fn what_plugins_do_needs_their_permissions() {
    let site = of_file();
    program(&site);
    std::fs::create_dir_all(site.0.path("tmp")).unwrap();
    std::fs::create_dir_all(site.0.path("project")).unwrap();
    let ansible = format!(
        "[plugins.ansible.config]\nprojectPath = '{}'\nsshArgs = '-F {}'\ntempDir = '{}'\nenvironment = \
         {{ANSIBLE_PYTHON_INTERPRETER = '/usr/bin/python3', ANSIBLE_SSH_CONTROL_PATH_DIR = '{}'}}\n",
        site.file("project"),
        site.0.fleet().ssh_config().display(),
        site.file("tmp"),
        site.file("cp"),
    );
    let guard = of_tables("pabawi-web.db");
    site.configure(&format!("{guard}[plugins.lookup]\nkind = 'external'\npath = 'lookup'\n{ansible}"));
    let by_ansible = |user, words: &[&str]| site.pab(user, words).limit(ANSIBLE);
    for (user, words, capability, reason) in [
        (
            "vera",
            &["run", "true", "--plugin", "ansible", "-t", "web01"][..],
            "command.execute",
            "the permission ansible:execute is missing, which command.execute on ansible needs",
        ),
        (
            "vera",
            &["ansible", "task", "ansible.builtin.ping", "-t", "web01"],
            "task.execute",
            "the permission ansible:execute is missing, which task.execute on ansible needs",
        ),
        (
            "paul",
            &["package", "jq", "--ensure", "present", "-t", "web01"],
            "package.install",
            "the permission ansible:execute is missing",
        ),
        (
            "vera",
            &["lookup", "task", "x", "-t", "web01"],
            "task.execute",
            "the permission bolt:execute is missing, which bolt:execute on lookup needs",
        ),
        ("nina", &["lookup", "lookup", "a.b"], "key.lookup", "the permission hiera:read is missing"),
        ("nina", &["inventory", "list", "--plugin", "ansible"], "inventory.list", "ansible:read is missing"),
    ] {
        site.denied(user, words, capability, reason);
    }
    assert_eq!(site.connections(), 0);
    let told = site.pab("omar", &["lookup", "task", "x", "-t", "web01"]).succeeds();
    assert_eq!(told.out(), "web01| told\n");
    assert!(site.pab("vera", &["lookup", "lookup", "a.b"]).succeeds().out().contains("found"));
    let ran =
        by_ansible("omar", &["run", "echo by ansible", "--plugin", "ansible", "-t", "web01"]).succeeds();
    assert!(ran.out().contains("by ansible"), "{ran}");

    // Who may do what with which plugin is who is shown that it can be done.
    let can = |user: &str| -> Vec<(String, String)> {
        let listed = site.list(user, &["capabilities", "list"]);
        texts(&listed, "plugin").into_iter().zip(texts(&listed, "name")).collect()
    };
    let has =
        |user: &str, plugin: &str, name: &str| can(user).contains(&(plugin.to_owned(), name.to_owned()));
    for (user, plugin, name, expected) in [
        ("vera", "ansible", "command.execute", false),
        ("omar", "ansible", "command.execute", true),
        ("vera", "ansible", "playbook.list", true),
        ("vera", "lookup", "key.lookup", true),
        ("vera", "lookup", "task.execute", false),
        ("omar", "lookup", "task.execute", true),
        ("nina", "lookup", "key.lookup", false),
        ("omar", "local", "command.execute", false),
        ("root", "local", "command.execute", true),
    ] {
        assert_eq!(has(user, plugin, name), expected, "{user} {plugin} {name}");
    }
    // Modules that run a command line are held against the list too.
    site.configure(&format!("{guard}[command_policy]\nwhitelist = ['uptime']\n{ansible}"));
    let shell = [
        "ansible",
        "task",
        "ansible.builtin.command",
        "--arguments",
        r#"{"cmd": "true never"}"#,
        "-t",
        "web01",
    ];
    for words in [&shell[..], &["run", "true never", "--plugin", "ansible", "-t", "web01"]] {
        let refused = site.pab("root", words).exits(4);
        assert!(refused.err().contains("Command not allowed: true never"), "{refused}");
    }
}
