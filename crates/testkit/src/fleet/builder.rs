//! What a fleet shall be, before it is started. Main type: [`FleetBuilder`]. It starts nothing itself.

use super::error::FleetError;
use super::keys::KeyType;
use super::running::Fleet;

/// Most addresses that one `sshd` listens on (`MAX_LISTEN_SOCKS` in OpenSSH's sshd.c).
pub(super) const MAX_NODES_PER_PROCESS: usize = 16;

/// Up to this many nodes every node gets an `sshd` of its own.
const OWN_PROCESS_UP_TO: usize = 32;

/// Most nodes of one fleet: what fits the address scheme with room to spare.
const MAX_NODES: usize = 10_000;

/// Settings of a fleet; the defaults are one node, key login as the current user, stock limits apart from
/// `MaxStartups`.
#[derive(Debug, Clone)]
pub struct FleetBuilder {
    pub(super) nodes: usize,
    pub(super) name_prefix: String,
    pub(super) nodes_per_process: Option<usize>,
    pub(super) user: Option<String>,
    pub(super) user_keys: Vec<(KeyType, Option<String>)>,
    pub(super) host_keys: Vec<KeyType>,
    pub(super) shared_host_key: bool,
    pub(super) settings: Vec<String>,
    pub(super) node_settings: Vec<(usize, String)>,
    pub(super) extra: Vec<String>,
    pub(super) max_sessions: Option<u32>,
    pub(super) max_startups: String,
    pub(super) log_level: String,
    pub(super) password_login: bool,
    pub(super) keyboard_interactive: bool,
    pub(super) penalties: bool,
}

impl Default for FleetBuilder {
    fn default() -> Self {
        Self {
            nodes: 1,
            name_prefix: "web".to_owned(),
            nodes_per_process: None,
            user: None,
            user_keys: Vec::new(),
            host_keys: Vec::new(),
            shared_host_key: false,
            settings: Vec::new(),
            node_settings: Vec::new(),
            extra: Vec::new(),
            max_sessions: None,
            max_startups: "1000:30:1000".to_owned(),
            log_level: "INFO".to_owned(),
            password_login: false,
            keyboard_interactive: false,
            penalties: false,
        }
    }
}

impl FleetBuilder {
    /// Number of nodes; each has an address of its own.
    #[must_use]
    pub fn nodes(mut self, nodes: usize) -> Self {
        self.nodes = nodes;
        self
    }

    /// What node names begin with; a zero-padded number follows (`web01`). Default `web`.
    #[must_use]
    pub fn name_prefix(mut self, prefix: &str) -> Self {
        prefix.clone_into(&mut self.name_prefix);
        self
    }

    /// How many nodes share one `sshd`, at most 16. Default: 1 up to 32 nodes, 16 above.
    #[must_use]
    pub fn nodes_per_process(mut self, nodes: usize) -> Self {
        self.nodes_per_process = Some(nodes);
        self
    }

    /// Login name written into the fleet's client files; default the current user. Every existing user can
    /// log in with the fleet's key when the tests run as root.
    #[must_use]
    pub fn user(mut self, user: &str) -> Self {
        self.user = Some(user.to_owned());
        self
    }

    /// Adds a user key without passphrase; the first key added is the default one. Without any, one ed25519
    /// key is made.
    #[must_use]
    pub fn user_key(mut self, kind: KeyType) -> Self {
        self.user_keys.push((kind, None));
        self
    }

    /// Adds a user key that is encrypted with `passphrase`.
    #[must_use]
    pub fn user_key_with_passphrase(mut self, kind: KeyType, passphrase: &str) -> Self {
        self.user_keys.push((kind, Some(passphrase.to_owned())));
        self
    }

    /// Adds a kind of host key that every node has. Without any: ed25519 alone.
    #[must_use]
    pub fn host_key(mut self, kind: KeyType) -> Self {
        self.host_keys.push(kind);
        self
    }

    /// One host key for all nodes instead of one per process; quicker for big fleets.
    #[must_use]
    pub fn shared_host_key(mut self) -> Self {
        self.shared_host_key = true;
        self
    }

    /// An sshd_config(5) line for all nodes that goes before ours, so it wins (the first value counts).
    #[must_use]
    pub fn setting(mut self, line: &str) -> Self {
        self.settings.push(line.to_owned());
        self
    }

    /// Like [`FleetBuilder::setting`] for one node; it needs one process per node.
    #[must_use]
    pub fn node_setting(mut self, node: usize, line: &str) -> Self {
        self.node_settings.push((node, line.to_owned()));
        self
    }

    /// Lines appended to the end of every sshd_config, the place for `Match` blocks.
    #[must_use]
    pub fn extra(mut self, lines: &str) -> Self {
        self.extra.push(lines.to_owned());
        self
    }

    /// `MaxSessions`: channels at once on one connection; stock is 10, and 0 refuses every channel.
    #[must_use]
    pub fn max_sessions(mut self, sessions: u32) -> Self {
        self.max_sessions = Some(sessions);
        self
    }

    /// `MaxStartups`, for example `10:30:100` (stock): unauthenticated connections at once. The default here
    /// never drops one, so that only tests that want it meet it.
    #[must_use]
    pub fn max_startups(mut self, value: &str) -> Self {
        value.clone_into(&mut self.max_startups);
        self
    }

    /// `LogLevel`; default `INFO`. At `VERBOSE` and above, key fingerprints and refused keys are logged.
    #[must_use]
    pub fn log_level(mut self, level: &str) -> Self {
        level.clone_into(&mut self.log_level);
        self
    }

    /// Allows the method `password`, through PAM; log in as [`Fleet::password_user`]. Needs root.
    #[must_use]
    pub fn password_login(mut self) -> Self {
        self.password_login = true;
        self
    }

    /// Allows the method `keyboard-interactive`, through PAM. Needs root.
    #[must_use]
    pub fn keyboard_interactive(mut self) -> Self {
        self.keyboard_interactive = true;
        self
    }

    /// Leaves `PerSourcePenalties` (OpenSSH 9.8 and later) on; by default they are off, because all nodes see
    /// one client address and would punish one test for another.
    #[must_use]
    pub fn per_source_penalties(mut self) -> Self {
        self.penalties = true;
        self
    }

    /// Starts the fleet and returns when every node listens.
    ///
    /// # Errors
    /// [`FleetError::Missing`] says what to install; [`FleetError::NotListening`] has the `sshd`'s log. Nothing
    /// is left running after an error.
    pub fn start(self) -> Result<Fleet, FleetError> {
        self.check()?;
        Fleet::start(self)
    }

    /// Nodes that share one process.
    pub(super) fn share(&self) -> usize {
        self.nodes_per_process.unwrap_or(if self.nodes <= OWN_PROCESS_UP_TO {
            1
        } else {
            MAX_NODES_PER_PROCESS
        })
    }

    fn check(&self) -> Result<(), FleetError> {
        let wrong = |message: String| Err(FleetError::Invalid(message));
        if self.nodes == 0 || self.nodes > MAX_NODES {
            return wrong(format!("nodes is {}, not 1 to {MAX_NODES}", self.nodes));
        }
        if self.share() == 0 || self.share() > MAX_NODES_PER_PROCESS {
            return wrong(format!("nodes_per_process is {}, not 1 to {MAX_NODES_PER_PROCESS}", self.share()));
        }
        if !self.node_settings.is_empty() && self.share() != 1 {
            return wrong("node_setting needs nodes_per_process(1)".to_owned());
        }
        if let Some((node, _)) = self.node_settings.iter().find(|(node, _)| *node >= self.nodes) {
            return Err(FleetError::NoSuchNode(*node));
        }
        if (self.password_login || self.keyboard_interactive) && !rustix::process::geteuid().is_root() {
            return Err(FleetError::NeedsRoot("password login"));
        }
        Ok(())
    }
}
