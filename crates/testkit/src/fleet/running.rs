//! A fleet that runs: how it starts, its nodes and its files. Main type: [`Fleet`].
//!
//! What can be done to a node meanwhile stands in `controls.rs`.

use std::fs;
use std::net::SocketAddrV4;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use tempfile::TempDir;

use super::addresses::free_addresses;
use super::builder::FleetBuilder;
use super::config::{self, MARKER_VARIABLE, ProcessConfig, Sshd};
use super::error::FleetError;
use super::keys::{KeyFile, KeyType};
use crate::guard::Guard;
use crate::process::{self, ProcessInfo};
use crate::wait;

/// How long all `sshd` of a fleet may take until they listen; a loaded machine with two cores needs seconds.
const START_LIMIT: Duration = Duration::from_secs(60);
/// Lines of an `sshd` log that an error shows.
const LOG_TAIL: usize = 15;

/// One node: an address on which a real `sshd` listens.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct FleetNode {
    /// Position in the fleet, from 0.
    pub index: usize,
    /// Name, such as `web01`.
    pub name: String,
    /// Loopback address and port.
    pub address: SocketAddrV4,
    /// Its host keys.
    pub host_keys: Vec<KeyFile>,
    /// Which process serves it.
    pub(super) process: usize,
}

/// A running fleet of real `sshd`; all of it ends when this is dropped.
#[derive(Debug)]
pub struct Fleet {
    // Dropped first: when the guard has ended, nothing uses the directory any more.
    guard: Guard,
    directory: TempDir,
    sshd: Sshd,
    processes: Vec<Process>,
    nodes: Vec<FleetNode>,
    user_keys: Vec<KeyFile>,
    user: String,
    marker: String,
    ssh_config: PathBuf,
    known_hosts: PathBuf,
    hosts_file: PathBuf,
    inventory: PathBuf,
}

/// One `sshd` and the addresses it serves.
#[derive(Debug)]
pub(super) struct Process {
    config: PathBuf,
    log: PathBuf,
    pub(super) addresses: Vec<SocketAddrV4>,
    /// Process id of the listener; 0 while it is stopped.
    pub(super) pid: AtomicI32,
}

impl Fleet {
    /// Describes a fleet to be started.
    #[must_use]
    pub fn builder() -> FleetBuilder {
        FleetBuilder::default()
    }

    pub(super) fn start(builder: FleetBuilder) -> Result<Self, FleetError> {
        let sshd = Sshd::find()?;
        let guard = Guard::start()?;
        let directory = tempfile::Builder::new()
            .prefix("pabawi-fleet-")
            .tempdir()
            .map_err(FleetError::file(std::env::temp_dir()))?;
        guard.wipe(directory.path())?;
        // Users other than ours must reach authorized_keys, which sshd reads with their rights; the keys
        // themselves lie in a directory of their own.
        let keys = directory.path().join("keys");
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o711))
            .and_then(|()| fs::create_dir(&keys))
            .and_then(|()| fs::set_permissions(&keys, fs::Permissions::from_mode(0o700)))
            .map_err(FleetError::file(directory.path()))?;

        let user_keys = make_user_keys(&builder, &keys)?;
        let authorized_keys = directory.path().join("authorized_keys");
        let lines: String = user_keys.iter().map(|key| format!("{}\n", key.public)).collect();
        fs::write(&authorized_keys, lines)
            .and_then(|()| fs::set_permissions(&authorized_keys, fs::Permissions::from_mode(0o644)))
            .map_err(FleetError::file(&authorized_keys))?;

        let user = match &builder.user {
            Some(user) => user.clone(),
            None => current_user()?,
        };
        let addresses = free_addresses(builder.nodes)?;
        let mut fleet = Self {
            marker: marker(directory.path()),
            ssh_config: directory.path().join("ssh_config"),
            known_hosts: directory.path().join("known_hosts"),
            hosts_file: directory.path().join("hosts"),
            inventory: directory.path().join("inventory.yaml"),
            guard,
            directory,
            sshd,
            processes: Vec::new(),
            nodes: Vec::new(),
            user_keys,
            user,
        };
        fleet.configure(&builder, &keys, &authorized_keys, &addresses)?;
        fleet.write_client_files()?;
        for index in 0..fleet.processes.len() {
            fleet.launch(index)?;
        }
        fleet.wait_for_all()?;
        Ok(fleet)
    }

    /// Writes the configuration of every process and lists the nodes.
    fn configure(
        &mut self,
        builder: &FleetBuilder,
        keys: &Path,
        authorized_keys: &Path,
        addresses: &[SocketAddrV4],
    ) -> Result<(), FleetError> {
        let digits = builder.nodes.to_string().len().max(2);
        let mut shared: Option<Vec<KeyFile>> = None;
        let mut penalties_known = None;
        for (process, listen) in addresses.chunks(builder.share()).enumerate() {
            let host_keys = match (&shared, builder.shared_host_key) {
                (Some(keys), true) => keys.clone(),
                _ => make_host_keys(builder, keys, process)?,
            };
            shared.get_or_insert_with(|| host_keys.clone());
            let penalties_known = *penalties_known.get_or_insert_with(|| {
                host_keys.first().is_some_and(|key| self.sshd.knows_penalties(&key.path))
            });
            let name = |index: usize| format!("{}{:0digits$}", builder.name_prefix, index + 1);
            let only = (builder.share() == 1).then(|| name(process));
            let path = |kind: &str| self.directory.path().join(format!("sshd-{process}.{kind}"));
            let own = builder.node_settings.iter().filter(|(node, _)| *node == process);
            let text = config::text(
                builder,
                &ProcessConfig {
                    listen,
                    host_keys: &host_keys,
                    authorized_keys,
                    pid_file: &path("pid"),
                    marker: &self.marker,
                    node: only.as_deref(),
                    own_settings: own.map(|(_, line)| line.as_str()).collect(),
                    penalties_known,
                },
            );
            let config = path("conf");
            fs::write(&config, text).map_err(FleetError::file(&config))?;
            for address in listen {
                let index = self.nodes.len();
                self.nodes.push(FleetNode {
                    index,
                    name: name(index),
                    address: *address,
                    host_keys: host_keys.clone(),
                    process,
                });
            }
            self.processes.push(Process {
                config,
                log: path("log"),
                addresses: listen.to_vec(),
                pid: AtomicI32::new(0),
            });
        }
        Ok(())
    }

    /// All nodes, in order of their index.
    #[must_use]
    pub fn nodes(&self) -> &[FleetNode] {
        &self.nodes
    }

    /// One node.
    ///
    /// # Errors
    /// [`FleetError::NoSuchNode`].
    pub fn node(&self, index: usize) -> Result<&FleetNode, FleetError> {
        self.nodes.get(index).ok_or(FleetError::NoSuchNode(index))
    }

    /// Login name that the client files use.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The user keys that every node accepts, in the order in which they were asked for; never empty.
    #[must_use]
    pub fn user_keys(&self) -> &[KeyFile] {
        &self.user_keys
    }

    /// The first user key.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "start always makes at least one key")]
    #[expect(clippy::expect_used, reason = "start always makes at least one key")]
    pub fn user_key(&self) -> &KeyFile {
        self.user_keys.first().expect("a fleet has a user key")
    }

    /// An ssh_config(5) in which every node has its name; it names the key and the known_hosts file.
    #[must_use]
    pub fn ssh_config(&self) -> &Path {
        &self.ssh_config
    }

    /// A known_hosts file with the host keys of all nodes, as `[address]:port`.
    #[must_use]
    pub fn known_hosts(&self) -> &Path {
        &self.known_hosts
    }

    /// A file with one node name a line.
    #[must_use]
    pub fn hosts_file(&self) -> &Path {
        &self.hosts_file
    }

    /// An inventory in YAML with every node and the group `fleet`.
    #[must_use]
    pub fn inventory(&self) -> &Path {
        &self.inventory
    }

    /// A directory of mode 0711 that goes with the fleet, for what a test wants to put there.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Text that stands, as the value of `PABAWI_FLEET`, in the environment of every command that the nodes
    /// run, unless the command cleaned its environment (sudo does). Letters and digits.
    ///
    /// Where each node has its own `sshd`, `PABAWI_NODE` is the node's name, so that a command can tell where
    /// it runs.
    #[must_use]
    pub fn marker(&self) -> &str {
        &self.marker
    }

    /// The commands, shells and their children that nodes of this fleet run now, found by the marker. Looks on
    /// the machine, so it also sees what has outlived its connection.
    #[must_use]
    pub fn commands(&self) -> Vec<ProcessInfo> {
        process::with_marker(&format!("{MARKER_VARIABLE}={}", self.marker))
    }

    /// What the node's `sshd` has logged so far (shared by the nodes of one process).
    ///
    /// # Errors
    /// [`FleetError::File`] when the log cannot be read.
    pub fn log(&self, node: usize) -> Result<String, FleetError> {
        let log = &self.process_of(node)?.log;
        fs::read_to_string(log).map_err(FleetError::file(log))
    }

    /// Number of TCP connections that the node has accepted and not closed.
    ///
    /// # Errors
    /// [`FleetError::NoSuchNode`].
    pub fn open_connections(&self, node: usize) -> Result<usize, FleetError> {
        Ok(process::connection_inodes(self.node(node)?.address).len())
    }

    /// Number of listeners that run.
    pub(super) fn listeners(&self) -> usize {
        self.processes.iter().filter(|process| process.pid.load(Ordering::SeqCst) != 0).count()
    }

    pub(super) fn guard(&self) -> &Guard {
        &self.guard
    }

    pub(super) fn process_of(&self, node: usize) -> Result<&Process, FleetError> {
        self.processes.get(self.node(node)?.process).ok_or(FleetError::NoSuchNode(node))
    }

    pub(super) fn launch(&self, index: usize) -> Result<(), FleetError> {
        let process = self.processes.get(index).ok_or(FleetError::NoSuchNode(index))?;
        let sshd = self.sshd.path().display().to_string();
        let config = process.config.display().to_string();
        let pid = self.guard.spawn(&process.log, &[&sshd, "-D", "-e", "-f", &config])?;
        process.pid.store(pid, Ordering::SeqCst);
        Ok(())
    }

    /// Waits until every started process listens, by looking at the kernel's table: a probe by connecting would
    /// cost a login attempt for each node, and newer servers punish those.
    pub(super) fn wait_for_all(&self) -> Result<(), FleetError> {
        let mut waiting: Option<&Process> = None;
        let mut dead = false;
        let all_listen = wait::until("sshd to listen", START_LIMIT, || {
            let listening = process::listening();
            let started = || self.processes.iter().filter(|process| process.pid.load(Ordering::SeqCst) != 0);
            waiting = started()
                .find(|process| !process.addresses.iter().all(|address| listening.contains(address)));
            dead = waiting.is_some_and(|process| {
                ProcessInfo::read(process.pid.load(Ordering::SeqCst)).is_none_or(|found| found.is_zombie())
            });
            waiting.is_none() || dead
        });
        let Some(process) = waiting else { return Ok(()) };
        let reason = match all_listen {
            Err(timeout) => timeout.to_string(),
            Ok(()) => "it has ended".to_owned(),
        };
        let node = self.nodes.iter().find(|node| process.addresses.first() == Some(&node.address));
        let log = fs::read_to_string(&process.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        Err(FleetError::NotListening {
            node: node.map(|node| node.name.clone()).unwrap_or_default(),
            reason,
            log: lines.get(lines.len().saturating_sub(LOG_TAIL)..).unwrap_or_default().join("\n"),
        })
    }
}

fn make_user_keys(builder: &FleetBuilder, keys: &Path) -> Result<Vec<KeyFile>, FleetError> {
    let default = [(KeyType::Ed25519, None)];
    let wanted = if builder.user_keys.is_empty() { &default[..] } else { &builder.user_keys };
    let make = |(number, (kind, passphrase)): (usize, &(KeyType, Option<String>))| {
        let path = keys.join(format!("user-{number}-{}", kind.name()));
        KeyFile::generate(*kind, &path, passphrase.as_deref())
    };
    wanted.iter().enumerate().map(make).collect()
}

fn make_host_keys(builder: &FleetBuilder, keys: &Path, process: usize) -> Result<Vec<KeyFile>, FleetError> {
    let wanted = if builder.host_keys.is_empty() { &[KeyType::Ed25519] } else { &builder.host_keys[..] };
    wanted
        .iter()
        .map(|kind| KeyFile::generate(*kind, &keys.join(format!("host-{process}-{}", kind.name())), None))
        .collect()
}

/// The random end of the temporary directory's name: unique on this machine while the fleet lives.
fn marker(directory: &Path) -> String {
    let name = directory.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name.rsplit('-').next().unwrap_or_default().to_owned()
}

fn current_user() -> Result<String, FleetError> {
    let uid = rustix::process::geteuid().as_raw().to_string();
    let passwd = fs::read_to_string("/etc/passwd").map_err(FleetError::file("/etc/passwd"))?;
    passwd
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|fields| fields.get(2) == Some(&uid.as_str()))
        .and_then(|fields| fields.first().map(|name| (*name).to_owned()))
        .or_else(|| std::env::var("USER").ok())
        .ok_or_else(|| FleetError::Invalid(format!("user id {uid} has no name")))
}
