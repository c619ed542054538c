//! The configuration parser against OpenSSH's own: `ssh -G` must see the same settings in the same files.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test's own functions meet is the test's failure"
)]

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use pabawi_transport::ssh_config::{
    HostSettings, IdentityAgent, Overrides, SshConfig, SshConfigError, StrictHostKeyChecking,
};
use proptest::prelude::*;
use proptest::test_runner::{Config as RunnerConfig, TestRunner};

type Dump = HashMap<String, Vec<String>>;

/// What `ssh -G` prints: several values only for keywords that stand on several lines.
fn openssh(config: &Path, alias: &str) -> Result<Dump, String> {
    let output = Command::new("ssh").arg("-G").arg("-F").arg(config).arg(alias).output().expect("start ssh");
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let mut dump = Dump::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let (keyword, value) = line.split_once(' ').unwrap_or((line, ""));
        dump.entry(keyword.to_owned()).or_default().push(value.to_owned());
    }
    Ok(dump)
}

fn seconds(time: Option<Duration>) -> u64 {
    time.map_or(0, |time| time.as_secs())
}

fn paths(list: &[PathBuf]) -> Vec<String> {
    list.iter().map(|path| path.display().to_string()).collect()
}

/// Our settings and OpenSSH's in the same form: a list of lines to compare.
fn both(ours: &HostSettings, dump: &Dump, home: &Path) -> (Vec<String>, Vec<String>) {
    let one = |keyword: &str| dump.get(keyword).map(|values| values[0].clone()).unwrap_or_default();
    let flag = |value: bool| if value { "yes" } else { "no" }.to_owned();
    let jumps: Vec<String> = ours
        .proxy_jump
        .iter()
        .map(|hop| {
            let user = hop.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
            let port = hop.port.map(|port| format!(":{port}")).unwrap_or_default();
            format!("{user}{}{port}", hop.host)
        })
        .collect();
    let strict = match ours.strict_host_key_checking.unwrap_or(StrictHostKeyChecking::Ask) {
        StrictHostKeyChecking::Yes => "true",
        StrictHostKeyChecking::Off => "false",
        StrictHostKeyChecking::AcceptNew => "accept-new",
        StrictHostKeyChecking::Ask => "ask",
    };
    let agent = match &ours.identity_agent {
        IdentityAgent::Environment => String::new(),
        IdentityAgent::Disabled => "none".to_owned(),
        IdentityAgent::Socket(path) => path.display().to_string(),
    };
    // OpenSSH prints key files before expansion; the files compared use only `~`.
    let their_keys: Vec<String> = dump
        .get("identityfile")
        .into_iter()
        .flatten()
        .filter(|path| *path != "none")
        .map(|path| path.replacen('~', &home.display().to_string(), 1))
        .collect();
    let mut our_keys = paths(&ours.identity_files);
    if ours.identity_files_are_default && our_keys.iter().all(|key| their_keys.contains(key)) {
        our_keys.clone_from(&their_keys);
    }
    let none_or = |text: String| if text == "none" { "0".to_owned() } else { text };
    (
        vec![
            ours.host_name.clone(),
            ours.port.to_string(),
            ours.user.clone(),
            flag(ours.identities_only),
            flag(ours.hash_known_hosts),
            ours.host_key_alias.clone().unwrap_or_default(),
            seconds(ours.server_alive_interval).to_string(),
            ours.server_alive_count_max.to_string(),
            seconds(ours.connect_timeout).to_string(),
            strict.to_owned(),
            paths(&ours.user_known_hosts_files).join(" "),
            paths(&ours.global_known_hosts_files).join(" "),
            jumps.join(","),
            agent,
            our_keys.join(" "),
        ],
        vec![
            one("hostname"),
            one("port"),
            one("user"),
            one("identitiesonly"),
            one("hashknownhosts"),
            one("hostkeyalias"),
            one("serveraliveinterval"),
            one("serveralivecountmax"),
            none_or(one("connecttimeout")),
            one("stricthostkeychecking"),
            Some(one("userknownhostsfile")).filter(|text| text != "none").unwrap_or_default(),
            Some(one("globalknownhostsfile")).filter(|text| text != "none").unwrap_or_default(),
            one("proxyjump"),
            one("identityagent").replace("SSH_AUTH_SOCK", ""),
            their_keys.join(" "),
        ],
    )
}

fn check(text: &str, folder: &Path, aliases: &[&str]) {
    let path = folder.join("config");
    std::fs::write(&path, text).unwrap();
    let config = SshConfig::load(&path);
    for alias in aliases {
        let theirs = openssh(&path, alias);
        let ours = config.as_ref().map_err(ToString::to_string).and_then(|config| {
            match config.resolve(alias, &Overrides::default()) {
                Err(SshConfigError::ProxyCommand { .. }) => Ok(None),
                Err(error) => Err(error.to_string()),
                Ok(settings) => Ok(Some(settings)),
            }
        });
        let has_command = |dump: &Dump| dump.get("proxycommand").is_some_and(|value| value[0] != "none");
        match (ours, theirs) {
            (Ok(Some(settings)), Ok(dump)) => {
                let (ours, theirs) = both(&settings, &dump, &config.as_ref().unwrap().local_user().home);
                assert_eq!(ours, theirs, "{alias} with\n{text}");
                assert!(!has_command(&dump), "{alias} with\n{text}");
            }
            (Ok(None), Ok(dump)) => assert!(has_command(&dump), "{alias} with\n{text}"),
            (Err(_), Err(_)) => {}
            (ours, theirs) => panic!("{alias}: {ours:?} against {theirs:?} with\n{text}"),
        }
    }
}

#[test]
fn agrees_with_ssh_dash_g_on_written_files() {
    let folder = tempfile::tempdir().unwrap();
    let included = folder.path().join("included");
    std::fs::write(
        &included,
        "Port 99\nHost web*\n  User included\nMatch all\n  HostKeyAlias IncludedAlias\n",
    )
    .unwrap();
    let include = included.display();
    let files = [
        String::new(),
        "Host a b !c\n  User x\nHost *\n  User y\n".to_owned(),
        "Host a\r\n  HostName  %h.Example.COM\r\n  Port=2200\r\n".to_owned(),
        "host=a\n\tuser = \"with space\"\n\thostkeyalias 'Single'\n".to_owned(),
        "Host *.x !b.x\n User one\nHost ?.x\n User two\nHost c.x d.x\n Port 7\n".to_owned(),
        "IdentityFile ~/a\nHost a\n IdentityFile ~/b\nHost *\n IdentityFile ~/a\n IdentitiesOnly yes\n"
            .to_owned(),
        "Host a\n IdentityFile none\nHost b\n IdentityFile \"~/with space\"\n".to_owned(),
        "Host a\n ProxyJump u@j1:22,j2\nHost b\n ProxyJump none\nHost *\n ProxyJump last\n".to_owned(),
        "Host a\n ProxyCommand nc %h %p\nHost b\n ProxyCommand none\nHost *\n ProxyJump j\n".to_owned(),
        "Match host a\n User m\nMatch originalhost a,b !localuser nobody\n Port 3\nMatch all\n Port 4\n"
            .to_owned(),
        "Host a\n HostName b.x\nMatch host b.x\n User seen\nMatch host a\n User unseen\n".to_owned(),
        "Host a\n HostName r.x\nHost r.x\n Port 6\nMatch final host r.*\n User fin\n".to_owned(),
        "Match canonical all\n User c\nHost a\n User d\n".to_owned(),
        "Match user root,me*\n Port 5\nHost a\n User mex\nMatch user me*\n Port 6\n".to_owned(),
        "Match host=a user = root\n Port 5\nMatch Host A,B\n Port 6\n".to_owned(),
        format!("Host a web1\n Include {include}\n User after\nHost b web2\n Port 1\n"),
        format!("Include {include} /no/such/*\nHost *\n User last\n"),
        "UserKnownHostsFile ~/kh-%n /x\nGlobalKnownHostsFile none\nHashKnownHosts yes\n".to_owned(),
        "ConnectTimeout 1m30\nServerAliveInterval 2h\nServerAliveCountMax 9\n".to_owned(),
        "ConnectTimeout none\nServerAliveInterval 0\n".to_owned(),
        "StrictHostKeyChecking accept-new\nHost a\nStrictHostKeyChecking no\n".to_owned(),
        "StrictHostKeyChecking off\nIdentityAgent none\n".to_owned(),
        "IdentityAgent ~/agent.%r.%h.%p.%u.%i.%n.%d\n".to_owned(),
        "IdentityAgent SSH_AUTH_SOCK\n# comment\n   # another\nPort 8 # trailing\n".to_owned(),
        // Both refuse these.
        "Port abc\n".to_owned(),
        "Port 22 23\n".to_owned(),
        "User \"open\n".to_owned(),
        "Host\n".to_owned(),
        "Match nonsense x\n".to_owned(),
        "Match all host a\n".to_owned(),
        "ProxyJump a,,b\n".to_owned(),
        "IdentitiesOnly perhaps\n".to_owned(),
        "Match host\n".to_owned(),
        "ConnectTimeout x\n".to_owned(),
        "StrictHostKeyChecking perhaps\n".to_owned(),
        "IdentityAgent ~/%Z\n".to_owned(),
    ];
    for text in &files {
        check(text, folder.path(), &["a", "b", "c.x", "web1", "web2", "A"]);
    }
}

/// Random files over a small vocabulary, so that blocks overlap often.
fn random_file() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec!["a", "b", "a.x", "b.x", "*", "*.x", "!a", "!b.x", "?", "a*"]);
    let list = prop::collection::vec(name, 1..3);
    let host = list.clone().prop_map(|names| format!("Host {}\n", names.join(" ")));
    let criterion = prop::sample::select(vec!["host", "originalhost", "user", "!host", "localuser", "!user"]);
    let matching = prop::collection::vec((criterion, list), 1..3).prop_map(|criteria| {
        let parts: Vec<_> =
            criteria.iter().map(|(test, names)| format!("{test} {}", names.join(","))).collect();
        format!("Match {}\n", parts.join(" "))
    });
    let fixed = prop::sample::select(vec![
        "Match all\n",
        "Match final all\n",
        "Match canonical host a\n",
        " HostName a.x\n",
        " HostName %h.x\n",
        " HostName b\n",
        " User a\n",
        " User b\n",
        " Port 1\n",
        " Port 2\n",
        " IdentityFile ~/k1\n",
        " IdentityFile ~/k2\n",
        " IdentitiesOnly yes\n",
        " ProxyJump j1\n",
        " ProxyJump none\n",
        " ProxyCommand none\n",
        " ProxyCommand x\n",
        " HostKeyAlias k\n",
        " ConnectTimeout 3\n",
    ])
    .prop_map(str::to_owned);
    let line = prop_oneof![2 => host, 2 => matching, 6 => fixed];
    prop::collection::vec(line, 0..14).prop_map(|lines| lines.concat())
}

#[test]
fn agrees_with_ssh_dash_g_on_random_files() {
    let folder = tempfile::tempdir().unwrap();
    let mut runner =
        TestRunner::new(RunnerConfig { cases: 100, failure_persistence: None, ..RunnerConfig::default() });
    runner
        .run(&random_file(), |text| {
            check(&text, folder.path(), &["a", "b.x"]);
            Ok(())
        })
        .unwrap();
}
