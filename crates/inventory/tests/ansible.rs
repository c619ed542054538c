//! Inventories of Ansible that are bad, hostile or large: what is refused, with file, line and reason, and what is left
//! out with a word. That good ones mean what Ansible takes them to mean is shown against Ansible itself.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test's own functions meet is the test's failure"
)]

use pabawi_domain::ports::{InventorySnapshot, InventorySource as _, InventorySourceError};
use pabawi_inventory::source::AnsibleInventory;

fn fetch(path: std::path::PathBuf) -> Result<InventorySnapshot, InventorySourceError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(AnsibleInventory::new(path, 0).fetch())
}

fn write(directory: &std::path::Path, name: &str, text: &[u8]) {
    let path = directory.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn read(name: &str, text: &[u8]) -> Result<InventorySnapshot, InventorySourceError> {
    read_with(name, &[(name, text)])
}

fn read_with(inventory: &str, files: &[(&str, &[u8])]) -> Result<InventorySnapshot, InventorySourceError> {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        write(directory.path(), name, text);
    }
    fetch(directory.path().join(inventory))
}

fn ids(snapshot: &InventorySnapshot) -> Vec<&str> {
    snapshot.nodes.iter().map(|node| node.id.as_str()).collect()
}

/// R3.10
#[test]
fn every_fault_of_an_ini_file_is_told_with_its_line() {
    let text = "ok\n[web\nweb[1:\n[web:things]\nx\n[web]\nweb1 user\nweb2 a='b\nweb[3:1:0]\n[web:vars]\nnothing\n\
                [web:children]\ntwo words\nmissing\n[lost:vars]\na=1\n";
    let error = read("hosts", text.as_bytes()).unwrap_err();
    for part in [
        "hosts: line 2: '[' has no ']'",
        "line 3: a host must not end in ':'",
        "line 4: section [web:things] is of no known kind",
        "line 7: \"user\" behind a host must be key=value",
        "line 8: a quote is not closed",
        "line 9: [3:1:0]: the step",
        "line 11: \"nothing\" in a section of variables must be key=value",
        "line 13: \"two words\" in a section of children",
        "line 14: the child group missing is not defined",
        "line 15: [lost:vars] is for a group that is not defined",
    ] {
        assert!(error.message.contains(part), "{part}: {error}");
    }
    assert!(!error.retryable);
}

/// R3.10: what could do harm as a name never becomes one, and is named.
#[test]
fn hostile_names_are_refused_where_they_stand() {
    for name in ["-oProxyCommand=x", "'a b'", "'$(id)'", "a;id", "'`id`'", "a|b", "'a&b'", "'\u{e9}'"] {
        let ini = format!("good\n{name}\n");
        let error = read("hosts", ini.as_bytes()).unwrap_err();
        assert!(
            error.message.contains("hosts: line 2: ") && error.message.contains("node id"),
            "{name}: {error}"
        );
    }
    let yaml = "all:\n  hosts:\n    \"-oProxyCommand=x\": {}\n    \"a b\": {}\n    5: {}\n";
    let error = read("hosts.yml", yaml.as_bytes()).unwrap_err();
    for part in
        ["hosts.yml: line 3 column 5: all.hosts.-oProxyCommand=x: ", "line 4", "line 5 column 5: all.hosts.5"]
    {
        assert!(error.message.contains(part), "{part}: {error}");
    }
    let error = read("hosts", b"web1 ansible_host=-oProxyCommand=x\n").unwrap_err();
    assert!(error.message.contains("web1.ansible_host: "), "{error}");
    // Harmless here: nothing is looked up under such a name.
    let files: [(&str, &[u8]); 3] = [
        ("inv/hosts", b"__proto__ constructor=1\n../../etc/passwd\n[../../group]\nx\n"),
        ("inv/host_vars/x.yml", b"a: 1\n"),
        ("group.yml", b"stolen: true\n"),
    ];
    let snapshot = read_with("inv/hosts", &files).unwrap();
    assert_eq!(ids(&snapshot), ["__proto__", "../../etc/passwd", "x"]);
    assert!(!format!("{snapshot:?}").contains("stolen"));
}

/// R3.10
#[test]
fn bad_yaml_is_told_with_its_place() {
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n\
                d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n\
                f: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f,*f,*f,*f,*f,*f]\n";
    for (text, part) in [
        ("all: {hosts: {a: {}\n", "line 1 column 14: unclosed"),
        ("all:\n  hosts:\n    a: [1, 2\n", "line "),
        ("all:\n\thosts:\n", "line 2"),
        ("- a\n- b\n", "line 1 column 1: must be a mapping of groups, found a list"),
        ("", "is empty"),
        ("all: &a {children: *a}\n", "line 1 column 20: an alias stands within what it names"),
        (bomb, "aliases stand for too many values"),
        ("all: {hosts: [a, b]}\n", "all.hosts: must be a mapping, found a list"),
        ("all: {hosts: {a: 5}}\n", "all.hosts.a: a host's variables must be a mapping, found a number"),
        ("a: {children: {a: {}}}\n", "line 1 column 16: a.children: group a cannot be a child of itself"),
        ("a: {children: {b: {children: {a: {}}}}}\n", "a cycle"),
        ("a: {vars: {ansible_group_priority: high}}\n", "must be a number"),
        ("---\na: {}\n---\nb: {}\n", "line 3 column 1: a second document begins"),
    ] {
        let error = read("hosts.yml", text.as_bytes()).unwrap_err();
        assert!(error.message.contains(part), "{text}: {error}");
    }
    let deep = format!("all: {}1{}", "[".repeat(10_000), "]".repeat(10_000));
    assert!(read("hosts.yml", deep.as_bytes()).unwrap_err().message.contains("line 1"));
    let deep = (0..200).fold(String::new(), |text, depth| text + &"  ".repeat(depth) + "g:\n");
    let error = read("hosts.yml", deep.as_bytes()).unwrap_err();
    assert!(error.message.contains("line "), "{error}");
    let twice = read("hosts.yml", b"all:\n  hosts:\n    a: {x: 1}\n    a: {x: 2}\n").unwrap();
    assert_eq!((ids(&twice), &twice.nodes[0].metadata["x"]), (vec!["a"], &2.into()));
    assert!(twice.warnings[0].contains("hosts.yml: line 4 column 5: a: given twice, first on line 3"));
}

#[test]
fn a_group_that_contains_itself_is_told() {
    let error = read("hosts", b"[a:children]\na\n").unwrap_err();
    assert!(error.message.contains("line 2: group a cannot be a child of itself"), "{error}");
    let error = read("hosts", b"[a:children]\nb\n[b:children]\nc\n[c:children]\na\n").unwrap_err();
    assert!(error.message.contains("a cycle"), "{error}");
}

#[test]
fn encodings_of_all_editors_are_understood_and_others_told() {
    let text = "\u{feff}[web]\r\nweb1 a=1\r\n# \r\n[web:vars]\r\nb=2\r\n";
    let snapshot = read("hosts", text.as_bytes()).unwrap();
    assert_eq!((ids(&snapshot), &snapshot.nodes[0].metadata["b"]), (vec!["web1"], &2.into()));
    let snapshot = read("hosts.yml", "\u{feff}all:\r\n  hosts:\r\n    a:\r\n".as_bytes()).unwrap();
    assert_eq!(ids(&snapshot), ["a"]);
    // A comment may be in any encoding, as with Ansible.
    assert_eq!(ids(&read("hosts", b"# caf\xe9\na\n").unwrap()), ["a"]);
    let error = read("hosts", b"# caf\xe9\na\nb x=\xe9\n").unwrap_err();
    assert!(error.message.contains("hosts: line 3: is not UTF-8"), "{error}");
    let error = read("hosts.yml", b"all:\n  hosts:\n    caf\xe9:\n").unwrap_err();
    assert!(error.message.contains("hosts.yml: line 3: is not a text in UTF-8"), "{error}");
}

/// R3.1: size is bounded before memory is taken.
#[test]
fn the_number_of_hosts_is_bounded() {
    for text in ["a[1:1000001]\n", "a[1:999999999999]\n", "a[1:99999][1:99999][1:99999][1:99999][1:99999]\n"]
    {
        let error = read("hosts", text.as_bytes()).unwrap_err();
        assert!(
            error.message.contains("line 1: names ") && error.message.contains("at most 1000000"),
            "{error}"
        );
    }
    let error = read("hosts", b"a[1:100000]\nb[1:950000]\n").unwrap_err();
    assert!(error.message.contains("line 2: names 950000 hosts; at most 900000 more"), "{error}");
    let snapshot = read("hosts", b"[web]\nweb[1:100000] a=1\n[web:vars]\nb=2\n").unwrap();
    assert_eq!((snapshot.nodes.len(), snapshot.groups[0].nodes.len()), (100_000, 100_000));
}

/// R3.7: in a directory the other files load.
#[test]
fn a_bad_file_of_a_directory_is_left_out_with_a_word() {
    let files: [(&str, &[u8]); 5] = [
        ("inv/a", b"[web]\nweb1\n"),
        ("inv/b.yml", b"all: [\n"),
        ("inv/c", b"[web]\nweb2\nx y\n"),
        ("inv/d", b"[db:children]\nweb\n"),
        ("inv/e.toml", b"[web]\n"),
    ];
    let snapshot = read_with("inv", &files).unwrap();
    assert_eq!(ids(&snapshot), ["web1"], "nothing of a bad file counts");
    assert_eq!(snapshot.groups.len(), 2);
    let warnings = snapshot.warnings.join("\n");
    for part in ["b.yml: line ", "c: line 3: \"y\" behind a host", "e.toml: is a TOML inventory"] {
        assert!(warnings.contains(part), "{part}: {warnings}");
    }
    let none = read_with("inv", &files[1..3]).unwrap_err();
    assert!(none.message.contains("line "), "nothing is left: {none}");
    let missing = read_with("nothing", &[]).unwrap_err();
    assert!(missing.retryable && missing.message.contains("nothing: "), "{missing}");
}

#[test]
fn bad_files_of_variables_are_told() {
    for (text, part) in [
        (&b"- a\n"[..], "group_vars/web.yml: line 1 column 1: must be a mapping of variables, found a list"),
        (b"a: [\n", "group_vars/web.yml: line 1 column 4: unclosed"),
        (b"\xff", "group_vars/web.yml: line 1: is not a text in UTF-8"),
    ] {
        let error =
            read_with("hosts", &[("hosts", b"[web]\nweb1\n"), ("group_vars/web.yml", text)]).unwrap_err();
        assert!(error.message.contains(part), "{error}");
    }
    let vault: &[u8] = b"$ANSIBLE_VAULT;1.1;AES256\n6162\n";
    let files: [(&str, &[u8]); 3] =
        [("hosts", b"web1\n"), ("group_vars/all/plain.yml", b"a: 1\n"), ("group_vars/all/vault.yml", vault)];
    let snapshot = read_with("hosts", &files).unwrap();
    assert_eq!(snapshot.nodes[0].metadata["a"], 1);
    assert!(
        snapshot.warnings[0].contains("vault.yml: is encrypted with Ansible Vault"),
        "{:?}",
        snapshot.warnings
    );
}

/// R3.10: what only Ansible can evaluate never sends a command to the wrong place.
#[test]
fn a_host_whose_address_is_unknown_is_left_out() {
    let text = b"[web]\nweb1 ansible_host='{{ lookup(\"x\") }}'\nweb2 ansible_host='{{ inventory_hostname }}.example.org'\n\
                 web3 ansible_host='{{ missing }}'\n";
    let snapshot = read("hosts", text).unwrap();
    assert_eq!(ids(&snapshot), ["web2"]);
    assert_eq!(snapshot.nodes[0].endpoint.host.as_deref(), Some("web2.example.org"));
    assert_eq!(snapshot.groups[0].nodes.len(), 1);
    assert!(snapshot.warnings[0].contains("web1: ansible_host is a template that only Ansible can evaluate"));
    assert!(snapshot.warnings[1].contains("web3: ansible_host names the variable missing, which is not set"));
}

/// R3.5: a cache can tell cheaply whether to ask anew.
#[test]
fn the_revision_follows_every_file_that_counts() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "hosts", b"web1\n");
    let source = AnsibleInventory::new(directory.path().join("hosts"), 0);
    let first = source.revision().unwrap();
    assert_eq!(source.revision(), Some(first));
    write(directory.path(), "unrelated", b"x");
    assert_eq!(source.revision(), Some(first));
    write(directory.path(), "group_vars/all.yml", b"a: 1\n");
    let second = source.revision().unwrap();
    write(directory.path(), "group_vars/all.yml", b"a: 10\n");
    let third = source.revision().unwrap();
    write(directory.path(), "hosts", b"web1\nweb2\n");
    let all = [first, second, third, source.revision().unwrap()];
    assert_eq!(std::collections::HashSet::from(all).len(), all.len());
}
