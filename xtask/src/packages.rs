//! What has to be installed, and installing it with apt-get(8). Main function: [`install`].
//!
//! It looks before it acts, so it costs nothing when everything is there, and without the right to install it
//! says in one line what to type. It must not start services.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::shell;

/// What the packages are wanted for; each includes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Purpose {
    /// To compile: OpenSSL and SQLite are built from source.
    Build,
    /// To run a fleet.
    Fleet,
    /// To run every test.
    Tests,
    /// To compare with other tools.
    Peers,
}

/// How to see that something is there.
enum Sign {
    /// A program in one of the usual directories, also those that only root has on `PATH`.
    Program(&'static str),
    /// A command that succeeds.
    Works(&'static str, &'static [&'static str]),
}

/// One thing that is needed, and the Debian or Ubuntu package that has it.
struct Need {
    purpose: Purpose,
    sign: Sign,
    package: &'static str,
}

/// PuppetDB's program, which Debian's package starts with Java.
const PUPPETDB: &str = "/usr/share/puppetdb/puppetdb.jar";

/// Whether Node is one that the package is made for.
const IS_NODE_20: &str = "process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)";

/// Whether the compiler has its sanitizers.
const SANITIZERS: &str =
    "echo 'int main(void) { return 0; }' | cc -fsanitize=address,undefined -x c - -o /dev/null";

const NEEDS: &[Need] = &[
    need(Purpose::Build, Sign::Program("cc"), "gcc"),
    need(Purpose::Build, Sign::Works("sh", &["-c", "echo '#include <stdio.h>' | cc -E - "]), "libc6-dev"),
    need(Purpose::Build, Sign::Program("make"), "make"),
    // OpenSSL's Configure needs more of Perl than the essential perl-base.
    need(Purpose::Build, Sign::Works("perl", &["-MIPC::Cmd", "-MFindBin", "-MPod::Usage", "-e1"]), "perl"),
    need(Purpose::Fleet, Sign::Program("sshd"), "openssh-server"),
    need(Purpose::Fleet, Sign::Program("ssh"), "openssh-client"),
    need(Purpose::Tests, Sign::Program("sudo"), "sudo"),
    need(Purpose::Tests, Sign::Program("doas"), "doas"),
    need(Purpose::Tests, Sign::Program("useradd"), "passwd"),
    need(Purpose::Tests, Sign::Program("flock"), "util-linux"),
    need(Purpose::Tests, Sign::Program("git"), "git"),
    need(Purpose::Tests, Sign::Program("busybox"), "busybox"),
    need(Purpose::Tests, Sign::Works("/usr/bin/python3", &["-c", "import paramiko"]), "python3-paramiko"),
    need(Purpose::Tests, Sign::Works("/usr/bin/python3", &["-c", "import venv, ensurepip"]), "python3-venv"),
    need(Purpose::Tests, Sign::Program("openssl"), "openssl"),
    // Programs in C and C++ that use the library, built in the usual ways and looked at while they run.
    need(Purpose::Tests, Sign::Program("g++"), "g++"),
    need(Purpose::Tests, Sign::Works("sh", &["-c", SANITIZERS]), "gcc"),
    need(Purpose::Tests, Sign::Program("cmake"), "cmake"),
    need(Purpose::Tests, Sign::Program("pkg-config"), "pkg-config"),
    need(Purpose::Tests, Sign::Program("valgrind"), "valgrind"),
    // valgrind(1) needs the symbols of ld.so.
    need(Purpose::Tests, Sign::Works("valgrind", &["--quiet", "--error-exitcode=1", "true"]), "libc6-dbg"),
    // Pages are looked at in a browser.
    need(Purpose::Tests, Sign::Program("chromium"), "chromium"),
    need(Purpose::Tests, Sign::Works("node", &["-e", IS_NODE_20]), "nodejs"),
    need(Purpose::Tests, Sign::Works("npm", &["--version"]), "npm"),
    need(Purpose::Tests, Sign::Program("zsh"), "zsh"),
    need(Purpose::Tests, Sign::Program("fish"), "fish"),
    need(Purpose::Tests, Sign::Program("groff"), "groff-base"),
    need(Purpose::Tests, Sign::Works("sh", &["-c", "ls /usr/lib/postgresql/*/bin/initdb"]), "postgresql"),
    // PuppetDB's own choice would set up a database of the machine, which fails where no server runs.
    need(Purpose::Tests, Sign::Works("test", &["-f", PUPPETDB]), "dbconfig-no-thanks"),
    need(Purpose::Tests, Sign::Works("test", &["-f", PUPPETDB]), "puppetdb"),
    need(Purpose::Peers, Sign::Program("clush"), "clustershell"),
    need(Purpose::Peers, Sign::Program("parallel-ssh"), "pssh"),
];

const fn need(purpose: Purpose, sign: Sign, package: &'static str) -> Need {
    Need { purpose, sign, package }
}

/// Keeps a freshly installed server from being started (policy-rc.d is Debian's way, invoke-rc.d(8)), then
/// installs; package lists are only fetched when there are none or they are too old to install from.
const INSTALL: &str = r#"
set -e
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod 755 "$policy"
    trap 'rm -f "$policy"' EXIT
fi
ls /var/lib/apt/lists/*Packages* >/dev/null 2>&1 || apt-get -q update
apt-get -q -y --no-install-recommends install "$@" || {
    apt-get -q update
    apt-get -q -y --no-install-recommends install "$@"
}
"#;

/// Installs what is missing for the purpose.
pub(crate) fn install(purpose: Purpose) -> Result<()> {
    let missing = missing(purpose);
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    if !Path::new("/usr/bin/apt-get").exists() {
        bail!("missing here, under their Debian names; please install: {list}");
    }
    let root = shell::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    let mut command = if root {
        Command::new("sh")
    } else if shell::succeeds(Command::new("sudo").args(["-n", "true"])) {
        let mut command = Command::new("sudo");
        command.args(["-n", "sh"]);
        command
    } else {
        bail!("run this first: sudo apt-get update && sudo apt-get install -y {list}");
    };
    println!("installing {list}");
    command.args(["-c", INSTALL, "install"]).args(&missing);
    let status = command.status()?;
    if !status.success() {
        bail!("apt-get could not install {list}: {status}");
    }
    let still = self::missing(purpose);
    if !still.is_empty() {
        bail!("installed {list}, and yet these do not work: {}", still.join(" "));
    }
    Ok(())
}

/// The packages that are missing, in the order of the table.
fn missing(purpose: Purpose) -> Vec<&'static str> {
    NEEDS
        .iter()
        .filter(|need| need.purpose <= purpose && !need.sign.is_there())
        .map(|need| need.package)
        .collect()
}

/// Where a program is: in one of the usual directories, or on `PATH`.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let usual = ["/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/local/bin", "/usr/local/sbin"];
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    usual
        .iter()
        .map(|directory| Path::new(directory).to_owned())
        .chain(std::env::split_paths(&on_path))
        .map(|directory| directory.join(name))
        .find(|path| path.is_file())
}

impl Sign {
    fn is_there(&self) -> bool {
        match self {
            Self::Program(name) => find_program(name).is_some(),
            Self::Works(program, arguments) => shell::succeeds(Command::new(program).args(*arguments)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_tell_what_is_there() {
        assert!(Sign::Program("sh").is_there());
        assert!(!Sign::Program("no-such-program-anywhere").is_there());
        assert!(Sign::Works("sh", &["-c", "true"]).is_there());
        assert!(!Sign::Works("sh", &["-c", "false"]).is_there());
        assert!(!Sign::Works("no-such-program-anywhere", &[]).is_there());
    }

    #[test]
    fn each_purpose_includes_the_smaller_ones() {
        assert!(Purpose::Build < Purpose::Fleet && Purpose::Fleet < Purpose::Tests);
    }
}
