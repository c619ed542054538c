//! Logging in to real sshd, and the host keys that stand before it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has to fail"
)]

mod ssh_support;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use pabawi_domain::error::ErrorCode;
use pabawi_domain::host_key::{HostKeyAcceptance, HostKeyPolicy};
use pabawi_domain::id::NodeId;
use pabawi_domain::node::{Endpoint, Target};
use pabawi_domain::ports::{ConnectRequest, Session, Transport, TransportError};
use pabawi_domain::secret::Secret;
use pabawi_testkit::fleet::{Fleet, KeyFile, KeyType};
use pabawi_transport::ssh_config::SshConfig;
use pabawi_transport::{SshSettings, SshTransport};
use ssh_support::{connect, run, settings, target, within};

/// A transport that knows only what the given lines of ssh_config say; no key and no agent by default.
fn with_config(fleet: &Fleet, lines: &str) -> SshTransport {
    with_settings(fleet, lines, |_| {})
}

fn with_settings(fleet: &Fleet, lines: &str, change: impl FnOnce(&mut SshSettings)) -> SshTransport {
    let path = fleet.directory().join(format!("config-{}", unique()));
    let known = if lines.contains("UserKnownHostsFile") {
        String::new()
    } else {
        format!("UserKnownHostsFile {}\n", fleet.known_hosts().display())
    };
    let identity = if lines.contains("IdentityFile") { "" } else { "IdentityFile none\n" };
    let agent = if lines.contains("IdentityAgent") { "" } else { "IdentityAgent none\n" };
    let text = format!("{lines}\n{known}{identity}{agent}GlobalKnownHostsFile none\nUser {}\n", fleet.user());
    std::fs::write(&path, text).unwrap();
    let mut settings = SshSettings::default();
    settings.config = Arc::new(SshConfig::load(&path).unwrap());
    change(&mut settings);
    SshTransport::new(settings)
}

fn unique() -> u32 {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::SeqCst)
}

/// A node by address, so that no `Host` block is needed.
fn at(fleet: &Fleet, node: usize) -> Target {
    let node = fleet.node(node).unwrap();
    Target::new(
        NodeId::new(&node.name).unwrap(),
        Endpoint {
            host: Some(node.address.ip().to_string()),
            port: Some(node.address.port()),
            ..Endpoint::default()
        },
    )
}

fn code(result: Result<Box<dyn Session>, TransportError>) -> ErrorCode {
    match result {
        Ok(_) => panic!("the login must not work"),
        Err(error) => {
            assert!(!error.may_have_started);
            error.error.code
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_every_kind_and_with_a_passphrase() {
    let kinds = [KeyType::Ed25519, KeyType::Rsa, KeyType::Ecdsa];
    let mut builder = Fleet::builder().nodes(1);
    for kind in kinds {
        builder = builder.user_key(kind).user_key_with_passphrase(kind, "open sesame");
    }
    let fleet = builder.start().unwrap();
    assert_eq!(fleet.user_keys().len(), 6);
    for key in fleet.user_keys() {
        let line = format!("IdentityFile {}", key.path.display());
        let transport = with_settings(&fleet, &line, |settings| {
            settings.passphrase = key.passphrase.as_ref().map(|text| Secret::new(text.as_str()));
        });
        let session = connect(&transport, &at(&fleet, 0)).await;
        assert!(session.is_ok(), "{:?}: {:?}", key.kind, session.err());
    }
    let locked = fleet.user_keys().iter().find(|key| key.passphrase.is_some()).unwrap();
    let line = format!("IdentityFile {}", locked.path.display());
    let error = connect(&with_config(&fleet, &line), &at(&fleet, 0)).await.err().unwrap();
    assert_eq!(error.error.code, ErrorCode::BadKey);
    assert!(error.to_string().contains("passphrase"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_others_can_read_is_refused_with_the_cure() {
    let fleet = Fleet::builder().nodes(1).start().unwrap();
    let key = fleet.directory().join("open-key");
    std::fs::copy(&fleet.user_key().path, &key).unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let line = format!("IdentityFile {}", key.display());
    let error = connect(&with_config(&fleet, &line), &at(&fleet, 0)).await.err().unwrap();
    assert_eq!(error.error.code, ErrorCode::BadKey);
    assert!(error.to_string().contains("chmod 600"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_name_what_was_tried() {
    let fleet = Fleet::builder().nodes(1).start().unwrap();
    assert_eq!(code(connect(&with_config(&fleet, ""), &at(&fleet, 0)).await), ErrorCode::NoCredentials);
    let other = KeyFile::generate(KeyType::Ed25519, &fleet.directory().join("other"), None).unwrap();
    let line = format!("IdentityFile {}", other.path.display());
    let error = connect(&with_config(&fleet, &line), &at(&fleet, 0)).await.err().unwrap();
    assert_eq!(error.error.code, ErrorCode::AuthFailed);
    let text = error.to_string();
    assert!(text.contains("other") && text.contains("publickey"), "{text}");
    // The right one after wrong ones still works, and an unknown user does not.
    let line =
        format!("IdentityFile {}\nIdentityFile {}", other.path.display(), fleet.user_key().path.display());
    assert!(connect(&with_config(&fleet, &line), &at(&fleet, 0)).await.is_ok());
    let mut target = at(&fleet, 0);
    target.endpoint.user = Some("no-such-user-here".into());
    assert_eq!(code(connect(&with_config(&fleet, &line), &target).await), ErrorCode::AuthFailed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passwords_and_keyboard_interactive() {
    let user = Fleet::password_user().unwrap();
    let password = user.password.clone().unwrap();
    for fleet in [
        Fleet::builder().nodes(1).password_login().start().unwrap(),
        Fleet::builder().nodes(1).keyboard_interactive().start().unwrap(),
    ] {
        let mut target = at(&fleet, 0);
        target.endpoint.user = Some(user.name.clone());
        target.endpoint.password = Some(Secret::new(password.as_str()));
        let transport = with_config(&fleet, "");
        assert_eq!(run(&transport, &target, "id -un").await.text(), format!("{}\n", user.name));
        target.endpoint.password = Some(Secret::new("wrong"));
        let error = connect(&transport, &target).await.err().unwrap();
        assert_eq!(error.error.code, ErrorCode::AuthFailed, "{error}");
        assert!(!error.to_string().contains("wrong\""), "{error}");
        // A wrong password is offered once: PAM and PerSourcePenalties count.
        let log = fleet.log(0).unwrap();
        let failures =
            log.lines().filter(|line| line.contains("Failed ") && line.contains(&user.name)).count();
        assert!(failures <= 1, "{log}");
    }
}

/// An agent with the fleet's keys; it ends with the test.
struct Agent {
    child: Child,
    socket: PathBuf,
}

impl Agent {
    fn start(directory: &Path, keys: &[&Path]) -> Self {
        let socket = directory.join(format!("agent-{}", unique()));
        let child =
            Command::new("ssh-agent").args(["-D", "-a"]).arg(&socket).stdout(Stdio::null()).spawn().unwrap();
        let agent = Self { child, socket };
        pabawi_testkit::wait::until("the agent", Duration::from_secs(10), || agent.socket.exists()).unwrap();
        for key in keys {
            let added =
                Command::new("ssh-add").arg("-q").arg(key).env("SSH_AUTH_SOCK", &agent.socket).status();
            assert!(added.unwrap().success());
        }
        agent
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_signs_for_every_kind_of_key() {
    for kind in [KeyType::Ed25519, KeyType::Rsa, KeyType::Ecdsa] {
        let fleet = Fleet::builder().nodes(1).user_key(kind).start().unwrap();
        let agent = Agent::start(fleet.directory(), &[&fleet.user_key().path]);
        let line = format!("IdentityAgent {}", agent.socket.display());
        let transport = with_config(&fleet, &line);
        assert_eq!(run(&transport, &at(&fleet, 0), "echo in").await.text(), "in\n", "{kind:?}");
    }
}

/// The order: what the configuration names comes before what the agent has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_with_many_keys() {
    let fleet = Fleet::builder().nodes(1).setting("MaxAuthTries 2").start().unwrap();
    let other =
        |name: &str| KeyFile::generate(KeyType::Ed25519, &fleet.directory().join(name), None).unwrap().path;
    let others: Vec<PathBuf> = (0..6).map(|index| other(&format!("other-{index}"))).collect();
    let right = fleet.user_key().path.clone();
    let mut keys: Vec<&Path> = others.iter().map(PathBuf::as_path).collect();
    keys.push(&right);
    let agent = Agent::start(fleet.directory(), &keys);
    let socket = agent.socket.display();
    // Without a name the right key comes too late for this server.
    let error = connect(&with_config(&fleet, &format!("IdentityAgent {socket}")), &at(&fleet, 0))
        .await
        .err()
        .unwrap();
    assert_eq!(error.error.code, ErrorCode::AuthFailed, "{error}");
    // Named by its public half alone, the private one being with the agent only.
    let public = fleet.directory().join("named");
    std::fs::write(public.with_extension("pub"), &fleet.user_key().public).unwrap();
    let lines = format!("IdentityAgent {socket}\nIdentitiesOnly yes\nIdentityFile {}", public.display());
    assert!(connect(&with_config(&fleet, &lines), &at(&fleet, 0)).await.is_ok());
}

/// Each wrong key costs one of the attempts that the server allows, from an agent and from files.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_key_costs_one_attempt() {
    // Four failures are allowed; the fifth is the last.
    let fleet = Fleet::builder().nodes(1).setting("MaxAuthTries 5").start().unwrap();
    let mut keys: Vec<PathBuf> = (0..4)
        .map(|index| fleet.directory().join(format!("wrong-{index}")))
        .map(|path| KeyFile::generate(KeyType::Ed25519, &path, None).unwrap().path)
        .collect();
    keys.push(fleet.user_key().path.clone());
    let agent = Agent::start(fleet.directory(), &keys.iter().map(PathBuf::as_path).collect::<Vec<_>>());
    let lines = format!("IdentityAgent {}", agent.socket.display());
    let session = connect(&with_config(&fleet, &lines), &at(&fleet, 0)).await;
    assert!(session.is_ok(), "agent: {:?}", session.err());
    let lines: Vec<String> = keys.iter().map(|key| format!("IdentityFile {}", key.display())).collect();
    let session = connect(&with_config(&fleet, &lines.join("\n")), &at(&fleet, 0)).await;
    assert!(session.is_ok(), "files: {:?}", session.err());
}

/// A server that wants a key and then a password gets both.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_factors() {
    let user = Fleet::password_user().unwrap();
    let fleet = Fleet::builder()
        .nodes(1)
        .user(&user.name)
        .password_login()
        .setting("AuthenticationMethods publickey,password")
        .start()
        .unwrap();
    let mut target = at(&fleet, 0);
    target.endpoint.password = user.password.clone().map(Secret::new);
    let agent = Agent::start(fleet.directory(), &[&fleet.user_key().path]);
    for key in [
        format!("IdentityFile {}", fleet.user_key().path.display()),
        format!("IdentityAgent {}", agent.socket.display()),
    ] {
        let session = connect(&with_config(&fleet, &key), &target).await;
        assert!(session.is_ok(), "{key}: {:?}", session.err());
    }
    target.endpoint.password = Some(Secret::new("wrong"));
    let key = format!("IdentityFile {}", fleet.user_key().path.display());
    assert_eq!(code(connect(&with_config(&fleet, &key), &target).await), ErrorCode::AuthFailed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_changed_and_revoked_are_three_errors_with_fingerprints() {
    let fleet = Fleet::builder().nodes(2).start().unwrap();
    let node = fleet.node(0).unwrap();
    let name = format!("[{}]:{}", node.address.ip(), node.address.port());
    let shown = fingerprint(&node.host_keys[0].path);
    let other = &fleet.node(1).unwrap().host_keys[0];
    let file = fleet.directory().join("known");
    let key =
        format!("IdentityFile {}\nUserKnownHostsFile {}", fleet.user_key().path.display(), file.display());
    let changed = format!("{name} {}\n", other.public);
    let revoked = format!("{name} {0}\n@revoked * {0}\n", node.host_keys[0].public);
    for (text, expected, fingerprints) in [
        (String::new(), ErrorCode::HostKeyUnknown, vec![shown.clone()]),
        (changed.clone(), ErrorCode::HostKeyChanged, vec![shown.clone(), fingerprint(&other.path)]),
        (revoked.clone(), ErrorCode::HostKeyRevoked, vec![shown.clone()]),
    ] {
        std::fs::write(&file, &text).unwrap();
        for policy in [HostKeyPolicy::Strict, HostKeyPolicy::AcceptNew] {
            if policy == HostKeyPolicy::AcceptNew && expected == ErrorCode::HostKeyUnknown {
                continue;
            }
            let transport = with_settings(&fleet, &key, |settings| settings.host_keys = policy);
            let error = connect(&transport, &at(&fleet, 0)).await.err().unwrap();
            assert_eq!(error.error.code, expected, "{policy:?} {error}");
            for fingerprint in &fingerprints {
                assert!(error.to_string().contains(fingerprint), "{error} lacks {fingerprint}");
            }
            assert_eq!(std::fs::read_to_string(&file).unwrap(), text, "nothing is written");
        }
    }
    // Nothing was sent: the server has not even heard a user name.
    let log = fleet.log(0).unwrap();
    assert!(!log.contains("Accepted") && !log.contains("Failed"), "{log}");
    // `off` takes unknown and changed keys, and says so; revoked ones it does not.
    for (text, accepted) in [(changed, true), (revoked, false)] {
        std::fs::write(&file, &text).unwrap();
        let transport = with_settings(&fleet, &key, |settings| settings.host_keys = HostKeyPolicy::Off);
        match connect(&transport, &at(&fleet, 0)).await {
            Ok(session) => {
                assert!(accepted);
                let seen = session.info().host_key.clone().unwrap();
                assert_eq!(seen.accepted, HostKeyAcceptance::Unchecked);
                assert_eq!(seen.fingerprint, shown);
            }
            Err(error) => {
                assert!(!accepted);
                assert_eq!(error.error.code, ErrorCode::HostKeyRevoked);
            }
        }
    }
}

fn fingerprint(path: &Path) -> String {
    let output = Command::new("ssh-keygen").arg("-lf").arg(path).output().unwrap();
    String::from_utf8(output.stdout).unwrap().split(' ').nth(1).unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accept_new_writes_once_after_a_login_that_worked() {
    let fleet = Fleet::builder().nodes(1).start().unwrap();
    let file = fleet.directory().join("new").join("known");
    std::fs::create_dir(file.parent().unwrap()).unwrap();
    let new = |settings: &mut SshSettings| settings.host_keys = HostKeyPolicy::AcceptNew;
    let known = format!("UserKnownHostsFile {}", file.display());
    assert_eq!(
        code(connect(&with_settings(&fleet, &known, new), &at(&fleet, 0)).await),
        ErrorCode::NoCredentials
    );
    assert!(!file.exists(), "a login that failed writes nothing");
    let lines = format!("{known}\nIdentityFile {}", fleet.user_key().path.display());
    let session = connect(&with_settings(&fleet, &lines, new), &at(&fleet, 0)).await.unwrap();
    assert_eq!(session.info().host_key.as_ref().unwrap().accepted, HostKeyAcceptance::Added);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(text.lines().count(), 1);
    let session = connect(&with_config(&fleet, &lines), &at(&fleet, 0)).await.unwrap();
    assert_eq!(session.info().host_key.as_ref().unwrap().accepted, HostKeyAcceptance::Known);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
}

/// A node known by one of its keys does not look changed because it prefers another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_that_is_known_is_asked_for() {
    let kinds = [KeyType::Ed25519, KeyType::Ecdsa, KeyType::Rsa];
    let mut builder = Fleet::builder().nodes(1);
    for kind in kinds {
        builder = builder.host_key(kind);
    }
    let fleet = builder.start().unwrap();
    let node = fleet.node(0).unwrap();
    for key in &node.host_keys {
        let file = fleet.directory().join(format!("known-{}", unique()));
        let name = format!("[{}]:{}", node.address.ip(), node.address.port());
        std::fs::write(&file, format!("{name} {}\n", key.public)).unwrap();
        let lines = format!(
            "UserKnownHostsFile {}\nIdentityFile {}",
            file.display(),
            fleet.user_key().path.display()
        );
        let session = connect(&with_config(&fleet, &lines), &at(&fleet, 0)).await;
        let seen = session.unwrap().info().host_key.clone().unwrap();
        assert!(key.public.starts_with(&seen.algorithm), "{seen:?}");
    }
}

/// The phases are told on a fresh connection, and a reused one says that it is one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_tell_how_they_came_about() {
    let fleet = Fleet::builder().nodes(1).start().unwrap();
    let transport = SshTransport::new(settings(&fleet));
    let session = connect(&transport, &target(&fleet, 0)).await.unwrap();
    let info = session.info().clone();
    assert!(!info.reused && info.phases.kex_us > 0 && info.phases.auth_us > 0, "{info:?}");
    drop(session);
    let session = connect(&transport, &target(&fleet, 0)).await.unwrap();
    assert!(session.info().reused);
}

/// The limit of the connect is kept, whatever phase it falls into.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_stops_answering_is_given_up_in_time() {
    let fleet = Fleet::builder().nodes(1).start().unwrap();
    fleet.freeze_node(0).unwrap();
    let transport = SshTransport::new(settings(&fleet));
    let request = ConnectRequest {
        target: target(&fleet, 0),
        timeout: Duration::from_millis(700),
        host_keys: None,
        execution: None,
    };
    let started = std::time::Instant::now();
    let error = within("the timeout", transport.connect(&request)).await.err().unwrap();
    fleet.thaw_node(0).unwrap();
    assert_eq!(error.error.code, ErrorCode::ConnectTimeout, "{error}");
    assert!(started.elapsed() < Duration::from_secs(5));
    assert_eq!(transport.stats().connecting, 0);
}
