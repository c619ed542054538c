//! Tests of resolving over whole files; the comparison with OpenSSH itself is an integration test.

use std::path::PathBuf;
use std::time::Duration;

use super::*;

struct Fixture {
    folder: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(".ssh")).unwrap();
        Self { folder }
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(".ssh").join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn local(&self) -> LocalUser {
        LocalUser {
            name: "me".into(),
            home: self.folder.path().to_owned(),
            uid: rustix::process::getuid().as_raw(),
        }
    }

    fn home(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn try_load(&self, text: &str) -> Result<SshConfig, SshConfigError> {
        SshConfig::load_for(self.write("config", text), self.local())
    }

    fn load(&self, text: &str) -> SshConfig {
        self.try_load(text).unwrap()
    }
}

fn resolve(config: &SshConfig, alias: &str) -> HostSettings {
    config.resolve(alias, &Overrides::default()).unwrap()
}

#[test]
fn defaults_without_any_file() {
    let fixture = Fixture::new();
    let settings = resolve(&SshConfig::empty_for(fixture.local()), "Web01");
    assert_eq!((settings.host_name.as_str(), settings.port, settings.user.as_str()), ("web01", 22, "me"));
    assert_eq!(
        settings.identity_files,
        [".ssh/id_ed25519", ".ssh/id_ecdsa", ".ssh/id_rsa"].map(|path| fixture.home(path))
    );
    assert!(settings.identity_files_are_default);
    assert_eq!(
        settings.user_known_hosts_files,
        [".ssh/known_hosts", ".ssh/known_hosts2"].map(|path| fixture.home(path))
    );
    assert_eq!(settings.global_known_hosts_files[0], PathBuf::from("/etc/ssh/ssh_known_hosts"));
    assert_eq!(settings.strict_host_key_checking, None);
    assert_eq!((settings.server_alive_interval, settings.server_alive_count_max), (None, 3));
}

#[test]
fn the_first_value_wins_and_identities_add_up() {
    let fixture = Fixture::new();
    let config = fixture.load(
        "Host web01\n  HostName %h.example.com\n  User deploy\n  IdentityFile ~/.ssh/a\n\
         Host web* !web02\n  User other\n  Port 2222\n  IdentityFile %d/.ssh/%r-%h-%p\n  IdentityFile ~/.ssh/a\n\
         Host *\n  Port 22\n  ConnectTimeout 1m\n  ServerAliveInterval 15\n  ServerAliveCountMax 2\n",
    );
    let web01 = resolve(&config, "web01");
    assert_eq!(
        (web01.host_name.as_str(), web01.port, web01.user.as_str()),
        ("web01.example.com", 2222, "deploy")
    );
    assert_eq!(
        web01.identity_files,
        [fixture.home(".ssh/a"), fixture.home(".ssh/deploy-web01.example.com-2222")]
    );
    assert_eq!(web01.connect_timeout, Some(Duration::from_secs(60)));
    assert_eq!(web01.server_alive_interval, Some(Duration::from_secs(15)));
    assert_eq!(web01.server_alive_count_max, 2);
    let web02 = resolve(&config, "web02");
    assert_eq!((web02.port, web02.user.as_str()), (22, "me"));
}

#[test]
fn overrides_win_and_are_seen_by_match_user() {
    let fixture = Fixture::new();
    let config = fixture.load("Match user root\n  Port 2\nHost *\n  User x\n  Port 1\n  IdentityFile /k\n");
    let overrides = Overrides {
        user: Some("root".into()),
        identity_files: vec!["/mine".into()],
        proxy_jump: Some(JumpHop::parse_list("a,b@c:3").unwrap()),
        ..Overrides::default()
    };
    let settings = config.resolve("h", &overrides).unwrap();
    assert_eq!((settings.user.as_str(), settings.port), ("root", 2));
    assert_eq!(settings.identity_files, [PathBuf::from("/mine"), PathBuf::from("/k")]);
    assert_eq!(settings.proxy_jump.len(), 2);
    assert_eq!(resolve(&config, "h").port, 1);
}

#[test]
fn match_sees_the_host_name_found_so_far() {
    let fixture = Fixture::new();
    let config = fixture.load(
        "Match host *.late\n  User early\nHost a\n  HostName a.late\nMatch host *.LATE originalhost a\n  User late\n\
         Match !localuser me\n  Port 9\nMatch localuser=me,you\n  Port 7\nMatch all\n  Port 8\n",
    );
    let settings = resolve(&config, "a");
    assert_eq!((settings.user.as_str(), settings.port), ("late", 7));
}

#[test]
fn match_final_sees_the_resolved_name() {
    let fixture = Fixture::new();
    let config = fixture
        .load("Host a\n  HostName real.example\nHost real.example\n  Port 5\nMatch final host real.*\n  User late\n");
    let settings = resolve(&config, "a");
    assert_eq!((settings.user.as_str(), settings.port), ("late", 5));
}

#[test]
fn unsupported_match_is_an_error_only_where_it_may_apply() {
    let fixture = Fixture::new();
    let config = fixture.load("Host b\n  Port 3\nMatch host a exec \"true\"\n  User x\n");
    assert_eq!(resolve(&config, "b").port, 3);
    let error = config.resolve("a", &Overrides::default()).unwrap_err().to_string();
    assert!(error.contains("Match exec") && error.contains("line 3") && error.contains("config"), "{error}");
    assert_eq!(config.diagnostics()[0].kind, DiagnosticKind::UnsupportedMatch("exec".into()));
}

#[test]
fn proxy_command_is_refused_where_it_applies() {
    let fixture = Fixture::new();
    let config = fixture.load(
        "Host direct\n  ProxyCommand none\nHost jump\n  ProxyJump bastion\nHost *\n  ProxyCommand nc %h %p\n",
    );
    assert!(resolve(&config, "direct").proxy_jump.is_empty());
    assert_eq!(resolve(&config, "jump").proxy_jump[0].host, "bastion");
    let error = config.resolve("other", &Overrides::default()).unwrap_err().to_string();
    assert!(error.contains("use ProxyJump") && error.contains("line 6"), "{error}");
}

#[test]
fn jumps_and_their_route() {
    let fixture = Fixture::new();
    let config = fixture.load(
        "Host target\n  ProxyJump admin@gate1:2201,ssh://gate2\nHost gate1\n  ProxyJump outer\n  HostName 127.0.0.1\n\
         Host gate2\n  ProxyJump never\n  Port 2202\nHost ring1\n  ProxyJump ring2\nHost ring2\n  ProxyJump ring1\n\
         Host none\n  ProxyJump none\nHost none\n  ProxyJump x\n",
    );
    let target = resolve(&config, "target");
    assert_eq!(
        target.proxy_jump,
        [
            JumpHop { user: Some("admin".into()), host: "gate1".into(), port: Some(2201) },
            JumpHop { user: None, host: "gate2".into(), port: None },
        ]
    );
    let route = config.resolve_route(&target).unwrap();
    let hops: Vec<_> =
        route.iter().map(|hop| (hop.host_name.as_str(), hop.user.as_str(), hop.port)).collect();
    assert_eq!(hops, [("outer", "me", 22), ("127.0.0.1", "admin", 2201), ("gate2", "me", 2202)]);
    assert!(resolve(&config, "none").proxy_jump.is_empty());
    let ring = config.resolve_route(&resolve(&config, "ring1")).unwrap_err();
    assert!(matches!(ring, SshConfigError::JumpLoop { .. }), "{ring}");
    for bad in ["@h", "h:", "h:0", "h:x", "[::1", "-oX", "a,,b", ""] {
        assert!(JumpHop::parse_list(bad).is_err(), "{bad}");
    }
    assert_eq!(JumpHop::parse_list("u@[::1]:7").unwrap()[0].host, "::1");
}

#[test]
fn includes_belong_to_their_block() {
    let fixture = Fixture::new();
    std::fs::create_dir(fixture.home(".ssh/d")).unwrap();
    fixture.write("d/1", "Port 11\nHost b\n  User from-d1\n");
    fixture.write("d/2", "Port 12\nHost *\n  Compression yes\n");
    let config =
        fixture.load("Host a\n  Include d/*\n  IdentityFile /a\nHost b\n  Port 13\nInclude missing\n");
    assert_eq!(resolve(&config, "a").port, 11);
    assert_eq!(resolve(&config, "a").identity_files, [PathBuf::from("/a")]);
    let b = resolve(&config, "b");
    assert_eq!((b.port, b.user.as_str()), (13, "me"));
    assert_eq!(config.diagnostics().len(), 1);
    assert_eq!(config.diagnostics()[0].kind, DiagnosticKind::IgnoredKeyword("Compression".into()));
}

#[test]
fn include_loops_and_depth_end() {
    let fixture = Fixture::new();
    fixture.write("x", "Include config\n");
    let error = fixture.try_load("Port 1\nInclude x\n").unwrap_err();
    assert!(matches!(error, SshConfigError::IncludeLoop { line: 1, .. }), "{error}");
    for level in 0..20 {
        fixture.write(&format!("n{level}"), &format!("Include n{}\n", level + 1));
    }
    let error = fixture.try_load("Include n0\n").unwrap_err();
    assert!(matches!(error, SshConfigError::IncludeDepth { limit: 16, .. }), "{error}");
}

#[test]
fn faults_name_file_and_line() {
    let fixture = Fixture::new();
    for (text, part) in [
        ("Port x", "not a port"),
        ("Port 0", "not a port"),
        ("Port 1 2", "too much"),
        ("\n\nUser \"a", "quotation"),
        ("Host", "no argument"),
        ("Match", "no argument"),
        ("Match host", "no argument"),
        ("Match wat x", "unknown criterion"),
        ("Match all host x", "combined"),
        ("IdentitiesOnly maybe", "neither"),
        ("StrictHostKeyChecking x", "accept-new"),
        ("ConnectTimeout soon", "not a time"),
        ("ProxyJump a,,b", "not [user@]host"),
        ("HostKeyAlgorithms a,,b", "not a list"),
        ("UserKnownHostsFile none x", "none"),
    ] {
        let error = fixture.try_load(text).unwrap_err();
        let shown = error.to_string();
        assert!(matches!(error, SshConfigError::Syntax { .. }), "{text}: {shown}");
        assert!(
            shown.contains(part) && shown.contains("line") && shown.contains("config"),
            "{text}: {shown}"
        );
    }
    assert!(matches!(SshConfig::load("/no/such/file"), Err(SshConfigError::Read { .. })));
}

#[test]
fn included_files_that_others_may_write_are_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let fixture = Fixture::new();
    let path = fixture.write("open", "Port 1\n");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
    let error = fixture.try_load("Include open\n").unwrap_err();
    assert!(error.to_string().contains("chmod go-w"), "{error}");
}

#[test]
fn agent_known_hosts_and_key_options() {
    let fixture = Fixture::new();
    let config = fixture.load(
        "Host off\n  IdentityAgent none\n  UserKnownHostsFile none\n  IdentityFile none\n\
         Host *\n  IdentityAgent ~/agent-%r\n  UserKnownHostsFile ~/%k /x\n  GlobalKnownHostsFile /g\n\
           HostKeyAlias web\n  HashKnownHosts yes\n  IdentitiesOnly yes\n  StrictHostKeyChecking accept-new\n\
           HostKeyAlgorithms ^ssh-rsa\n",
    );
    let off = resolve(&config, "off");
    assert_eq!(off.identity_agent, IdentityAgent::Disabled);
    assert!(off.user_known_hosts_files.is_empty());
    assert!(off.identity_files.is_empty() && !off.identity_files_are_default);
    let on = resolve(&config, "on");
    assert_eq!(on.identity_agent, IdentityAgent::Socket(fixture.home("agent-me")));
    assert_eq!(on.user_known_hosts_files, [fixture.home("web"), PathBuf::from("/x")]);
    assert_eq!(on.global_known_hosts_files, [PathBuf::from("/g")]);
    assert_eq!(on.host_key_alias.as_deref(), Some("web"));
    assert!(on.hash_known_hosts && on.identities_only);
    assert_eq!(on.strict_host_key_checking, Some(StrictHostKeyChecking::AcceptNew));
    assert_eq!(on.host_key_algorithms, Some(AlgorithmList::Prepend(vec!["ssh-rsa".into()])));
}

#[test]
fn dangerous_names_and_unknown_tokens_are_refused() {
    let fixture = Fixture::new();
    let config =
        fixture.load("Host t\n  IdentityFile /k/%Z\nHost n\n  HostName -oProxy\nHost u\n  User \"-x\"\n");
    for alias in ["", "-x", "a\nb", "a\0b", "a b"] {
        assert!(
            matches!(config.resolve(alias, &Overrides::default()), Err(SshConfigError::InvalidName { .. })),
            "{alias:?}"
        );
    }
    for alias in ["n", "u"] {
        assert!(config.resolve(alias, &Overrides::default()).is_err(), "{alias}");
    }
    let error = config.resolve("t", &Overrides::default()).unwrap_err().to_string();
    assert!(error.contains("%Z") && error.contains("IdentityFile") && error.contains("line 2"), "{error}");
}

#[test]
fn ten_thousand_hosts_are_indexed() {
    let fixture = Fixture::new();
    let mut text = String::from("Host *.other\n  User no\n");
    for number in 0..10_000 {
        text.push_str(&format!(
            "Host node{number} alias{number}\n  HostName 127.0.0.1\n  Port {}\n",
            1 + number
        ));
    }
    text.push_str("Host *\n  User all\n");
    let config = fixture.load(&text);
    for number in 0..10_000_u16 {
        let settings = resolve(&config, &format!("alias{number}"));
        assert_eq!((settings.port, settings.user.as_str()), (1 + number, "all"));
    }
    // The work per host does not grow with the number of hosts: three sections of 10,002 are looked at.
    assert_eq!(config.files[0].candidates("node77").count(), 4);
}
