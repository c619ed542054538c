//! The sshd_config(5) of a fleet's processes, and what of it this machine's `sshd` understands.
//!
//! Main type: [`Sshd`], the installed server. It writes text; it starts nothing that stays.

use std::fmt::Write as _;
use std::net::SocketAddrV4;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use super::builder::FleetBuilder;
use super::error::FleetError;
use super::keys::KeyFile;

/// Name of the environment variable by which every command of a fleet can be told apart from others.
pub(super) const MARKER_VARIABLE: &str = "PABAWI_FLEET";

/// Name of the environment variable that tells a command the node's name, where a node has its own process.
const NODE_VARIABLE: &str = "PABAWI_NODE";

/// Directory that `sshd` wants when it runs as root; the package's service file makes it on a real machine.
const PRIVILEGE_SEPARATION_DIRECTORY: &str = "/run/sshd";

/// The installed OpenSSH server.
#[derive(Debug, Clone)]
pub(super) struct Sshd {
    path: PathBuf,
}

/// What differs between the processes of one fleet.
pub(super) struct ProcessConfig<'a> {
    pub(super) listen: &'a [SocketAddrV4],
    pub(super) host_keys: &'a [KeyFile],
    pub(super) authorized_keys: &'a Path,
    pub(super) pid_file: &'a Path,
    pub(super) marker: &'a str,
    /// The node's name, when the process serves only one.
    pub(super) node: Option<&'a str>,
    pub(super) own_settings: Vec<&'a str>,
    pub(super) penalties_known: bool,
}

impl Sshd {
    /// Finds `sshd` in the usual places and on `PATH`, and makes `/run/sshd` when root lacks it.
    pub(super) fn find() -> Result<Self, FleetError> {
        let usual = ["/usr/sbin/sshd", "/usr/local/sbin/sshd"].map(PathBuf::from);
        let on_path = env::var_os("PATH")
            .map(|path| env::split_paths(&path).map(|directory| directory.join("sshd")).collect::<Vec<_>>())
            .unwrap_or_default();
        // sshd executes itself anew for every connection and insists on an absolute path for that.
        let path =
            usual.into_iter().chain(on_path).find(|path| path.is_absolute() && path.is_file()).ok_or_else(
                || FleetError::Missing { program: "sshd".to_owned(), package: "openssh-server" },
            )?;
        if rustix::process::geteuid().is_root() && !Path::new(PRIVILEGE_SEPARATION_DIRECTORY).exists() {
            fs::create_dir_all(PRIVILEGE_SEPARATION_DIRECTORY)
                .and_then(|()| {
                    fs::set_permissions(PRIVILEGE_SEPARATION_DIRECTORY, fs::Permissions::from_mode(0o755))
                })
                .map_err(FleetError::file(PRIVILEGE_SEPARATION_DIRECTORY))?;
        }
        Ok(Self { path })
    }

    /// Absolute path of the server.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether this server knows `PerSourcePenalties`, which an older one refuses as a syntax error.
    pub(super) fn knows_penalties(&self, host_key: &Path) -> bool {
        Command::new(&self.path)
            .args(["-t", "-f", "/dev/null", "-o", "PerSourcePenalties=no", "-h"])
            .arg(host_key)
            .output()
            .is_ok_and(|output| output.status.success())
    }
}

/// The text of one process's sshd_config. The first value of a setting counts, so the caller's lines go first.
pub(super) fn text(builder: &FleetBuilder, process: &ProcessConfig<'_>) -> String {
    let mut text = String::new();
    let mut line = |words: &str| {
        text.push_str(words);
        text.push('\n');
    };
    for setting in process.own_settings.iter().copied().chain(builder.settings.iter().map(String::as_str)) {
        line(setting);
    }
    for address in process.listen {
        line(&format!("ListenAddress {address}"));
    }
    for key in process.host_keys {
        line(&format!("HostKey {}", key.path.display()));
    }
    line(&format!("AuthorizedKeysFile {}", process.authorized_keys.display()));
    line(&format!("PidFile {}", process.pid_file.display()));
    // Only the first SetEnv of a file counts, so all stand on one line.
    let node = process.node.map(|name| format!(" {NODE_VARIABLE}={name}")).unwrap_or_default();
    // SHLVL keeps bash(1) from reading this machine's ~/.bashrc, which it does for commands over SSH in a first
    // shell: what stands there (a version manager with a lock, say) would decide how the tests go.
    line(&format!("SetEnv SHLVL=1 {MARKER_VARIABLE}={}{node}", process.marker));
    line(&format!("MaxStartups {}", builder.max_startups));
    line(&format!("LogLevel {}", builder.log_level));
    line(&format!("PasswordAuthentication {}", yes(builder.password_login)));
    line(&format!("KbdInteractiveAuthentication {}", yes(builder.keyboard_interactive)));
    let pam = builder.password_login || builder.keyboard_interactive || root_is_locked();
    line(&format!("UsePAM {}", yes(pam)));
    if let Some(sessions) = builder.max_sessions {
        line(&format!("MaxSessions {sessions}"));
    }
    if process.penalties_known && !builder.penalties {
        line("PerSourcePenalties no");
    }
    for fixed in [
        "StrictModes no",
        "PermitRootLogin yes",
        "PrintMotd no",
        "PrintLastLog no",
        "UseDNS no",
        "X11Forwarding no",
        "PermitUserRC no",
        "Subsystem sftp internal-sftp",
    ] {
        line(fixed);
    }
    for extra in &builder.extra {
        let _ = writeln!(text, "{extra}");
    }
    text
}

fn yes(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

/// Without PAM, `sshd` refuses an account whose password field begins with `!`, which is how Ubuntu locks
/// root's password; with PAM it lets a key in.
fn root_is_locked() -> bool {
    fs::read_to_string("/etc/shadow")
        .is_ok_and(|shadow| shadow.lines().any(|line| line.starts_with("root:!")))
}
