//! Inventories of other tools, read by us and by the tools themselves: the same hosts, groups and variables.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test's own functions meet is the test's failure"
)]

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pabawi::inventory::{
    AnsibleInventory, BoltInventory, CommandInventory, Inventory, LocalTools, to_ansible, to_common,
};
use pabawi::ports::{InventorySnapshot, InventorySource, ToolCommand};
use pabawi_tests::{Lab, finished_nodes};
use serde_json::{Value, json};

/// A directory with these files; one that begins like a program is executable.
fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = directory.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        let mode = if text.starts_with("#!") { 0o755 } else { 0o644 };
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    directory
}

/// What Ansible itself says.
fn theirs(path: &Path, home: &Path) -> Value {
    let output = Command::new("ansible-inventory")
        .arg("-i")
        .arg(path)
        .arg("--list")
        .current_dir(home)
        .env("HOME", home)
        .env("ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED", "true")
        .output()
        .expect("ansible-inventory, of the package ansible-core, is needed: cargo xtask setup");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    normal(serde_json::from_slice(&output.stdout).unwrap())
}

fn source(path: &Path) -> AnsibleInventory {
    AnsibleInventory::new(path, 0).tools(Arc::new(LocalTools))
}

async fn ours(path: &Path) -> (Value, InventorySnapshot) {
    let source = source(path);
    let snapshot = source.fetch().await.unwrap();
    let inventory = Inventory::merge(vec![(source.name().to_owned(), 0, snapshot.clone())]);
    (normal(to_ansible(&inventory)), snapshot)
}

/// Without the differences that [`to_ansible`] names, and without an order that means nothing.
fn normal(value: Value) -> Value {
    match value {
        Value::Object(mut map) => {
            if let (1, Some(text)) = (map.len(), map.get("__ansible_unsafe")) {
                return text.clone();
            }
            if let Some(Value::Array(children)) = map.get_mut("all").and_then(|all| all.get_mut("children")) {
                children.sort_by_key(ToString::to_string);
            }
            map.into_iter()
                .filter(|(key, _)| !key.ends_with("_pass") && !key.ends_with("_password"))
                .map(|(key, value)| (key, normal(value)))
                .collect()
        }
        Value::Array(items) => items.into_iter().map(normal).collect(),
        other => other,
    }
}

/// Every place at which the two are not the same.
fn compare(ours: &Value, theirs: &Value, place: &str, differences: &mut Vec<String>) {
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) => {
            for key in a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))) {
                let null = json!("(absent)");
                let (a, b) = (a.get(key).unwrap_or(&null), b.get(key).unwrap_or(&null));
                compare(a, b, &format!("{place}/{key}"), differences);
            }
        }
        _ if ours == theirs => {}
        _ => differences.push(format!("{place}: ours {ours}, theirs {theirs}")),
    }
}

async fn same(files: &[(&str, &str)], inventory: &str) -> InventorySnapshot {
    let directory = directory(files);
    let path: PathBuf = directory.path().join(inventory);
    let (ours, snapshot) = ours(&path).await;
    let theirs = theirs(&path, directory.path());
    assert!(theirs["_meta"]["hostvars"].is_object());
    let mut differences = Vec::new();
    compare(&ours, &theirs, "", &mut differences);
    assert!(differences.is_empty(), "{inventory}: {differences:#?}");
    snapshot
}

const INI: &str = r#"
# before any section
mail.example.org
192.0.2.7:2222

[web] # front
web[01:10:3].example.org ansible_user=deploy http_port=80 note='a "b" c' flags="['x', 2]"
web-[a:c] x="{{ y }}" empty= neg=-5 f=1.5 t=True n=None yes=yes z=007
[2001:db8::1]:22 key="a=b"
web01.example.org extra=1

[db:children]
primary
replica

[primary]
db1 ansible_host=10.0.0.1 ansible_port=2201 ansible_ssh_private_key_file=/keys/db ansible_connection=ssh

[replica]
db2 ansible_host=10.0.0.2 ansible_connection=smart ansible_password=hunter2
db3	tab=1	more='two words'   # comment

[db:vars]
engine=postgres
port=5432
list=[1, 2, {'a': 'b'}]
quoted="kept # whole"
commented=5 # five
text=5 apples
level=db

[replica:vars]
level=replica

[site:children]
web
db

[site:vars]
level=site
ntp=ntp.example.org

[empty]
; another comment
[all:vars]
level=all
everywhere=yes
"#;

/// R3.1, R3.10
#[tokio::test]
async fn an_ini_inventory_is_read_as_ansible_reads_it() {
    let snapshot = same(&[("hosts", INI)], "hosts").await;
    let db2 = snapshot.nodes.iter().find(|node| node.id.as_str() == "db2").unwrap();
    assert_eq!(db2.endpoint.host.as_deref(), Some("10.0.0.2"));
    assert_eq!(db2.endpoint.password.as_ref().unwrap().expose(), b"hunter2");
    assert_eq!(db2.metadata["level"], "replica");
    assert!(!serde_json::to_string(&snapshot.nodes).unwrap().contains("hunter2"));
    let db = snapshot.groups.iter().find(|group| group.name.as_str() == "db").unwrap();
    assert_eq!(db.metadata["port"], 5432);
    same(&[("hosts.prod", &INI.replace('\n', "\r\n"))], "hosts.prod").await;
    same(&[("only-hosts", "a\nb:22\nc x=1\n")], "only-hosts").await;
}

const YAML: &str = r#"
all:
  vars: {level: all, mode: 0644, enabled: yes, version: 1.10, when: 2020-01-02, big: 1_000, span: 1:30}
  hosts:
    lonely:
    also-lonely: {ansible_host: 192.0.2.1, ansible_port: 2222}
  children:
    web:
      hosts:
        web[1:3]:
          http_port: 80
        web2:
          http_port: 8080
          nested: &n {a: [1, {b: ~}], c: "yes"}
        web9:2200:
      vars:
        level: web
        merged: {<<: *n, c: on}
        secret: !vault |
          $ANSIBLE_VAULT;1.1;AES256
          6162
        raw: !unsafe "{{ not }}"
    db:
      children:
        primary: {hosts: db1}
        replica:
          hosts: {db2: {}, db3: {ansible_user: root}}
          vars: {level: replica}
    nothing:
    second:
      hosts: {web1: , db1: {also: second}}
      vars: {level: second, ansible_group_priority: 10}
"#;

/// R3.1, R3.10
#[tokio::test]
async fn a_yaml_inventory_is_read_as_ansible_reads_it() {
    for name in ["inventory.yml", "inventory", "inventory.yaml"] {
        same(&[(name, YAML)], name).await;
    }
    let json = json!({"all": {"hosts": {"a": {"x": 1}}, "children": {"g": {"hosts": {"b": null}}}}});
    same(&[("hosts.json", &json.to_string())], "hosts.json").await;
}

/// R3.10
#[tokio::test]
async fn variables_beside_the_inventory_count_as_with_ansible() {
    let files = [
        ("inv/hosts", INI),
        ("inv/group_vars/all.yml", "level: file-all\nfrom_all: 1\neverywhere: no\n"),
        ("inv/group_vars/db/10-first.yml", "level: file-db\nfirst: 1\n"),
        ("inv/group_vars/db/20-second", "first: 2\nlist: [a]\n"),
        ("inv/group_vars/db/.hidden.yml", "hidden: 1\n"),
        ("inv/group_vars/db/backup~", "hidden: 1\n"),
        ("inv/group_vars/db/more/deep.json", "{\"deep\": true}"),
        ("inv/group_vars/db/notes.txt", "not: read\n"),
        ("inv/group_vars/replica", "level: file-replica\n"),
        ("inv/group_vars/web.yaml", "level: file-web\n"),
        ("inv/group_vars/web.json", "{\"level\": \"not taken\"}"),
        ("inv/group_vars/ungrouped.yml", "lonely: true\n"),
        ("inv/group_vars/nobody.yml", "- not\n- read\n"),
        ("inv/host_vars/db1.yml", "ansible_user: postgres\nlevel: file-db1\nengine: own\n"),
        ("inv/host_vars/web-a/main.yml", "x: 5\n"),
        ("inv/host_vars/empty.yml", ""),
    ];
    let snapshot = same(&files, "inv/hosts").await;
    let db1 = snapshot.nodes.iter().find(|node| node.id.as_str() == "db1").unwrap();
    assert_eq!(db1.endpoint.user.as_deref(), Some("postgres"));
    // In a directory, the same files stand in the directory itself.
    same(&files, "inv").await;
}

/// R3.7, R3.10
#[tokio::test]
async fn a_directory_is_its_files_in_the_order_of_their_names() {
    let script = "#!/bin/sh\necho '{\"dyn\": {\"hosts\": [\"d1\", \"web1\"], \"vars\": {\"v\": 1}, \"children\": [\"web\"]},\
                  \"_meta\": {\"hostvars\": {\"d1\": {\"ansible_host\": \"10.9.9.9\"}, \"nobody\": {\"x\": 1}}}}'\n";
    let files = [
        ("inv/10-static", "[web]\nweb1 a=1\n[web:vars]\nv=10\n"),
        ("inv/20-more.yml", "web: {hosts: {web1: {a: 2}, web2: }}\nlater: {children: {dyn: {}}}\n"),
        ("inv/30-dynamic", script),
        ("inv/40-sub/hosts", "[web]\nweb3\n[web:vars]\nv=40\n"),
        ("inv/ignored.ini", "[web]\nnot-read\n"),
        ("inv/README.md", "not [ an inventory\n"),
        ("inv/.hidden", "hidden\n"),
        ("inv/group_vars/later.yml", "l: 1\n"),
        ("inv/40-sub/group_vars/web.yml", "not: read\n"),
    ];
    same(&files, "inv").await;
}

/// R3.4
#[tokio::test]
async fn a_script_is_asked_as_ansible_asks_it() {
    let meta = "#!/usr/bin/python3\nimport json, sys\nassert sys.argv[1:] == ['--list']\nprint(json.dumps({\
                'web': ['w1', 'w2'], 'solo': {'answer': 42}, 'db': {'hosts': ['w2', 'd1'], 'vars': {'e': 'pg', 'n': None}},\
                'all': {'children': ['web', 'db'], 'vars': {'everywhere': True}},\
                '_meta': {'hostvars': {'w1': {'ansible_port': 2222, 'deep': {'a': [1]}}, 'd1': {}}}}))\n";
    same(&[("inventory.py", meta)], "inventory.py").await;
    let each = "#!/bin/sh\nif [ \"$1\" = --list ]; then echo '{\"g\": [\"a\", \"b\"]}'\n\
                else echo \"{\\\"who\\\": \\\"$2\\\"}\"; fi\n";
    same(&[("each", each)], "each").await;
}

/// R3.1
#[tokio::test]
async fn groups_of_many_shapes_give_the_same_variables() {
    let files = [
        (
            "hosts",
            "[a]\nh1\n[b]\nh1\nh2\n[c:children]\na\nb\n[d:children]\nc\n[e]\nh1 own=1\n[f:children]\ne\nd\n\
             [a:vars]\nv=a\np=a\n[b:vars]\nv=b\np=b\nansible_group_priority=5\n[c:vars]\nv=c\nq=c\n[d:vars]\nq=d\nr=d\n\
             [e:vars]\nr=e\nown=e\n[f:vars]\nr=f\nv=f\nz=f\n[ungrouped]\nh2\nh3\n[all]\nh4 x=1\n[ungrouped:vars]\nu=1\n",
        ),
        ("group_vars/f.yml", "from_file: f\nv: file-f\n"),
        ("group_vars/a.yml", "p: file-a\n"),
        ("group_vars/all", "z: file-all\n"),
    ];
    same(&files, "hosts").await;
}

/// R3.4: what only Ansible can evaluate is asked of Ansible.
#[tokio::test]
async fn plugin_configurations_go_through_ansible_inventory() {
    let files = [
        ("inv/10-hosts", "[web]\nweb1 stage=prod\nweb2 stage=test\n"),
        (
            "inv/20-constructed.yml",
            "plugin: constructed\nstrict: true\ngroups: {production: stage == 'prod'}\nkeyed_groups: [{key: stage, prefix: s}]\n",
        ),
    ];
    let snapshot = same(&files, "inv").await;
    assert!(snapshot.groups.iter().any(|group| group.name.as_str() == "production"));
    let directory = directory(&files);
    let path = directory.path().join("inv");
    let without = AnsibleInventory::new(&path, 0).fetch().await.unwrap();
    assert_eq!(without.nodes.len(), 2, "the other files load all the same");
    assert!(without.warnings[0].contains("20-constructed.yml: configures the inventory plugin constructed"));
    let missing = source(&path).program("no-such-ansible-inventory").fetch().await.unwrap();
    assert!(missing.warnings[0].contains("no-such-ansible-inventory"), "{:?}", missing.warnings);
    let alone = AnsibleInventory::new(path.join("20-constructed.yml"), 0).fetch().await.unwrap_err();
    assert!(alone.message.contains("plugin constructed, and only ansible-inventory can read it"), "{alone}");
}

/// R3.4: what is encrypted as a whole is decrypted by Ansible, with the settings of its project.
#[tokio::test]
async fn vaulted_variables_go_through_ansible_inventory() {
    let directory = directory(&[
        ("ansible.cfg", "[defaults]\nvault_password_file = password\n"),
        ("password", "correct horse\n"),
        ("hosts", "[web]\nweb1\n"),
        ("group_vars/web/plain.yml", "a: 1\nansible_password: '{{ hidden }}'\n"),
        ("group_vars/web/vault.yml", "hidden: hunter2\nb: 2\n"),
    ]);
    let home = directory.path();
    let vault = home.join("group_vars/web/vault.yml");
    let encrypt = Command::new("ansible-vault")
        .arg("encrypt")
        .arg(&vault)
        .current_dir(home)
        .env("HOME", home)
        .output()
        .expect("ansible-vault");
    assert!(encrypt.status.success(), "{}", String::from_utf8_lossy(&encrypt.stderr));
    assert!(std::fs::read_to_string(&vault).unwrap().starts_with("$ANSIBLE_VAULT;"));
    let (ours, snapshot) = ours(&home.join("hosts")).await;
    assert_eq!(ours, theirs(&home.join("hosts"), home));
    assert_eq!(snapshot.nodes[0].metadata["b"], 2);
    assert_eq!(snapshot.nodes[0].endpoint.password.as_ref().unwrap().expose(), b"hunter2");
    let without = AnsibleInventory::new(home.join("hosts"), 0).fetch().await.unwrap();
    assert!(
        without.warnings.iter().any(|warning| warning.contains("vault.yml: is encrypted")),
        "{:?}",
        without.warnings
    );
}

/// R3.4: a script that hangs, floods, fails or prints nonsense is an error with its name and the reason.
#[tokio::test]
async fn scripts_that_misbehave_are_told() {
    for (script, part) in [
        ("sleep 3600", "did not end within"),
        ("yes", "wrote more than"),
        ("echo broken >&2; exit 1", "--list exited with 1: broken"),
        ("kill -KILL $$", "was ended by SIGKILL"),
        ("echo '{\"a\": [1'", "printed no JSON: EOF while parsing a list at line"),
        ("echo '[]'", "no object"),
        ("printf '\\377'", "not UTF-8"),
        ("echo '{\"g\": {\"hosts\": [\"-oProxyCommand=x\", 5]}}'", "g.hosts[0]: invalid node id"),
        (
            "echo '{\"g\": {\"children\": [\"g\"]}, \"_meta\": {\"hostvars\": {}}}'",
            "g.children[0]: group g cannot",
        ),
        (
            "printf '{\"g\": [\"h0\"'; i=1; while [ $i -lt 1500 ]; do printf ',\"h%d\"' $i; i=$((i+1)); done; echo ]}",
            "prints no '_meta' with the variables of its 1500 hosts",
        ),
    ] {
        let directory = directory(&[("inventory", &format!("#!/bin/sh\n{script}\n"))]);
        let source = source(&directory.path().join("inventory")).timeout(Duration::from_secs(5));
        let error = source.fetch().await.unwrap_err();
        assert!(error.message.contains(part) && error.message.contains("/inventory"), "{script}: {error}");
    }
    let plain = directory(&[("script", "#!/bin/sh\n")]);
    std::fs::set_permissions(plain.path().join("script"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let error = source(&plain.path().join("script")).fetch().await.unwrap_err();
    assert!(error.message.contains("chmod +x"), "{error}");
}

/// R3.4, R3.10: a program that prints JSON, in each of the three shapes.
#[tokio::test]
async fn a_command_that_prints_json_is_a_source() {
    let ini = directory(&[("hosts", INI)]);
    let snapshot = source(&ini.path().join("hosts")).fetch().await.unwrap();
    let merged = |snapshot| Inventory::merge(vec![("s".to_owned(), 0, snapshot)]);
    let common = to_common(&merged(snapshot.clone())).to_string();
    let listed = to_ansible(&merged(snapshot.clone())).to_string();
    let own = json!({"nodes": {"web[1-2]": {"user": "ops"}}, "groups": {"g": ["web1"]}}).to_string();
    let run = async |text: &str| {
        let mut command = ToolCommand::new("/bin/cat", Vec::<String>::new());
        command.stdin = Some(text.as_bytes().to_vec().into());
        CommandInventory::new(command, 5, Arc::new(LocalTools)).fetch().await
    };
    let again = run(&common).await.unwrap();
    assert_eq!(to_ansible(&merged(again.clone())), to_ansible(&merged(snapshot)));
    assert!(again.nodes.iter().all(|node| node.endpoint.password.is_none()), "a hidden password is none");
    assert_eq!(
        normal(to_ansible(&merged(run(&listed).await.unwrap()))),
        normal(serde_json::from_str(&listed).unwrap())
    );
    let own = run(&own).await.unwrap();
    assert_eq!((own.nodes.len(), own.groups[0].nodes.len()), (2, 1));
    for (text, part) in [
        ("", "is no JSON"),
        ("[1]", "must be a JSON object"),
        ("{\"nodes\": [{\"id\": \"-x\"}]}", "node id"),
        ("{\"nodes\": [{\"id\": \"a\"}, {\"id\": \"a\"}]}", "node a is given twice"),
        ("{\"nodes\": [{\"id\": \"a\", \"endpoint\": {\"host\": \"-oProxyCommand=x\"}}]}", "endpoint.host"),
        ("{\"nodes\": {\"a\": {\"prot\": 1}}}", "nodes.a.prot: unknown key"),
        ("{\"web\": 5}", "web: a group must be"),
    ] {
        let error = run(text).await.unwrap_err();
        assert!(error.message.contains(part) && error.source_name == "command:/bin/cat", "{text}: {error}");
    }
    let failing = ToolCommand::new("/bin/sh", ["-c", "echo no database >&2; exit 3"]);
    let error = CommandInventory::new(failing, 0, Arc::new(LocalTools)).fetch().await.unwrap_err();
    assert!(error.message.contains("exited with 3: no database") && error.retryable, "{error}");
    let missing = ToolCommand::new("no-such-program-anywhere", Vec::<String>::new());
    let error = CommandInventory::new(missing, 0, Arc::new(LocalTools)).fetch().await.unwrap_err();
    assert!(!error.retryable, "{error}");
}

/// R3.1: ten thousand hosts, at least twenty times faster than `ansible-inventory --list`, with the same result.
#[tokio::test]
async fn a_large_inventory_is_read_quickly() {
    use std::fmt::Write as _;
    let mut text = String::new();
    for group in 0..100 {
        let _ = writeln!(text, "[group{group}]");
        for host in 0..100 {
            let _ = writeln!(
                text,
                "node{group:02}{host:02}.example.org ansible_host=10.0.{group}.{host} rack={group} n='a b'"
            );
        }
        let _ = writeln!(text, "[group{group}:vars]\nntp=ntp{group}.example.org\nport=80");
    }
    let directory = directory(&[("hosts", &text)]);
    let path = directory.path().join("hosts");
    let source = source(&path);
    let started = Instant::now();
    source.fetch().await.unwrap();
    let took = started.elapsed();
    let (ours, _) = ours(&path).await;
    let started = Instant::now();
    let theirs = theirs(&path, directory.path());
    let they_took = started.elapsed();
    assert!(ours == theirs);
    // Without optimisation ours takes more than ten times as long.
    let times = if cfg!(debug_assertions) { 4 } else { 20 };
    assert!(took * times < they_took, "ours {took:?}, theirs {they_took:?}");
}

/// A stand-in for `bolt`: it answers with what Bolt documents for `inventory show --format json --detail`.
const BOLT: &str = r#"#!/bin/sh
[ "$*" = "inventory show --format json --detail" ] || { echo "unexpected: $*" >&2; exit 64; }
[ -f inventory.yaml ] || { echo "not in the project" >&2; exit 65; }
cat <<'EOF'
{"inventory": {"targets": [
  {"name": "web1", "uri": "ssh://web1.example.org:2222", "alias": ["www"],
   "config": {"transport": "ssh", "ssh": {"user": "ops", "password": "hunter2", "connect-timeout": 10}},
   "vars": {"a": 1}, "facts": {"os": {"family": "Debian"}}, "features": ["shell"], "plugin_hooks": {},
   "groups": ["web", "all"]},
  {"name": "win1", "uri": null, "alias": [], "transport": "WinRM", "user": "Administrator", "config": {},
   "vars": {}, "facts": {}, "features": [], "groups": ["all"]},
  {"uri": ""}],
  "file": "inventory.yaml", "count": 3}, "targets": [], "count": 3}
EOF
"#;

/// R3.4, R3.10: references to plugins are resolved by Bolt.
#[tokio::test]
async fn references_go_through_bolt() {
    let files = [
        ("bolt", BOLT),
        ("failing-bolt", "#!/bin/sh\necho 'no such plugin' >&2; exit 1\n"),
        (
            "project/inventory.yaml",
            "groups: [{name: web, targets: [{_plugin: puppetdb, query: x}]}, {name: db, targets: [d]}]\n",
        ),
    ];
    let directory = directory(&files);
    let project = directory.path().join("project");
    let source = |program: &str| {
        BoltInventory::new(&project, 0).tools(Arc::new(LocalTools)).program(directory.path().join(program))
    };
    let bolt = source("bolt");
    assert!(bolt.revision().is_some());
    let snapshot = bolt.fetch().await.unwrap();
    assert_eq!(bolt.revision(), None, "what a program says next nobody can foresee");
    let web1 = &snapshot.nodes[0];
    assert_eq!((web1.id.as_str(), web1.endpoint.host.as_deref()), ("web1", Some("web1.example.org")));
    assert_eq!((web1.endpoint.port, web1.endpoint.user.as_deref()), (Some(2222), Some("ops")));
    assert_eq!(web1.endpoint.password.as_ref().unwrap().expose(), b"hunter2");
    assert_eq!((web1.aliases[0].as_str(), &web1.metadata["vars"]["a"]), ("www", &json!(1)));
    assert!(!serde_json::to_string(&snapshot.nodes).unwrap().contains("hunter2"));
    let win1 = &snapshot.nodes[1];
    assert_eq!(win1.endpoint.transport.as_ref().unwrap().as_str(), "winrm");
    assert_eq!(win1.endpoint.user.as_deref(), Some("Administrator"));
    assert_eq!((snapshot.nodes.len(), snapshot.groups.len(), snapshot.warnings.len()), (2, 1, 1));
    for (program, why) in
        [("failing-bolt", "exited with 1: no such plugin"), ("none", "only bolt can resolve it")]
    {
        let snapshot = source(program).fetch().await.unwrap();
        assert_eq!((snapshot.nodes.len(), snapshot.groups.len()), (1, 1), "the other group loads");
        assert!(snapshot.warnings[0].contains("groups[0].targets") && snapshot.warnings[0].contains(why));
    }
}

/// R3.2, R3.3: groups in comments and aliases of an ssh_config choose nodes, and its settings still lead to them.
#[test]
fn groups_and_aliases_of_an_ssh_config_choose_nodes() {
    let lab = Lab::new(3);
    let mut config = lab.fleet().ssh_config_text();
    for (node, alias, groups) in [("web01", "first", "front, all-web"), ("web03", "third", "all-web")] {
        config = config
            .replace(&format!("Host {node}\n"), &format!("Host {node} {alias}\n    # Groups: {groups}\n"));
    }
    let config = lab.write("grouped_config", config);
    let call = |targets: &str| {
        let call = lab.pab(["run", "true", "--format", "ndjson", "-t", targets]);
        let mut nodes =
            finished_nodes(&call.args(["--ssh-config".as_ref(), config.as_os_str()]).succeeds().events());
        nodes.sort_unstable();
        nodes.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(call("@all-web"), ["web01", "web03"]);
    assert_eq!(call("@front,web02"), ["web01", "web02"]);
    assert_eq!(call("third,web03"), ["web03"], "an alias is the same node");
}
