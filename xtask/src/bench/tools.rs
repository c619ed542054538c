//! The tools that run one command on many nodes, and how each is called. Main type: [`Tool`].
//!
//! All of them get the same ssh_config, the same nodes and the same number of nodes at once; what they print is
//! thrown away.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Result;
use pabawi_testkit::fleet::Fleet;

use crate::{packages, shell};

/// What a run needs to know.
pub(super) struct Task<'a> {
    pub(super) fleet: &'a Fleet,
    pub(super) concurrency: usize,
    /// A directory for the tool's own files.
    pub(super) directory: &'a Path,
    pub(super) command: &'a str,
}

/// One tool.
pub(super) struct Tool {
    pub(super) name: &'static str,
    /// The program that has to be there.
    program: PathBuf,
    call: Call,
}

/// How a program is called for a task.
type Call = fn(&Path, &Task<'_>) -> Command;

impl Tool {
    /// `pab` from this place.
    pub(super) fn pab(program: PathBuf) -> Self {
        Self { name: "pab", program, call: pab }
    }

    /// A call of the tool whose output goes nowhere.
    pub(super) fn command(&self, task: &Task<'_>) -> Command {
        let mut command = (self.call)(&self.program, task);
        command.env("HOME", task.directory).current_dir(task.directory);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

/// `pab` as it is released, and every other tool that is installed.
pub(super) fn all(peers: bool) -> Result<Vec<Tool>> {
    if peers {
        packages::install(packages::Purpose::Peers)?;
    }
    let mut tools = vec![Tool::pab(release_pab()?)];
    let others: [(&'static str, &str, Call); 4] = [
        ("xargs -P ssh", "xargs", xargs),
        ("clush", "clush", clush),
        ("pssh", "parallel-ssh", pssh),
        ("ansible -m raw", "ansible", ansible),
    ];
    for (name, program, call) in others {
        match packages::find_program(program) {
            Some(program) => tools.push(Tool { name, program, call }),
            None => println!("{program} is not installed and left out (--peers installs it)"),
        }
    }
    Ok(tools)
}

/// Builds `pab` with optimisation and returns where it is.
pub(super) fn release_pab() -> Result<PathBuf> {
    shell::built("pab", &["build", "--release", "--locked", "-p", "pabawi-cli", "--bin", "pab"])
}

fn pab(program: &Path, task: &Task<'_>) -> Command {
    let mut command = Command::new(program);
    command.args(["run", task.command, "--ssh-config"]).arg(task.fleet.ssh_config());
    command.arg("--hosts-file").arg(task.fleet.hosts_file());
    command.args(["--concurrency", &task.concurrency.to_string(), "--format", "json"]);
    command.env("PABAWI_DB", task.directory.join("pabawi.db"));
    command
}

fn xargs(program: &Path, task: &Task<'_>) -> Command {
    let mut command = Command::new("sh");
    // The shell only opens the list and becomes xargs.
    let line = r#"exec "$0" -P "$1" -I HOST ssh -F "$2" HOST "$3" < "$4""#;
    command.args(["-c", line]).arg(program).arg(task.concurrency.to_string());
    command.arg(task.fleet.ssh_config()).arg(task.command).arg(task.fleet.hosts_file());
    command
}

fn clush(program: &Path, task: &Task<'_>) -> Command {
    let mut command = Command::new(program);
    command.arg("--hostfile").arg(task.fleet.hosts_file());
    command.arg("-f").arg(task.concurrency.to_string());
    command.arg("-o").arg(format!("-F {}", task.fleet.ssh_config().display())).arg(task.command);
    command
}

fn pssh(program: &Path, task: &Task<'_>) -> Command {
    let mut command = Command::new(program);
    command.arg("-h").arg(task.fleet.hosts_file()).arg("-p").arg(task.concurrency.to_string());
    command.arg("-x").arg(format!("-F {}", task.fleet.ssh_config().display())).arg(task.command);
    command
}

fn ansible(program: &Path, task: &Task<'_>) -> Command {
    let mut command = Command::new(program);
    command.args(["all", "-m", "raw", "-a", task.command, "-i"]).arg(task.fleet.hosts_file());
    command.arg("-f").arg(task.concurrency.to_string());
    // Without persistent connections every node is a fresh login, as for the others.
    let arguments = format!("-F {} -o ControlMaster=no", task.fleet.ssh_config().display());
    command.env("ANSIBLE_SSH_ARGS", arguments).env("ANSIBLE_HOST_KEY_CHECKING", "True");
    command
}
