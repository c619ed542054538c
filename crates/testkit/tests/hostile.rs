//! The hostile SSH servers, with OpenSSH's own client: each is wrong in just the way it says.

#![forbid(unsafe_code)]
#![allow(clippy::expect_used, reason = "what a test's own functions meet is the test's failure")]

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use pabawi_testkit::fleet::{KeyFile, KeyType};
use pabawi_testkit::hostile::{HostileSsh, HostileSshKind};
use pabawi_testkit::wait;

const LIMIT: Duration = Duration::from_secs(30);

/// A client that is ended also when an assertion fails.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn every_server_is_wrong_in_its_own_way() {
    let directory = tempfile::tempdir().expect("a directory");
    let key = KeyFile::generate(KeyType::Ed25519, &directory.path().join("key"), None).expect("a key");
    for kind in HostileSshKind::ALL {
        let server = HostileSsh::start(kind).expect("starts");
        let known_hosts = directory.path().join("known_hosts");
        std::fs::write(&known_hosts, server.known_hosts_line()).expect("written");
        let mut client = Running(
            Command::new("ssh")
                .args(["-F", "none", "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-i"])
                .arg(&key.path)
                .arg("-o")
                .arg(format!("UserKnownHostsFile={}", known_hosts.display()))
                .args(["-p", &server.address().port().to_string(), "anybody@127.0.0.1", "whatever"])
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .expect("ssh starts"),
        );
        wait::until("the fault", LIMIT, || server.fired() > 0)
            .unwrap_or_else(|error| panic!("{kind:?}: {error}"));
        let hangs = matches!(
            kind,
            HostileSshKind::AuthNeverAnswered
                | HostileSshKind::OpenNeverAnswered
                | HostileSshKind::ExecNeverAnswered
                | HostileSshKind::ChannelNeverClosed
                | HostileSshKind::Deaf
                | HostileSshKind::SilentAfterExit
                | HostileSshKind::NothingButExit
        );
        if hangs {
            assert!(client.0.try_wait().expect("looked").is_none(), "{kind:?}: the client hangs");
            continue;
        }
        wait::until("the client's end", LIMIT, || !matches!(client.0.try_wait(), Ok(None)))
            .unwrap_or_else(|error| panic!("{kind:?}: {error}"));
        let Running(child) = &mut client;
        let code = child.wait().expect("waited").code();
        let mut printed = String::new();
        std::io::Read::read_to_string(child.stdout.as_mut().expect("piped"), &mut printed).expect("read");
        // No exit status is an error to OpenSSH's client; one that has come is the end, whatever follows.
        let expected = if kind == HostileSshKind::DropsLinkAfterExit { 0 } else { 255 };
        assert_eq!(code, Some(expected), "{kind:?}");
        let prints = matches!(
            kind,
            HostileSshKind::NoExitStatus | HostileSshKind::DropsLink | HostileSshKind::DropsLinkAfterExit
        );
        assert_eq!(printed, if prints { "some output\n" } else { "" }, "{kind:?}");
    }
}
