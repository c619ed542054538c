//! Copies over SFTP against real servers: OpenSSH's, with and without a shell beside it.

use std::collections::BTreeMap;
use std::net::TcpStream;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use pabawi_domain::action::{DownloadAction, UploadAction};
use pabawi_domain::id::NodeId;
use pabawi_domain::ports::CopyReport;
use pabawi_testkit::fleet::{Fleet, FleetBuilder};
use sha2::{Digest as _, Sha256};
use ssh2::Session;

use super::SftpEnd;
use crate::copy::{self, CopyFault, End as _, EntryKind, Job, LocalEnd, Side};
use crate::keys;

struct Fixture {
    fleet: Fleet,
    session: Session,
    folder: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        Self::with(Fleet::builder().nodes(1))
    }

    fn with(builder: FleetBuilder) -> Self {
        let fleet = builder.start().unwrap();
        let session = log_in(&fleet);
        Self { fleet, session, folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn upload(&self, from: &Path, to: &Path, mode: Option<u32>) -> Result<CopyReport, CopyFault> {
        let (job, _) = Job::for_test();
        let far = SftpEnd::open(&self.session, &job)?;
        let action = UploadAction { source: from.to_owned(), destination: to.display().to_string(), mode };
        copy::upload(&LocalEnd::here(), &far, &action, &job)
    }

    fn download(&self, from: &str, to: &Path) -> Result<CopyReport, CopyFault> {
        let (job, _) = Job::for_test();
        let far = SftpEnd::open(&self.session, &job)?;
        let action = DownloadAction { source: from.to_owned(), destination: to.to_owned() };
        copy::download(&far, &LocalEnd::here(), &action, &NodeId::new("n1").unwrap(), &job)
    }

    fn left(&self) -> Vec<String> {
        let mut left = Vec::new();
        let mut pending = vec![self.folder.path().to_owned()];
        while let Some(folder) = pending.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                if entry.file_type().unwrap().is_dir() {
                    pending.push(entry.path());
                }
                left.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        left.retain(|name| name.starts_with(".pabawi"));
        left
    }
}

fn log_in(fleet: &Fleet) -> Session {
    let node = fleet.node(0).unwrap();
    let mut session = Session::new().unwrap();
    session.set_tcp_stream(TcpStream::connect(node.address).unwrap());
    session.handshake().unwrap();
    let key = keys::load(&fleet.user_key().path, None).unwrap();
    session.userauth_pubkey_memory(fleet.user(), None, key.clear_pem(), None).unwrap();
    session
}

/// Names and contents below a folder; a link counts as its text.
fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(current) = pending.pop() {
        for entry in std::fs::read_dir(&current).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
            if path.is_symlink() {
                found.insert(name, std::fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes());
            } else if path.is_dir() {
                found.insert(format!("{name}/"), Vec::new());
                pending.push(path);
            } else {
                found.insert(name, std::fs::read(&path).unwrap_or_default());
            }
        }
    }
    found
}

fn hex(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn big(length: u32) -> Vec<u8> {
    (0..length).flat_map(|number| (number.wrapping_mul(2_654_435_761)).to_le_bytes()).collect()
}

#[test]
fn a_file_goes_there_and_back() {
    let fixture = Fixture::new();
    let content = big(2_000_000);
    std::fs::write(fixture.path("from"), &content).unwrap();
    std::fs::set_permissions(fixture.path("from"), std::fs::Permissions::from_mode(0o751)).unwrap();
    let report = fixture.upload(&fixture.path("from"), &fixture.path("to"), None).unwrap();
    assert_eq!((report.files, report.bytes), (1, 8_000_000));
    assert_eq!((report.sha256.unwrap(), report.verified_by.as_str()), (hex(&content), "sha256sum"));
    assert!(std::fs::read(fixture.path("to")).unwrap() == content);
    let mode = |name: &str| std::fs::metadata(fixture.path(name)).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode("to"), 0o751);
    // Over a file that is there: in one step, with the mode asked for.
    std::fs::write(fixture.path("from"), "second").unwrap();
    fixture.upload(&fixture.path("from"), &fixture.path("to"), Some(0o600)).unwrap();
    assert_eq!((std::fs::read(fixture.path("to")).unwrap(), mode("to")), (b"second".to_vec(), 0o600));
    let to = fixture.path("to").display().to_string();
    let report = fixture.download(&to, &fixture.path("back")).unwrap();
    assert_eq!((report.sha256.unwrap(), report.verified_by.as_str()), (hex(b"second"), "read back"));
    assert_eq!(std::fs::read(fixture.path("back/n1/to")).unwrap(), b"second");
    assert!(fixture.left().is_empty(), "{:?}", fixture.left());
}

#[test]
fn empty_and_odd_files_and_relative_paths() {
    let fixture = Fixture::new();
    for (number, name) in
        ["empty", "it's \"odd\" $x", "-n", "new\nline", "back\\slash", "%s ünï"].iter().enumerate()
    {
        let content = vec![b'x'; number];
        std::fs::write(fixture.path("from"), &content).unwrap();
        let report = fixture.upload(&fixture.path("from"), &fixture.path(name), None).unwrap();
        assert_eq!(report.verified_by, "sha256sum", "{name}");
        assert_eq!(std::fs::read(fixture.path(name)).unwrap(), content);
    }
    // Relative to the login directory, also with a tilde.
    let name = format!(".pabawi-sftp-test-{}", std::process::id());
    for text in [name.clone(), format!("~/{name}")] {
        let (job, _) = Job::for_test();
        let far = SftpEnd::open(&fixture.session, &job).unwrap();
        let action = UploadAction { source: fixture.path("from"), destination: text, mode: None };
        let report = copy::upload(&LocalEnd::here(), &far, &action, &job).unwrap();
        assert_eq!(report.verified_by, "sha256sum");
        far.remove_file(Path::new(&name)).unwrap();
    }
}

#[test]
fn directories_keep_their_shape_both_ways() {
    let fixture = Fixture::new();
    let from = fixture.path("from");
    std::fs::create_dir_all(from.join("a/b/c")).unwrap();
    std::fs::create_dir_all(from.join("empty")).unwrap();
    // More files than are checked together.
    for number in 0..150 {
        std::fs::write(from.join(format!("a/b/file{number:03}")), vec![b'y'; number]).unwrap();
    }
    std::fs::write(from.join("a/b/c/it's\n\"odd\""), "odd").unwrap();
    symlink("../a/b", from.join("empty/relative")).unwrap();
    symlink("/nowhere at all", from.join("absolute")).unwrap();
    std::fs::set_permissions(from.join("a/b"), std::fs::Permissions::from_mode(0o750)).unwrap();
    let report = fixture.upload(&from, &fixture.path("to"), None).unwrap();
    assert_eq!((report.files, report.sha256), (151, None));
    assert_eq!(tree(&fixture.path("to")), tree(&from));
    let mode = std::fs::metadata(fixture.path("to/a/b")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o750);
    // Again over what is there: files and links are replaced.
    let report = fixture.upload(&from, &fixture.path("to"), None).unwrap();
    assert_eq!(report.files, 151);
    assert_eq!(tree(&fixture.path("to")), tree(&from));
    let to = fixture.path("to").display().to_string();
    fixture.download(&to, &fixture.path("back")).unwrap();
    assert_eq!(tree(&fixture.path("back/n1/to")), tree(&from));
    assert!(fixture.left().is_empty(), "{:?}", fixture.left());
}

/// A server that only lets SFTP in has no program to ask, so the file is read back.
#[test]
fn without_a_shell_the_copy_is_read_back() {
    for setting in ["ForceCommand internal-sftp", "MaxSessions 1"] {
        let fixture = Fixture::with(Fleet::builder().nodes(1).setting(setting));
        let content = big(400_000);
        std::fs::write(fixture.path("from"), &content).unwrap();
        let report = fixture.upload(&fixture.path("from"), &fixture.path("to"), None).unwrap();
        assert_eq!(
            (report.sha256.unwrap(), report.verified_by.as_str()),
            (hex(&content), "read back"),
            "{setting}"
        );
        // Replacing needs a second channel; where there is none, it takes two steps.
        std::fs::write(fixture.path("from"), "second").unwrap();
        fixture.upload(&fixture.path("from"), &fixture.path("to"), None).unwrap();
        assert_eq!(std::fs::read(fixture.path("to")).unwrap(), b"second", "{setting}");
        assert!(fixture.left().is_empty(), "{:?}", fixture.left());
    }
}

/// A server on which the old file has to go before the new one gets its name, and the second step fails: the content
/// is kept and named.
#[test]
fn a_file_that_lost_its_place_is_kept() {
    let builder = Fleet::builder().nodes(1).setting("MaxSessions 1");
    let fixture = Fixture::with(builder.setting("ForceCommand internal-sftp -P rename"));
    std::fs::write(fixture.path("from"), "new").unwrap();
    std::fs::write(fixture.path("to"), "old").unwrap();
    let (job, _) = Job::for_test();
    let far = SftpEnd::open(&fixture.session, &job).unwrap();
    let destination = fixture.path("to").display().to_string();
    let action = UploadAction { source: fixture.path("from"), destination, mode: None };
    let fault = copy::upload(&LocalEnd::here(), &far, &action, &job).unwrap_err();
    assert!(!fixture.path("to").exists(), "the fault has not been met");
    let left = job.left();
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(std::fs::read(&left[0]).unwrap(), b"new");
    assert!(fault.to_string().contains(&format!("the new content is in {}", left[0].display())), "{fault}");
    // Where nothing has been removed, nothing stays.
    let builder = Fleet::builder().nodes(1).setting("MaxSessions 1");
    let fixture = Fixture::with(builder.setting("ForceCommand internal-sftp -P rename,remove"));
    std::fs::write(fixture.path("from"), "new").unwrap();
    std::fs::write(fixture.path("to"), "old").unwrap();
    let (job, _) = Job::for_test();
    let far = SftpEnd::open(&fixture.session, &job).unwrap();
    std::fs::write(fixture.path("temporary"), "new").unwrap();
    let fault = far.rename(&fixture.path("temporary"), &fixture.path("to")).unwrap_err();
    assert!(fault.to_string().contains("permission denied"), "{fault}");
    assert_eq!((std::fs::read(fixture.path("to")).unwrap(), job.left().len()), (b"old".to_vec(), 0));
}

/// An SFTP server that takes its time to remove a file: it says so, waits to be told, and for longer than a cancel
/// goes unnoticed.
const SLOW_TO_REMOVE: &str = r#"
import os, subprocess, sys, threading, time
folder = sys.argv[1]
known = ["/usr/lib/openssh", "/usr/libexec/openssh", "/usr/libexec", "/usr/lib/ssh"]
program = next(p for p in (d + "/sftp-server" for d in known) if os.path.exists(p))
server = subprocess.Popen([program], stdin=subprocess.PIPE)
threading.Thread(target=lambda: os._exit(server.wait()), daemon=True).start()
while True:
    length = sys.stdin.buffer.read(4)
    if len(length) < 4:
        server.stdin.close()
        break
    request = sys.stdin.buffer.read(int.from_bytes(length, "big"))
    if request[0] == 13:
        open(folder + "/removing", "w").close()
        for _ in range(3000):
            if os.path.exists(folder + "/cancelled"):
                break
            time.sleep(0.01)
        time.sleep(1.5)
    server.stdin.write(length + request)
    server.stdin.flush()
server.wait()
"#;

/// A cancel between the two steps of a replacement does not stop it there.
#[test]
fn a_cancel_does_not_come_between_the_two_steps() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("server.py");
    std::fs::write(&script, SLOW_TO_REMOVE).unwrap();
    let command = format!("/usr/bin/python3 {} {}", script.display(), folder.path().display());
    let builder = Fleet::builder().nodes(1).setting("MaxSessions 1");
    let fixture = Fixture::with(builder.setting(&format!("ForceCommand {command}")));
    std::fs::write(fixture.path("new"), "new").unwrap();
    std::fs::write(fixture.path("to"), "old").unwrap();
    let (job, cancel) = Job::for_test();
    std::thread::scope(|scope| {
        let renaming = scope.spawn(|| {
            let far = SftpEnd::open(&fixture.session, &job).unwrap();
            far.rename(&fixture.path("new"), &fixture.path("to"))
        });
        pabawi_testkit::wait::until("the old file to be removed", std::time::Duration::from_secs(30), || {
            folder.path().join("removing").exists()
        })
        .unwrap();
        cancel();
        std::fs::write(folder.path().join("cancelled"), "").unwrap();
        renaming.join().unwrap().unwrap();
    });
    assert_eq!(std::fs::read(fixture.path("to")).unwrap(), b"new");
    assert!(job.left().is_empty() && !fixture.path("new").exists());
}

#[test]
fn faults_name_the_side_and_leave_nothing() {
    let fixture = Fixture::new();
    std::fs::write(fixture.path("file"), "x").unwrap();
    std::fs::create_dir(fixture.path("folder")).unwrap();
    for (from, to, side, part) in [
        ("none", "to", Side::Here, "no such file"),
        ("file", "folder", Side::Node, "is a directory"),
        ("folder", "file", Side::Node, "is not a directory"),
        ("file", "missing/to", Side::Node, "no such file"),
    ] {
        let fault = fixture.upload(&fixture.path(from), &fixture.path(to), None).unwrap_err();
        assert!(matches!(&fault, CopyFault::At { side: at, .. } if *at == side), "{from} {to}: {fault:?}");
        assert!(fault.to_string().contains(part), "{from} {to}: {fault}");
    }
    let fault = fixture.download("/no/such/file", &fixture.path("back")).unwrap_err();
    assert!(matches!(&fault, CopyFault::At { side: Side::Node, .. }), "{fault:?}");
    // The disk of the node is full.
    let fault = fixture.upload(&fixture.path("file"), Path::new("/dev/full/x"), None).unwrap_err();
    assert!(matches!(&fault, CopyFault::At { side: Side::Node, .. }), "{fault:?}");
    assert!(fixture.left().is_empty(), "{:?}", fixture.left());
    let fixture = Fixture::with(Fleet::builder().nodes(1).setting("ForceCommand /bin/false"));
    std::fs::write(fixture.path("file"), "x").unwrap();
    let fault = fixture.upload(&fixture.path("file"), &fixture.path("to"), None).unwrap_err();
    assert!(fault.to_string().contains("SFTP") || matches!(fault, CopyFault::Link { .. }), "{fault:?}");
}

/// A link on the node is listed as one and not walked into.
#[test]
fn links_are_not_followed() {
    let fixture = Fixture::new();
    std::fs::create_dir_all(fixture.path("from")).unwrap();
    std::fs::create_dir_all(fixture.path("outside")).unwrap();
    std::fs::write(fixture.path("outside/secret"), "secret").unwrap();
    symlink(fixture.path("outside"), fixture.path("from/out")).unwrap();
    let from = fixture.path("from").display().to_string();
    let report = fixture.download(&from, &fixture.path("back")).unwrap();
    assert_eq!(report.files, 0);
    assert!(fixture.path("back/n1/from/out").is_symlink());
    let (job, _) = Job::for_test();
    let far = SftpEnd::open(&fixture.session, &job).unwrap();
    let link = far.stat(&fixture.path("from/out"), false).unwrap().unwrap();
    let behind = far.stat(&fixture.path("from/out"), true).unwrap().unwrap();
    assert_eq!((link.kind, behind.kind), (EntryKind::Link, EntryKind::Directory));
    assert_eq!(far.read_link(&fixture.path("from/out")).unwrap(), fixture.path("outside"));
}

/// The node stops answering in the middle: a cancel ends the copy within a moment.
#[test]
fn a_cancel_reaches_a_copy_whose_node_is_silent() {
    let fixture = Fixture::new();
    let (job, cancel) = Job::for_test();
    let far = SftpEnd::open(&fixture.session, &job).unwrap();
    fixture.fleet.freeze_node(0).unwrap();
    cancel();
    let begin = std::time::Instant::now();
    let fault = far.stat(Path::new("/"), true).unwrap_err();
    assert!(matches!(fault, CopyFault::Cancelled), "{fault:?}");
    assert!(begin.elapsed() < super::patience::STALL / 4, "{:?}", begin.elapsed());
    fixture.fleet.thaw_node(0).unwrap();
}

/// The link is cut in the middle of a file.
#[test]
fn a_lost_link_is_told() {
    let fixture = Fixture::new();
    let file = std::fs::File::create(fixture.path("from")).unwrap();
    file.set_len(1 << 33).unwrap();
    let fault = std::thread::scope(|scope| {
        let copying = scope.spawn(|| fixture.upload(&fixture.path("from"), &fixture.path("to"), None));
        pabawi_testkit::wait::until("the copy to have begun", std::time::Duration::from_secs(20), || {
            !fixture.left().is_empty()
        })
        .unwrap();
        assert!(fixture.fleet.cut_links(0).unwrap() > 0);
        copying.join().unwrap().unwrap_err()
    });
    assert!(matches!(fault, CopyFault::Link { .. }), "{fault:?}");
    assert!(!fixture.path("to").exists());
}
