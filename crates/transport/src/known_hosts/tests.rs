//! Tests of matching and adding, partly against `ssh-keygen`.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::*;

/// A well-formed blob of a type; the content of the key does not matter for matching.
fn blob(key_type: &str, seed: u8) -> Vec<u8> {
    let mut blob = Vec::new();
    for part in [key_type.as_bytes(), &[seed; 32]] {
        blob.extend(u32::try_from(part.len()).unwrap().to_be_bytes());
        blob.extend(part);
    }
    blob
}

fn ed25519(seed: u8) -> Vec<u8> {
    blob("ssh-ed25519", seed)
}

fn line(hosts: &str, blob: &[u8]) -> String {
    format!("{hosts} {} {}\n", key_type(blob).unwrap(), STANDARD.encode(blob))
}

struct Fixture {
    folder: tempfile::TempDir,
    cache: KnownHostsCache,
}

impl Fixture {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), cache: KnownHostsCache::new() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn with(&self, text: &str) -> KnownHosts {
        std::fs::write(self.path("known_hosts"), text).unwrap();
        self.open()
    }

    fn open(&self) -> KnownHosts {
        self.cache.open(vec![self.path("known_hosts"), self.path("second")], vec![self.path("global")])
    }
}

fn verdict(hosts: &KnownHosts, host: &str, port: u16, blob: &[u8]) -> Verdict {
    hosts.check(&HostLookup::new(host, port), blob).unwrap()
}

fn matched_line(hosts: &KnownHosts, host: &str, port: u16, blob: &[u8]) -> Option<u32> {
    match verdict(hosts, host, port, blob) {
        Verdict::Match { line, .. } => Some(line),
        _ => None,
    }
}

#[test]
fn names_lists_patterns_and_ports() {
    let fixture = Fixture::new();
    let hosts = fixture.with(
        &[
            "# comment\n\n".to_owned(),
            line("Alpha,beta.Example", &ed25519(1)),
            line("*.example,!bad.example", &ed25519(2)),
            line("[gamma]:2222,[127.0.0.1]:2200", &ed25519(3)),
            line("10.0.0.?", &ed25519(4)),
            line("plain", &ed25519(5)),
        ]
        .concat(),
    );
    assert_eq!(matched_line(&hosts, "ALPHA", 22, &ed25519(1)), Some(3));
    assert_eq!(matched_line(&hosts, "beta.example", 22, &ed25519(1)), Some(3));
    assert_eq!(matched_line(&hosts, "beta.example", 22, &ed25519(2)), Some(4));
    assert_eq!(matched_line(&hosts, "bad.example", 22, &ed25519(2)), None);
    assert_eq!(matched_line(&hosts, "gamma", 2222, &ed25519(3)), Some(5));
    assert_eq!(matched_line(&hosts, "gamma", 22, &ed25519(3)), None);
    assert_eq!(matched_line(&hosts, "127.0.0.1", 2200, &ed25519(3)), Some(5));
    assert_eq!(matched_line(&hosts, "10.0.0.7", 22, &ed25519(4)), Some(6));
    assert_eq!(matched_line(&hosts, "10.0.0.77", 22, &ed25519(4)), None);
    // Without the port only a match counts: another key under the plain name may belong to another server.
    assert_eq!(matched_line(&hosts, "plain", 2022, &ed25519(5)), Some(7));
    assert!(matches!(verdict(&hosts, "plain", 2022, &ed25519(6)), Verdict::Unknown { .. }));
    assert!(matches!(verdict(&hosts, "plain", 22, &ed25519(6)), Verdict::Changed { .. }));
    let alias = HostLookup::alias("Plain");
    assert!(matches!(hosts.check(&alias, &ed25519(5)).unwrap(), Verdict::Match { .. }));
}

#[test]
fn changed_lists_what_is_known_with_the_same_type_first() {
    let fixture = Fixture::new();
    let rsa = blob("ssh-rsa", 9);
    std::fs::write(fixture.path("global"), line("h", &ed25519(3))).unwrap();
    let hosts = fixture.with(&(line("h", &rsa) + &line("h", &ed25519(2))));
    let Verdict::Changed { known, offered } = verdict(&hosts, "h", 22, &ed25519(1)) else { panic!() };
    assert_eq!(offered, fingerprint(&ed25519(1)));
    let shown: Vec<_> = known.iter().map(|key| (key.line, key.key_type.as_str())).collect();
    assert_eq!(shown, [(2, "ssh-ed25519"), (1, "ssh-ed25519"), (1, "ssh-rsa")]);
    assert_eq!(known[0].fingerprint, fingerprint(&ed25519(2)));
    assert_eq!(known[1].file, fixture.path("global"));
    // Several keys for one host, in several files: each is good.
    assert!(matches!(verdict(&hosts, "h", 22, &ed25519(3)), Verdict::Match { .. }));
    assert!(matches!(verdict(&hosts, "h", 22, &rsa), Verdict::Match { .. }));
    // Known by another type only: changed, as in OpenSSH; asking for the known types first avoids it.
    let other = fixture.with(&line("h", &rsa));
    std::fs::remove_file(fixture.path("global")).unwrap();
    assert!(matches!(verdict(&other, "h", 22, &ed25519(1)), Verdict::Changed { .. }));
    let types = other.key_types_for(&HostLookup::new("h", 22)).unwrap();
    assert_eq!(types, ["ssh-rsa"]);
    assert_eq!(
        order_algorithms(&types, &["ssh-ed25519", "rsa-sha2-512", "ecdsa-sha2-nistp256", "rsa-sha2-256"]),
        ["rsa-sha2-512", "rsa-sha2-256", "ssh-ed25519", "ecdsa-sha2-nistp256"]
    );
}

#[test]
fn markers() {
    let fixture = Fixture::new();
    let hosts = fixture.with(
        &[
            format!("@cert-authority * {}", line("", &ed25519(1)).trim_start()),
            line("h", &ed25519(2)),
            format!("@revoked  *\t{}", line("", &ed25519(2)).trim_start()),
        ]
        .concat(),
    );
    let Verdict::Revoked { line: at, offered, .. } = verdict(&hosts, "h", 22, &ed25519(2)) else { panic!() };
    assert_eq!((at, offered), (3, fingerprint(&ed25519(2))));
    // Also under another port, where the plain line would not have been known.
    assert!(matches!(verdict(&hosts, "h", 99, &ed25519(2)), Verdict::Revoked { .. }));
    // The key of an authority is nobody's host key.
    let Verdict::Unknown { authority, .. } = verdict(&hosts, "other", 22, &ed25519(1)) else { panic!() };
    assert_eq!(authority.unwrap().line, 1);
    assert!(matches!(verdict(&hosts, "h", 22, &ed25519(1)), Verdict::Changed { .. }));
    assert!(hosts.key_types_for(&HostLookup::new("other", 22)).unwrap().is_empty());
}

#[test]
fn broken_lines_are_reported_and_skipped() {
    let fixture = Fixture::new();
    let good = line("h", &ed25519(1));
    let text = format!(
        "h\nh ssh-ed25519\nh ssh-ed25519 !!!\nh ssh-rsa {}\n@what {good}|1|x|y {good}|2|x {good}{good}\u{0}\u{1}\n",
        STANDARD.encode(ed25519(1)),
    );
    let hosts = fixture.with(&text);
    assert_eq!(matched_line(&hosts, "h", 22, &ed25519(1)), Some(8));
    let broken: Vec<_> = hosts.broken_lines().unwrap().iter().map(|broken| broken.line).collect();
    assert_eq!(broken, [1, 2, 3, 4, 5, 6, 7, 9]);
}

#[test]
fn missing_files_are_empty_and_unreadable_ones_are_errors() {
    let fixture = Fixture::new();
    assert!(matches!(verdict(&fixture.open(), "h", 22, &ed25519(1)), Verdict::Unknown { .. }));
    std::fs::create_dir(fixture.path("known_hosts")).unwrap();
    let error = fixture.open().check(&HostLookup::new("h", 22), &ed25519(1)).unwrap_err();
    assert!(matches!(error, KnownHostsError::Read { .. }), "{error}");
}

#[test]
fn a_changed_file_is_read_again() {
    let fixture = Fixture::new();
    let hosts = fixture.with(&line("h", &ed25519(1)));
    assert_eq!(matched_line(&hosts, "h", 22, &ed25519(1)), Some(1));
    fixture.with(&line("h", &ed25519(2)));
    assert_eq!(matched_line(&hosts, "h", 22, &ed25519(2)), Some(1));
    std::fs::remove_file(fixture.path("known_hosts")).unwrap();
    assert_eq!(matched_line(&hosts, "h", 22, &ed25519(2)), None);
}

#[test]
fn large_lists_are_indexed() {
    let fixture = Fixture::new();
    let mut text = String::new();
    for number in 0..100_000_u32 {
        text.push_str(&line(&format!("node{number}"), &ed25519(u8::try_from(number % 251).unwrap())));
    }
    let hosts = fixture.with(&text);
    for number in (0..100_000_u32).step_by(7) {
        let key = ed25519(u8::try_from(number % 251).unwrap());
        assert_eq!(matched_line(&hosts, &format!("node{number}"), 22, &key), Some(number + 1));
    }
}

fn ssh_keygen(arguments: &[&str]) -> String {
    let output = Command::new("ssh-keygen").args(arguments).output().expect("start ssh-keygen");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn make_key(folder: &Path, name: &str, key_type: &str) -> (PathBuf, Vec<u8>) {
    let path = folder.join(name);
    ssh_keygen(&["-q", "-t", key_type, "-N", "", "-f", path.to_str().unwrap()]);
    let public = std::fs::read_to_string(path.with_extension("pub")).unwrap();
    (path, STANDARD.decode(public.split(' ').nth(1).unwrap()).unwrap())
}

#[test]
fn hashed_names_and_fingerprints_agree_with_ssh_keygen() {
    let fixture = Fixture::new();
    let (path, key) = make_key(fixture.folder.path(), "key", "ed25519");
    let listed = ssh_keygen(&["-l", "-f", path.to_str().unwrap()]);
    assert_eq!(listed.split(' ').nth(1).unwrap(), fingerprint(&key));
    let hosts = fixture.with(&(line("web01", &key) + &line("[127.0.0.1]:2222", &key)));
    ssh_keygen(&["-q", "-H", "-f", fixture.path("known_hosts").to_str().unwrap()]);
    let text = std::fs::read_to_string(fixture.path("known_hosts")).unwrap();
    assert!(!text.contains("web01") && text.matches("|1|").count() == 2, "{text}");
    assert_eq!(matched_line(&hosts, "web01", 22, &key), Some(1));
    assert_eq!(matched_line(&hosts, "127.0.0.1", 2222, &key), Some(2));
    assert_eq!(matched_line(&hosts, "web02", 22, &key), None);
    // And what we hash, OpenSSH finds.
    hosts.add(&HostLookup::new("web03", 2203), &key, true).unwrap();
    assert!(!std::fs::read_to_string(fixture.path("known_hosts")).unwrap().contains("web03"));
    let found = ssh_keygen(&["-F", "[web03]:2203", "-f", fixture.path("known_hosts").to_str().unwrap()]);
    assert!(found.contains("found: line 3"), "{found}");
}

#[test]
fn adding_creates_folder_and_file_and_keeps_what_stands_there() {
    let fixture = Fixture::new();
    let path = fixture.path("new/.ssh/known_hosts");
    let hosts = fixture.cache.open(vec![path.clone()], Vec::new());
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(hosts.add(&HostLookup::new("a", 22), &ed25519(1), false).unwrap(), Added::Written);
    assert_eq!((mode(path.parent().unwrap()), mode(&path)), (0o700, 0o600));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), line("a", &ed25519(1)));
    assert_eq!(hosts.add(&HostLookup::new("a", 22), &ed25519(1), false).unwrap(), Added::AlreadyKnown);
    // A file without a newline at its end, with other permissions, behind a symbolic link.
    let target = fixture.path("target");
    std::fs::write(&target, format!("# mine\n{}", line("b", &ed25519(2)).trim_end())).unwrap();
    std::fs::set_permissions(&target, std::fs::Permissions::from_mode(0o644)).unwrap();
    std::os::unix::fs::symlink(&target, fixture.path("link")).unwrap();
    let linked = fixture.cache.open(vec![fixture.path("link")], Vec::new());
    linked.add(&HostLookup::new("c", 2022), &ed25519(3), false).unwrap();
    assert!(fixture.path("link").is_symlink());
    assert_eq!(mode(&target), 0o644);
    assert_eq!(
        std::fs::read_to_string(&target).unwrap(),
        format!("# mine\n{}{}", line("b", &ed25519(2)), line("[c]:2022", &ed25519(3)))
    );
    let left: Vec<_> = std::fs::read_dir(fixture.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("pabawi"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn adding_refuses_conflicts_and_unfit_names() {
    let fixture = Fixture::new();
    let text = line("a", &ed25519(1));
    let hosts = fixture.with(&text);
    let add = |host: &str, blob: &[u8]| hosts.add(&HostLookup::new(host, 22), blob, false);
    assert!(matches!(add("a", &ed25519(2)), Err(KnownHostsError::Conflict { line: 1, .. })));
    for name in ["", "a b", "a\nb", "a,b", "*", "!a", "|1|x", "#a", "@revoked"] {
        assert!(matches!(add(name, &ed25519(2)), Err(KnownHostsError::InvalidName { .. })), "{name:?}");
    }
    assert!(matches!(add("b", b"\0\0\0\x05ab"), Err(KnownHostsError::MalformedKey)));
    let nowhere = fixture.cache.open(Vec::new(), Vec::new());
    let error = nowhere.add(&HostLookup::new("b", 22), &ed25519(2), false).unwrap_err();
    assert!(matches!(error, KnownHostsError::NoFile));
    let blocked = fixture.cache.open(vec![fixture.path("known_hosts/below")], Vec::new());
    assert!(blocked.add(&HostLookup::new("b", 22), &ed25519(2), false).is_err());
    assert_eq!(std::fs::read_to_string(fixture.path("known_hosts")).unwrap(), text);
}

#[test]
fn concurrent_adders_lose_nothing() {
    let fixture = Fixture::new();
    // Two caches do not share their queues, so the lock on the file is what keeps them apart.
    let path = fixture.path("known_hosts");
    let sides =
        [KnownHostsCache::new(), KnownHostsCache::new()].map(|cache| cache.open(vec![path.clone()], vec![]));
    std::thread::scope(|scope| {
        for worker in 0..16_u8 {
            let hosts = &sides[usize::from(worker % 2)];
            scope.spawn(move || {
                for number in 0..15_u8 {
                    let host = HostLookup::new(&format!("h{worker}-{number}"), 22);
                    assert_eq!(hosts.add(&host, &ed25519(worker), false).unwrap(), Added::Written);
                    // The same host from everyone: written once.
                    hosts.add(&HostLookup::new(&format!("shared{number}"), 22), &ed25519(77), false).unwrap();
                }
            });
        }
    });
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().count(), 16 * 15 + 15);
    assert!(sides[0].broken_lines().unwrap().is_empty());
    for worker in 0..16_u8 {
        assert!(matched_line(&sides[0], &format!("h{worker}-14"), 22, &ed25519(worker)).is_some());
    }
}

proptest! {
    #[test]
    fn no_line_makes_it_panic(text in any::<Vec<u8>>()) {
        let file = super::file::KnownFile::parse(&text);
        let _ = file.entries_for("h");
    }

    #[test]
    fn a_hashed_name_matches_only_itself(name in "[a-z0-9.:\\[\\]]{1,30}", other in "[a-z0-9.]{1,30}", salt: [u8; 20]) {
        let hashed = super::lookup::HashedName::of(&name, salt).unwrap();
        let read = super::lookup::HashedName::parse(&hashed.to_text()).unwrap();
        prop_assert!(read.matches(&name));
        prop_assert_eq!(read.matches(&other), name == other);
    }
}

/// What is known before a host shows its key: also under hashed names, patterns and without the port.
#[test]
fn what_is_known_of_a_host_is_told_without_it() {
    use pabawi_domain::host_key::HostKeyKnowledge::{Known, Revoked, Unknown};
    let fixture = Fixture::new();
    let text = [
        line("web1", &ed25519(1)),
        line("*.example", &ed25519(2)),
        format!("@revoked {}", line("old", &ed25519(3))),
        line("both", &ed25519(4)),
        format!("@revoked {}", line("*", &ed25519(4))),
        format!("@cert-authority {}", line("signed", &ed25519(5))),
    ]
    .concat();
    let hosts = fixture.with(&text);
    for (host, port, expected) in [
        ("web1", 22, Known),
        ("WEB1", 2222, Known),
        ("a.example", 22, Known),
        ("old", 22, Revoked),
        ("both", 22, Revoked),
        ("signed", 22, Unknown),
        ("other", 22, Unknown),
    ] {
        assert_eq!(hosts.knowledge(&HostLookup::new(host, port)).unwrap(), expected, "{host}");
    }
    std::fs::create_dir(fixture.path("second")).unwrap();
    assert!(fixture.open().knowledge(&HostLookup::new("web1", 22)).is_err(), "a list that cannot be read");
}
