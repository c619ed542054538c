//! The client's side of a fleet as files: ssh_config, known_hosts, list of hosts, inventory. They only describe nodes; the
//! formats are those of ssh_config(5) and sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT".

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::error::FleetError;
use super::running::Fleet;

impl Fleet {
    /// Text of an ssh_config(5) in which every node has its name.
    #[must_use]
    pub fn ssh_config_text(&self) -> String {
        let mut text = String::new();
        for node in self.nodes() {
            let _ = writeln!(
                text,
                "Host {}\n    HostName {}\n    Port {}",
                node.name,
                node.address.ip(),
                node.address.port()
            );
        }
        let _ = writeln!(
            text,
            "Host *\n    User {}\n    IdentityFile {}\n    IdentitiesOnly yes\n    UserKnownHostsFile {}",
            self.user(),
            self.user_key().path.display(),
            self.known_hosts().display()
        );
        text
    }

    /// Text of a known_hosts file with every host key of every node.
    #[must_use]
    pub fn known_hosts_text(&self) -> String {
        let mut text = String::new();
        for node in self.nodes() {
            for key in &node.host_keys {
                let _ = writeln!(text, "[{}]:{} {}", node.address.ip(), node.address.port(), key.public);
            }
        }
        text
    }

    /// Text with one node name a line, to be read together with [`Fleet::ssh_config`].
    #[must_use]
    pub fn hosts_text(&self) -> String {
        self.nodes().iter().map(|node| format!("{}\n", node.name)).collect()
    }

    /// Text with one `user@address:port` a line, which stands without an ssh_config.
    #[must_use]
    pub fn addresses_text(&self) -> String {
        self.nodes().iter().map(|node| format!("{}@{}\n", self.user(), node.address)).collect()
    }

    /// Text of an inventory in YAML with every node, how it is reached, and one group, `fleet`, with all of them.
    /// Host keys are no part of it: they are in [`Fleet::known_hosts`].
    #[must_use]
    pub fn inventory_text(&self) -> String {
        let mut text = "nodes:\n".to_owned();
        for node in self.nodes() {
            let _ = writeln!(
                text,
                "  - name: {}\n    host: {}\n    port: {}\n    user: {}\n    identity_files: [\"{}\"]",
                node.name,
                node.address.ip(),
                node.address.port(),
                self.user(),
                self.user_key().path.display()
            );
        }
        let names: Vec<&str> = self.nodes().iter().map(|node| node.name.as_str()).collect();
        let _ = writeln!(text, "groups:\n  fleet: [{}]", names.join(", "));
        text
    }

    /// Writes the files that the fleet's accessors name.
    pub(super) fn write_client_files(&self) -> Result<(), FleetError> {
        write_private(self.ssh_config(), &self.ssh_config_text())?;
        write_private(self.known_hosts(), &self.known_hosts_text())?;
        write_private(self.hosts_file(), &self.hosts_text())?;
        write_private(self.inventory(), &self.inventory_text())
    }
}

/// Writes a file that only its owner may read (mode 0600).
pub(crate) fn write_private(path: &Path, text: &str) -> Result<(), FleetError> {
    fs::write(path, text)
        .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o600)))
        .map_err(FleetError::file(path))
}
