//! Requirement 3: which nodes an expression selects, in the language of `pab` and in those of Ansible and Bolt. Ansible's
//! patterns are compared with what Ansible itself says of them.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::path::Path;
use std::time::{Duration, Instant};

use pabawi::TargetExpression;
use pabawi::inventory::{Dialect, FileInventory, Resolver, ansible_limit};
use pabawi::ports::TargetResolver as _;
use pabawi_testkit::fleet::Fleet;
use pabawi_tests::{Lab, Pab, Ran, ansible_python};
use serde_json::Value;

/// What failed is found by how it failed, and only that runs again.
/// R3.3
#[test]
fn the_last_failed_nodes_are_exactly_those_that_failed() {
    let lab = Lab::new(6);
    let nodes = lab.fleet().nodes();
    let failing: Vec<String> =
        [1, 4].iter().map(|index: &usize| nodes[*index].address.ip().to_string()).collect();
    let command = format!("set -- $SSH_CONNECTION; case $3 in {}) exit 3;; esac", failing.join("|"));
    let _ = lab.run("web[01-06]", &command).exits(1);
    let again = lab.run("last(failed)", "true").args(["--format", "json"]).succeeds().json().to_string();
    for (number, is_failed) in [(1, false), (2, true), (3, false), (4, false), (5, true), (6, false)] {
        assert_eq!(again.contains(&format!("\"web{number:02}\"")), is_failed, "web{number:02}: {again}");
    }
    // Now none has failed last, and all of them have succeeded within the hour.
    let expand = |expression: &str| {
        lab.pab(["targets", "expand", expression, "--ssh-config"])
            .args([lab.fleet().ssh_config().as_os_str()])
            .succeeds()
            .out()
    };
    assert_eq!(expand("last(failed)"), "");
    assert_eq!(expand("last(succeeded, 1h)!web[01-04]"), "web05\nweb06\n");
    let ran = lab.run("last(failed)", "true").exits(2);
    assert!(ran.err().contains("selects no node"), "{ran}");
}

/// A node that cannot be reached is one of `last(unreachable)`, until something runs on it.
/// R3.3
#[test]
fn nodes_that_could_not_be_reached_are_found_again() {
    let lab = Lab::with(Fleet::builder().nodes(2));
    let config = lab.fleet().ssh_config_text() + "\nHost gone\n  HostName 127.0.0.1\n  Port 1\n";
    let config = lab.write("with_gone", config);
    let pab = |arguments: &[&str]| lab.pab(arguments).args(["--ssh-config".as_ref(), config.as_os_str()]);
    let _ = pab(&["run", "true", "-t", "web*,gone"]).exits(1);
    let explained = pab(&["targets", "explain", "all!last(unreachable, 24h)", "--node", "gone,web01"]);
    assert_eq!(
        explained.succeeds().out(),
        "gone: not selected, taken out by !last(unreachable, 1d) at column 5\n\
         web01: selected, brought in by all at column 1\n"
    );
    let expand = |expression: &str| pab(&["targets", "fold", expression]).succeeds().out();
    assert_eq!(expand("last(unreachable)"), "gone\n");
    assert_eq!(expand("all&last(succeeded)"), "web[01-02]\n");
}

const NODES: &str = "
nodes: [lone1, lone2, 'web[1-12]', 'db[1-5]', db-old, lb1, stage1, mail.example.org, 10.0.0.7, 'fe80::7']
groups:
  web: ['web[1-12]']
  db: ['db[1-5]', db-old]
  lb: [lb1, web1]
  prod: {children: [web, lb]}
  staging: [stage1, db5]
  site: {children: [prod, staging]}
  misc: [mail.example.org, 10.0.0.7, 'fe80::7']
  eu.dc: [web2, db2]
";

/// The same for Ansible.
const HOSTS: &str = "
lone1
lone2
[web]
web[1:12]
[db]
db[1:5]
db-old
[lb]
lb1
web1
[prod:children]
web
lb
[staging]
stage1
db5
[site:children]
prod
staging
[misc]
mail.example.org
10.0.0.7
fe80::7
[eu.dc]
web2
db2
";

/// Patterns, each with what is written after `--limit`.
const PATTERNS: &[(&str, &str)] = &[
    ("all", ""),
    ("*", ""),
    ("ungrouped", ""),
    ("ungr*", ""),
    ("web", ""),
    ("web1", ""),
    ("web*", ""),
    ("web?", ""),
    ("web1?", ""),
    ("web[1-3]", ""),
    ("web[!1-3]", ""),
    ("web[!1-3]*", ""),
    ("web[^1]", ""),
    ("db[12]", ""),
    ("*.org", ""),
    ("*.example.org", ""),
    ("10.0.0.*", ""),
    ("mail.example.org", ""),
    ("web:db", ""),
    ("web,db", ""),
    ("web,db:lb", ""),
    ("web:&prod", ""),
    ("web:&lb", ""),
    ("prod:!lb", ""),
    ("prod:!web1:!web2", ""),
    ("!web", ""),
    ("&web", ""),
    ("&web:!web1", ""),
    ("!lb:web:&prod", ""),
    ("all:!prod", ""),
    ("all:!prod:!ungrouped", ""),
    ("site", ""),
    ("site:!staging", ""),
    ("staging:&db", ""),
    ("db*:!db-old", ""),
    ("web:!~web1", ""),
    ("~web1", ""),
    ("~web1$", ""),
    ("~(web|db)[23]$", ""),
    ("~eb1", ""),
    ("~.*b5\\Z", ""),
    ("~[a-c]", ""),
    ("~", ""),
    ("web[0]", ""),
    ("web[-1]", ""),
    ("web[-12]", ""),
    ("web[0:2]", ""),
    ("web[0-2]", ""),
    ("web[3:]", ""),
    ("web[2:1]", ""),
    ("web[2:0]", ""),
    ("web[0:0]", ""),
    ("web[10:99]", ""),
    ("web[99:100]", ""),
    ("web[99]", ""),
    ("web[-13]", ""),
    ("site[1:3]", ""),
    ("all[0:3]", ""),
    ("all[-1]", ""),
    ("prod[0:12]:!web[0:9]", ""),
    ("web*[0:14]", ""),
    ("nosuch[0]", ""),
    ("nosuch", ""),
    ("nosuch,web1", ""),
    ("web1:nosuch", ""),
    ("web1,web1,web", ""),
    ("fe80::7", ""),
    ("fe80::7,web1", ""),
    ("web1:22", ""),
    ("web[1:3]", ""),
    ("lone1:lone2", ""),
    (" web1 , db1 ", ""),
    ("web1 db1", ""),
    ("eu.dc", ""),
    ("eu.*", ""),
    ("localhost", ""),
    ("web[", ""),
    ("web[]", ""),
    ("[wl]*1", ""),
    ("WEB1", ""),
    ("~(?i)WEB1$", ""),
    ("~(", ""),
    ("all", "web"),
    ("web", "web1,web3"),
    ("web", "web*:!web1"),
    ("prod", "lb,db"),
    ("all", "@LIMIT"),
    ("web:&prod", "@LIMIT,web7"),
];

/// Asks Ansible for the hosts of every pattern, in one process.
const ASK_ANSIBLE: &str = r#"
import json, sys
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
folder = sys.argv[1]
manager = InventoryManager(loader=DataLoader(), sources=[folder + "/hosts"])
said = []
for pattern, limit in json.load(open(folder + "/patterns.json")):
    try:
        manager.subset(limit or None)
        said.append([host.name for host in manager.get_hosts(pattern)])
    except Exception as error:
        said.append(str(error))
print(json.dumps(said))
"#;

/// R3.3
#[test]
fn ansible_patterns_select_what_ansible_selects() {
    let folder = tempfile::tempdir().unwrap();
    let limit = folder.path().join("retry");
    std::fs::write(&limit, "web2\n  web4  \n\ndb1\n").unwrap();
    std::fs::write(folder.path().join("hosts"), HOSTS).unwrap();
    std::fs::write(folder.path().join("nodes.yaml"), NODES).unwrap();
    let patterns: Vec<(&str, String)> = PATTERNS
        .iter()
        .map(|(pattern, given)| (*pattern, given.replace("LIMIT", limit.to_str().unwrap())))
        .collect();
    std::fs::write(folder.path().join("patterns.json"), serde_json::to_string(&patterns).unwrap()).unwrap();
    let said = ansible_python(ASK_ANSIBLE, folder.path());
    let said: Vec<Value> = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    assert!(said.len() == patterns.len() && said.len() >= 60);

    let resolver = resolver(&folder.path().join("nodes.yaml"));
    let mut wrong = Vec::new();
    let (mut selecting, mut refused) = (0, 0);
    for ((pattern, limit), ansible) in patterns.iter().zip(&said) {
        let mut expression = Dialect::Ansible.expression(pattern).as_str().to_owned();
        if !limit.is_empty() {
            let limit = ansible_limit(limit, |file| std::fs::read_to_string(file)).unwrap();
            expression = format!("{expression}&{}", Dialect::Ansible.expression(&limit).as_str());
        }
        let ours = selected(&resolver, &expression);
        let agrees = match (ansible, &ours) {
            (Value::Array(hosts), Ok(nodes)) => {
                selecting += usize::from(!hosts.is_empty());
                hosts.iter().map(|host| host.as_str().unwrap()).eq(nodes)
            }
            (Value::String(_), Err(_)) => {
                refused += 1;
                true
            }
            _ => false,
        };
        if !agrees {
            wrong.push(format!("{pattern:?} limited to {limit:?}: Ansible {ansible}, we {ours:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(selecting >= 60 && refused >= 3, "the patterns show something: {selecting}, {refused}");
}

fn resolver(inventory: &Path) -> Resolver {
    Resolver::new(vec![std::sync::Arc::new(FileInventory::inventory_file(inventory, 0))])
}

fn selected(resolver: &Resolver, expression: &str) -> Result<Vec<String>, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime
        .block_on(resolver.resolve(&TargetExpression::new(expression)))
        .map(|targets| targets.iter().map(|target| target.node.to_string()).collect())
        .map_err(|error| error.to_string())
}

/// The other tools' languages name the nodes of a real run, are part of a plan, and can be joined with terms of our own.
/// R3.3
#[test]
fn what_is_named_in_another_language_is_run_on() {
    let lab = Lab::new(3);
    let nodes = lab
        .write("nodes.yaml", "nodes: ['web[01-03]']\ngroups: {web: ['web[01-03]'], odd: [web01, web03]}\n");
    lab.write("retry", "web03\n");
    let config = lab.fleet().ssh_config().to_owned();
    std::fs::create_dir_all(lab.path("home/.ssh")).unwrap();
    let call = |arguments: &[&str]| -> Pab {
        lab.pab(arguments).directory(&lab.path("")).args(["--inventory".as_ref(), nodes.as_os_str()])
    };
    let out = |arguments: &[&str]| call(arguments).succeeds().out();
    assert_eq!(out(&["targets", "expand", "web:&odd:!web01", "--dialect", "ansible"]), "web03\n");
    assert_eq!(out(&["targets", "fold", "all", "--dialect", "ansible", "--limit", "@retry"]), "web03\n");
    assert_eq!(out(&["targets", "fold", "WEB0{1,2}", "--dialect", "bolt"]), "web[01-02]\n");
    assert_eq!(out(&["targets", "fold", "ansible(\"odd\")!bolt(\"web01\")"]), "web03\n");
    let json: Value =
        serde_json::from_str(&out(&["targets", "explain", "odd", "--dialect", "bolt", "-f", "json"]))
            .unwrap();
    assert_eq!((json["expression"].as_str(), json["count"].as_u64()), (Some("bolt(\"odd\")"), Some(2)));
    // With the way to each node of the fleet, the same is run on.
    let ran = lab
        .pab(["run", "echo here", "--dialect", "ansible", "-t", "web0?:!web01:!web03", "--ssh-config"])
        .args([config.as_os_str()])
        .succeeds();
    assert_eq!(ran.out(), "web02| here\n");
    let (user, address) = (lab.fleet().user(), lab.fleet().nodes()[0].address);
    let bolt = format!("ssh://{user}@{address}");
    let ran = lab
        .pab(["run", "echo here", "--dialect", "bolt", "-t", &bolt, "--host-keys", "off", "--identity"])
        .args([lab.fleet().user_key().path.as_os_str()])
        .succeeds();
    assert_eq!(ran.out(), format!("{bolt}| here\n"));
}

/// R3.3
#[test]
fn an_expression_is_explained_term_by_term() {
    let folder = tempfile::tempdir().unwrap();
    let nodes = folder.path().join("nodes.yaml");
    std::fs::write(&nodes, NODES).unwrap();
    let ran = |arguments: &[&str]| -> Ran {
        Pab::new(folder.path()).args(arguments).args(["--inventory".as_ref(), nodes.as_os_str()]).succeeds()
    };
    let shown = ran(&["targets", "explain", "@prod ! (web[1-9] , lb1) ^ db1"]).out();
    let expected = "\
TERM             SELECTS  EFFECT  NODES
@prod            13       +13     web[1-12],lb1
!(web[1-9],lb1)  10       -10     web[1-9],lb1
  web[1-9]       9        +9      web[1-9]
  lb1            1        +1      lb1
^db1             1        +1      db1
=                4                web[10-12],db1
";
    assert_eq!(shown, expected);
    let node = ran(&["targets", "explain", "@prod!web[1-9]", "--node", "web3,lb1"]).out();
    assert_eq!(
        node,
        "web3: not selected, taken out by !web[1-9] at column 7\nlb1: selected, brought in by @prod at column 1\n"
    );
    assert!(!folder.path().join(".local").exists(), "no database was made");
}

/// Whatever is typed, the answer comes in bounded time and says what to do.
#[test]
fn bad_expressions_are_refused_in_bounded_time() {
    let folder = tempfile::tempdir().unwrap();
    let nodes = folder.path().join("nodes.yaml");
    std::fs::write(&nodes, NODES).unwrap();
    let deep = "(".repeat(30_000) + "web1" + &")".repeat(30_000);
    let long = "web1,".repeat(25_000) + "~(~";
    let started = Instant::now();
    for (expression, dialect, part) in [
        ("n[1-999999999]", "pabawi", "at most 1000000"),
        ("n[1-999999999][1-999999999][1-999999999]", "pabawi", "at most 1000000"),
        ("-oProxyCommand=x", "pabawi", "start with '-'"),
        ("web1;reboot", "pabawi", "only letters"),
        ("$(reboot)", "pabawi", "before \"(reboot)\""),
        ("`reboot`", "pabawi", "only letters"),
        ("~(a{1000}){1000}~", "pabawi", "too large"),
        ("!web1", "pabawi", "write all!web1"),
        (deep.as_str(), "pabawi", "64 parentheses"),
        (long.as_str(), "pabawi", "unclosed group"),
        ("~(a{1000}){1000}", "ansible", "too large"),
        ("web[99]", "ansible", "subscripted"),
        ("-oProxyCommand=x", "bolt", "start with '-'"),
        ("ssh://root:secret@web1", "bolt", "password"),
        ("nosuch*", "bolt", "found 0 targets"),
    ] {
        let ran = Pab::new(folder.path())
            .args(["targets", "expand", &format!("--dialect={dialect}"), "--inventory"])
            .args([nodes.as_os_str()])
            .args(["--", expression])
            .exits(2);
        assert!(ran.err().contains(part), "{part}: {}", ran.err().chars().take(2000).collect::<String>());
        assert!(ran.err().len() < 20_000 && !ran.err().contains("secret"), "{part}");
    }
    assert!(started.elapsed() < Duration::from_secs(120), "{:?}", started.elapsed());
}
