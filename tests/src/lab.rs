//! A laboratory: real nodes, an empty home folder, an empty database. Main type: [`Lab`].

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use pabawi_testkit::fleet::{Fleet, FleetBuilder};
use pabawi_testkit::process::ProcessInfo;

use crate::pab::Pab;

/// How long anything may take that should take a moment: a loaded machine with two cores is slow.
pub const LIMIT: Duration = Duration::from_secs(60);

/// Nodes, a home folder and a database of their own.
#[derive(Debug)]
pub struct Lab {
    fleet: Fleet,
    directory: PathBuf,
}

impl Lab {
    /// A laboratory with that many nodes: `web01` and so on.
    ///
    /// # Panics
    /// When the nodes do not start.
    #[must_use]
    pub fn new(nodes: usize) -> Self {
        Self::with(Fleet::builder().nodes(nodes))
    }

    /// A laboratory with the described nodes. Their logs show connections.
    ///
    /// # Panics
    /// When the nodes do not start.
    #[must_use]
    pub fn with(builder: FleetBuilder) -> Self {
        let fleet = builder.log_level("VERBOSE").start().expect("the fleet starts");
        // It goes with the fleet, however the test ends. Users of nodes who are not root can reach it.
        let directory = fleet.directory().join("lab");
        std::fs::create_dir_all(directory.join("home")).expect("a folder");
        Self { fleet, directory }
    }

    /// The nodes.
    #[must_use]
    pub fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    /// A path in the folder of the laboratory, which goes with it.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Where `pab` keeps its records here.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.path("pabawi.db")
    }

    /// Writes a file into the folder of the laboratory.
    ///
    /// # Panics
    /// When that is not possible.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).expect("written");
        path
    }

    /// A call of `pab` that touches no node by itself: its database and home are those of the laboratory.
    pub fn pab<I: IntoIterator<Item: AsRef<OsStr>>>(&self, arguments: I) -> Pab {
        let home = self.path("home");
        Pab::new(&home).env("PABAWI_DB", self.database()).args(arguments)
    }

    /// A call of `pab` on nodes of the fleet, by their names in its ssh_config.
    pub fn on<I: IntoIterator<Item: AsRef<OsStr>>>(&self, targets: &str, arguments: I) -> Pab {
        self.pab(arguments)
            .args(["--ssh-config".as_ref(), self.fleet.ssh_config().as_os_str()])
            .args(["--targets", targets])
    }

    /// `pab run` on nodes of the fleet.
    pub fn run(&self, targets: &str, command: &str) -> Pab {
        self.on(targets, ["run", command])
    }

    /// `pab run --format ndjson` on nodes of the fleet.
    pub fn run_events(&self, targets: &str, command: &str) -> Pab {
        self.run(targets, command).args(["--format", "ndjson"])
    }

    /// How many TCP connections the node has seen so far, from its log.
    ///
    /// # Panics
    /// When there is no such node.
    #[must_use]
    pub fn connections_seen(&self, node: usize) -> usize {
        let address = self.fleet.node(node).expect("node").address;
        let to = format!(" on {} port {}", address.ip(), address.port());
        let log = self.fleet.log(node).expect("log");
        log.lines().filter(|line| line.starts_with("Connection from ") && line.contains(&to)).count()
    }

    /// How many TCP connections all nodes have seen so far.
    ///
    /// # Panics
    /// Never, unless a log cannot be read.
    #[must_use]
    pub fn all_connections_seen(&self) -> usize {
        (0..self.fleet.nodes().len()).map(|node| self.connections_seen(node)).sum()
    }

    /// The processes on the nodes whose command line contains the text.
    #[must_use]
    pub fn processes(&self, text: &str) -> Vec<ProcessInfo> {
        self.fleet.commands().into_iter().filter(|process| process.command_line.contains(text)).collect()
    }

    /// Blocks until the nodes run exactly `count` processes whose command line ends with the text.
    ///
    /// # Panics
    /// When that is not so in time.
    pub fn wait_for_processes(&self, text: &str, count: usize) {
        let mut seen = Vec::new();
        let what = format!("{count} x {text:?}");
        let so = pabawi_testkit::wait::until(&what, LIMIT, || {
            seen = self.fleet.commands();
            seen.iter().filter(|process| process.command_line.ends_with(text)).count() == count
        });
        so.unwrap_or_else(|error| panic!("{error}; there are {seen:#?}"));
    }
}

/// The lines of a file that nodes write to; none while it does not exist.
#[must_use]
pub fn lines_of(path: &Path) -> Vec<String> {
    std::fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}

/// A number that no other test uses, for commands that are to be found on the machine.
#[must_use]
pub fn unique() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("{}{:03}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}
