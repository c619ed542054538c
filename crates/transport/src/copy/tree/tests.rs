//! Tests of the copy between two local ends; SFTP has the same ones against a real server.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use proptest::prelude::*;

use super::super::end::{Digests, Side, Sink};
use super::super::local_end::LocalEnd;
use super::*;

fn upload_action(from: &Path, to: &Path, mode: Option<u32>) -> UploadAction {
    UploadAction { source: from.to_owned(), destination: to.display().to_string(), mode }
}

fn copy(from: &Path, to: &Path, mode: Option<u32>) -> Result<CopyReport, CopyFault> {
    let (job, _) = Job::for_test();
    upload(&LocalEnd::here(), &LocalEnd::node(), &upload_action(from, to, mode), &job)
}

fn mode_of(path: &Path) -> u32 {
    std::fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn a_file_replaces_another_whole_with_its_mode() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    let content: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    std::fs::write(&from, &content).unwrap();
    std::fs::write(&to, "old").unwrap();
    std::fs::set_permissions(&from, std::fs::Permissions::from_mode(0o4751)).unwrap();
    let report = copy(&from, &to, None).unwrap();
    assert_eq!((report.files, report.bytes), (1, u64::try_from(content.len()).unwrap()));
    assert_eq!(
        report.sha256.unwrap(),
        Sha256::digest(&content).iter().map(|b| format!("{b:02x}")).collect::<String>()
    );
    assert_eq!(report.verified_by, "read back");
    assert!(std::fs::read(&to).unwrap() == content);
    assert_eq!(mode_of(&to), 0o751);
    copy(&from, &to, Some(0o604)).unwrap();
    assert_eq!(mode_of(&to), 0o604);
    assert_eq!(names(folder.path()), ["from", "to"]);
}

#[test]
fn a_directory_is_copied_with_links_as_links() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    std::fs::create_dir_all(from.join("sub/empty")).unwrap();
    std::fs::write(from.join("sub/file"), "content").unwrap();
    std::fs::write(from.join("it's \"odd\"\n*"), "odd").unwrap();
    symlink("/etc/passwd", from.join("out")).unwrap();
    symlink("sub/file", from.join("in")).unwrap();
    symlink("nowhere", from.join("dangling")).unwrap();
    std::fs::set_permissions(from.join("sub"), std::fs::Permissions::from_mode(0o555)).unwrap();
    let report = copy(&from, &to, None).unwrap();
    assert_eq!((report.files, report.bytes, report.sha256), (2, 10, None));
    assert_eq!(std::fs::read_link(to.join("out")).unwrap(), Path::new("/etc/passwd"));
    assert_eq!(std::fs::read_link(to.join("in")).unwrap(), Path::new("sub/file"));
    assert_eq!(std::fs::read_link(to.join("dangling")).unwrap(), Path::new("nowhere"));
    assert_eq!(std::fs::read(to.join("sub/file")).unwrap(), b"content");
    assert_eq!(mode_of(&to.join("sub")), 0o555);
    assert!(to.join("sub/empty").is_dir());
    // Once more over what is there now: the same, and what is only there stays.
    std::fs::write(to.join("extra"), "stays").unwrap();
    std::fs::write(from.join("it's \"odd\"\n*"), "newer").unwrap();
    copy(&from, &to, None).unwrap();
    assert_eq!(std::fs::read(to.join("it's \"odd\"\n*")).unwrap(), b"newer");
    assert!(to.join("extra").exists());
    assert!(!names(&to).iter().any(|name| name.contains("pabawi")));
}

#[test]
fn a_link_at_the_destination_is_never_followed() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to, outside) =
        (folder.path().join("from"), folder.path().join("to"), folder.path().join("outside"));
    for path in [&from, &to, &outside] {
        std::fs::create_dir(path).unwrap();
    }
    std::fs::write(outside.join("precious"), "precious").unwrap();
    std::fs::create_dir(from.join("sub")).unwrap();
    std::fs::write(from.join("sub/precious"), "overwritten").unwrap();
    symlink(&outside, to.join("sub")).unwrap();
    let error = copy(&from, &to, None).unwrap_err();
    assert!(error.to_string().contains("is not a directory"), "{error}");
    std::fs::remove_dir_all(from.join("sub")).unwrap();
    std::fs::write(from.join("link"), "new").unwrap();
    symlink(outside.join("precious"), to.join("link")).unwrap();
    copy(&from, &to, None).unwrap();
    assert_eq!(std::fs::read(outside.join("precious")).unwrap(), b"precious");
    assert!(!to.join("link").is_symlink());
}

#[test]
fn what_cannot_be_copied_is_named_with_its_side() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("file"), "x").unwrap();
    std::fs::create_dir(path("directory")).unwrap();
    std::fs::create_dir(path("special")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(path("special/socket")).unwrap();
    for (from, to, side, part) in [
        ("none", "to", Side::Here, "no such file"),
        ("file", "directory", Side::Node, "is a directory"),
        ("directory", "file", Side::Node, "is not a directory"),
        ("file", "missing/to", Side::Node, "no such file"),
        ("special", "to", Side::Here, "cannot be copied"),
        ("special/socket", "to", Side::Here, "cannot be copied"),
    ] {
        let fault = copy(&path(from), &path(to), None).unwrap_err();
        let shown = fault.to_string();
        assert!(matches!(&fault, CopyFault::At { side: at, .. } if *at == side), "{from} {to}: {fault:?}");
        assert!(shown.contains(part), "{from} {to}: {shown}");
    }
}

#[test]
fn downloads_stand_below_the_nodes_name() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "x").unwrap();
    let action = DownloadAction {
        source: folder.path().join("file").display().to_string(),
        destination: folder.path().join("deep/er"),
    };
    let (job, _) = Job::for_test();
    let node = NodeId::new("web01").unwrap();
    download(&LocalEnd::node(), &LocalEnd::here(), &action, &node, &job).unwrap();
    assert_eq!(std::fs::read(folder.path().join("deep/er/web01/file")).unwrap(), b"x");
    let root = DownloadAction { source: "/".into(), ..action };
    let fault = download(&LocalEnd::node(), &LocalEnd::here(), &root, &node, &job).unwrap_err();
    assert!(fault.to_string().contains("no name"), "{fault}");
}

/// An end that spoils what passes it, on top of a local one.
struct Spoiled {
    inner: LocalEnd,
    what: Spoil,
}

enum Spoil {
    /// Checksums are wrong.
    Sums,
    /// Cancels when so many bytes have been written.
    CancelAfter(usize, Box<dyn Fn()>),
    /// The listing holds this name.
    Listing(&'static str),
}

struct CountingSink<'a> {
    inner: Box<dyn Sink + 'a>,
    written: usize,
    limit: usize,
    cancel: &'a dyn Fn(),
}

impl std::io::Write for CountingSink<'_> {
    fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
        let n = self.inner.write(data)?;
        self.written += n;
        if self.written >= self.limit {
            (self.cancel)();
        }
        Ok(n)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

impl Sink for CountingSink<'_> {
    fn finish(self: Box<Self>, mode: u32) -> Result<(), CopyFault> {
        self.inner.finish(mode)
    }
}

impl End for Spoiled {
    fn side(&self) -> Side {
        self.inner.side()
    }
    fn resolve(&self, text: &str) -> PathBuf {
        self.inner.resolve(text)
    }
    fn stat(&self, path: &Path, follow: bool) -> Result<Option<Entry>, CopyFault> {
        self.inner.stat(path, follow)
    }
    fn list(&self, path: &Path) -> Result<Vec<(std::ffi::OsString, Entry)>, CopyFault> {
        let mut entries = self.inner.list(path)?;
        if let Spoil::Listing(name) = self.what {
            entries.push((name.into(), Entry { kind: EntryKind::File, size: 1, mode: 0o644 }));
        }
        Ok(entries)
    }
    fn read_link(&self, path: &Path) -> Result<PathBuf, CopyFault> {
        self.inner.read_link(path)
    }
    fn open<'a>(&'a self, path: &Path) -> Result<Box<dyn std::io::Read + 'a>, CopyFault> {
        self.inner.open(path)
    }
    fn create<'a>(&'a self, path: &Path) -> Result<Box<dyn Sink + 'a>, CopyFault> {
        let inner = self.inner.create(path)?;
        match &self.what {
            Spoil::CancelAfter(limit, cancel) => {
                Ok(Box::new(CountingSink { inner, written: 0, limit: *limit, cancel }))
            }
            Spoil::Sums | Spoil::Listing(_) => Ok(inner),
        }
    }
    fn rename(&self, from: &Path, to: &Path) -> Result<(), CopyFault> {
        self.inner.rename(from, to)
    }
    fn remove_file(&self, path: &Path) -> Result<(), CopyFault> {
        self.inner.remove_file(path)
    }
    fn make_directory(&self, path: &Path, mode: u32) -> Result<(), CopyFault> {
        self.inner.make_directory(path, mode)
    }
    fn set_mode(&self, path: &Path, mode: u32) -> Result<(), CopyFault> {
        self.inner.set_mode(path, mode)
    }
    fn make_link(&self, target: &Path, path: &Path) -> Result<(), CopyFault> {
        self.inner.make_link(target, path)
    }
    fn digests(&self, paths: &[PathBuf], job: &Job) -> Result<Digests, CopyFault> {
        let mut found = self.inner.digests(paths, job)?;
        if matches!(self.what, Spoil::Sums) {
            found.sums[0][0] ^= 1;
        }
        Ok(found)
    }
}

#[test]
fn a_copy_that_differs_replaces_nothing_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    std::fs::write(&from, "new").unwrap();
    std::fs::write(&to, "old").unwrap();
    let node = Spoiled { inner: LocalEnd::node(), what: Spoil::Sums };
    let (job, _) = Job::for_test();
    let fault = upload(&LocalEnd::here(), &node, &upload_action(&from, &to, None), &job).unwrap_err();
    assert!(matches!(fault, CopyFault::Mismatch { .. }), "{fault}");
    assert_eq!(std::fs::read(&to).unwrap(), b"old");
    assert_eq!(names(folder.path()), ["from", "to"]);
}

#[test]
fn a_cancelled_copy_stops_at_the_next_block_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    std::fs::write(&from, vec![7_u8; 5 * BLOCK]).unwrap();
    let (job, cancel) = Job::for_test();
    let node = Spoiled { inner: LocalEnd::node(), what: Spoil::CancelAfter(2 * BLOCK, Box::new(cancel)) };
    let fault = upload(&LocalEnd::here(), &node, &upload_action(&from, &to, None), &job).unwrap_err();
    assert!(matches!(fault, CopyFault::Cancelled), "{fault}");
    assert_eq!(names(folder.path()), ["from"]);
    assert!(job.left().is_empty());
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    std::fs::create_dir(&from).unwrap();
    for name in ["../escaped", "/tmp/escaped", "..", ".", "a/b", "", "a/", "a\0b"] {
        let node = Spoiled { inner: LocalEnd::node(), what: Spoil::Listing(name) };
        let action = DownloadAction { source: from.display().to_string(), destination: to.clone() };
        let (job, _) = Job::for_test();
        let id = NodeId::new("n").unwrap();
        let fault = download(&node, &LocalEnd::here(), &action, &id, &job).unwrap_err();
        assert!(fault.to_string().contains("no name of a file"), "{name:?}: {fault}");
    }
    assert!(!folder.path().join("escaped").exists());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_tree_arrives_as_it_is(files in prop::collection::btree_map(
        prop::collection::vec("[a-c ]{1,3}", 1..4), prop::collection::vec(any::<u8>(), 0..200), 0..12)) {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        std::fs::create_dir(&from).unwrap();
        let mut written = std::collections::BTreeMap::new();
        for (parts, content) in &files {
            let path: PathBuf = parts.iter().collect();
            // A path below one that is a file cannot be made.
            if std::fs::create_dir_all(from.join(&path).parent().unwrap()).is_ok()
                && std::fs::write(from.join(&path), content).is_ok()
            {
                written.insert(path, content);
            }
        }
        let report = copy(&from, &to, None).unwrap();
        prop_assert_eq!(report.files, u64::try_from(written.len()).unwrap());
        for (path, content) in &written {
            prop_assert_eq!(&std::fs::read(to.join(path)).unwrap(), *content);
        }
    }
}
