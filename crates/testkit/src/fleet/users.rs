//! Users to log in as, and what sudo(8) lets them do while a test runs.
//!
//! Main types: [`TestUser`] and [`SudoRules`]. The users are made once and stay (they cannot log in without
//! the key of a running fleet, or a random password that only root can read); rules go with their guard.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::error::FleetError;
use super::files::write_private;
use super::keys::run;
use super::running::Fleet;

/// Who logs in with a key and has no rights.
const UNPRIVILEGED: &str = "pabawi-test";
/// Who may log in with a password as well.
const WITH_PASSWORD: &str = "pabawi-pw";
/// Where the password and the lock between test processes are kept.
const STATE: &str = "/var/lib/pabawi-testkit";

/// A user of this machine that exists for tests.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TestUser {
    /// Login name.
    pub name: String,
    /// Home directory.
    pub home: PathBuf,
    /// Password, for the user that has one.
    pub password: Option<String>,
}

impl Fleet {
    /// The user `pabawi-test`: no password, no rights, shell `/bin/sh`; made when it is not there yet.
    ///
    /// # Errors
    /// [`FleetError::NeedsRoot`] when the tests do not run as root.
    pub fn unprivileged_user() -> Result<TestUser, FleetError> {
        let _lock = lock("make a test user")?;
        ensure_user(UNPRIVILEGED)?;
        Ok(TestUser { name: UNPRIVILEGED.to_owned(), home: home(UNPRIVILEGED), password: None })
    }

    /// The user `pabawi-pw`, who has a random password that stays the same on this machine; made when it is
    /// not there yet.
    ///
    /// # Errors
    /// [`FleetError::NeedsRoot`] when the tests do not run as root.
    pub fn password_user() -> Result<TestUser, FleetError> {
        let _lock = lock("make a test user")?;
        ensure_user(WITH_PASSWORD)?;
        let password = ensure_password()?;
        Ok(TestUser { name: WITH_PASSWORD.to_owned(), home: home(WITH_PASSWORD), password: Some(password) })
    }

    /// Installs sudoers(5) lines until the returned guard is dropped or the test ends in any other way.
    ///
    /// # Errors
    /// [`FleetError::NeedsRoot`]; [`FleetError::Missing`] without sudo; [`FleetError::Program`] when `visudo`
    /// refuses the lines.
    pub fn sudo_rules(&self, lines: &str) -> Result<SudoRules<'_>, FleetError> {
        need_root("install sudo rules")?;
        if !Path::new("/etc/sudoers.d").is_dir() {
            return Err(FleetError::Missing { program: "sudo".to_owned(), package: "sudo" });
        }
        // sudo ignores names with a dot, so a checked file only becomes active when it is renamed.
        let path = PathBuf::from(format!("/etc/sudoers.d/pabawi-{}", self.marker()));
        let draft = path.with_extension("draft");
        self.guard().wipe(&draft)?;
        write_private(&draft, &format!("{}\n", lines.trim_end()))?;
        let rules = SudoRules { fleet: self, path, draft };
        fs::set_permissions(&rules.draft, fs::Permissions::from_mode(0o440))
            .map_err(FleetError::file(&rules.draft))?;
        run(Command::new("visudo").arg("-cqf").arg(&rules.draft), "sudo")?;
        self.guard().wipe(&rules.path)?;
        fs::rename(&rules.draft, &rules.path).map_err(FleetError::file(&rules.path))?;
        Ok(rules)
    }
}

/// Rules in `/etc/sudoers.d`, removed when this is dropped.
#[derive(Debug)]
#[must_use = "the rules are removed when this is dropped"]
pub struct SudoRules<'fleet> {
    fleet: &'fleet Fleet,
    path: PathBuf,
    draft: PathBuf,
}

impl Drop for SudoRules<'_> {
    fn drop(&mut self) {
        for path in [&self.draft, &self.path] {
            let _ = fs::remove_file(path);
            let _ = self.fleet.guard().keep(path);
        }
    }
}

fn home(user: &str) -> PathBuf {
    Path::new("/home").join(user)
}

fn need_root(what: &'static str) -> Result<(), FleetError> {
    if rustix::process::geteuid().is_root() { Ok(()) } else { Err(FleetError::NeedsRoot(what)) }
}

/// Holds off other test processes that want the same; released when the file is closed.
fn lock(what: &'static str) -> Result<File, FleetError> {
    need_root(what)?;
    let path = Path::new(STATE).join("lock");
    fs::create_dir_all(STATE)
        .and_then(|()| fs::set_permissions(STATE, fs::Permissions::from_mode(0o700)))
        .and_then(|()| {
            let file = File::options().create(true).append(true).mode(0o600).open(&path)?;
            file.lock()?;
            Ok(file)
        })
        .map_err(FleetError::file(path))
}

fn ensure_user(name: &str) -> Result<(), FleetError> {
    let passwd = fs::read_to_string("/etc/passwd").map_err(FleetError::file("/etc/passwd"))?;
    if passwd.lines().any(|line| line.split(':').next() == Some(name)) {
        return Ok(());
    }
    // A password field of `*` matches nothing, yet is not "locked", which sshd would refuse without PAM.
    let mut command = Command::new("useradd");
    command.args(["--system", "--create-home", "--shell", "/bin/sh", "--password", "*", "--home-dir"]);
    command.arg(home(name)).arg(name);
    run(&mut command, "passwd").map(|_| ())
}

fn ensure_password() -> Result<String, FleetError> {
    let path = Path::new(STATE).join("password");
    if let Ok(password) = fs::read_to_string(&path) {
        return Ok(password);
    }
    let mut random = [0_u8; 16];
    File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut random))
        .map_err(FleetError::file("/dev/urandom"))?;
    let password: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    set_password(WITH_PASSWORD, &password)?;
    write_private(&path, &password)?;
    Ok(password)
}

fn set_password(user: &str, password: &str) -> Result<(), FleetError> {
    let failed = |message: String| FleetError::Program { program: "chpasswd".to_owned(), message };
    let mut child = Command::new("chpasswd")
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    if let Some(mut input) = child.stdin.take() {
        writeln!(input, "{user}:{password}").map_err(|error| failed(error.to_string()))?;
    }
    let output = child.wait_with_output().map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
}
