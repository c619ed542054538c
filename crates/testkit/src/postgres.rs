//! A throwaway PostgreSQL server on a loopback address. Main type: [`Postgres`].
//!
//! It must never touch a cluster of the machine, and it is not safe for data: nothing is synchronised to disk, unless it is
//! there to be measured.

use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;

use crate::certificates::TestCa;
use crate::fleet::FleetError;
use crate::fleet::addresses::free_addresses;
use crate::process;
use crate::service::Service;

/// How long the server may take until it listens, and then until it answers. A server that has been stopped in the middle of
/// things repairs them first, which takes long on a machine that does much else; one that has ended is told at once.
const START_LIMIT: Duration = Duration::from_secs(300);
/// The Debian package that has it.
const PACKAGE: &str = "postgresql";
/// Where Debian keeps the programs of each major version.
const VERSIONS: &str = "/usr/lib/postgresql";
/// The superuser, and its password. It only opens a server that listens on loopback and ends with the test.
const USER: &str = "pabawi";
const PASSWORD: &str = "pabawi-test";

/// What makes a server quick whose data nobody needs after a crash.
const QUICK: [&str; 3] = ["fsync=off", "full_page_writes=off", "synchronous_commit=off"];

/// A PostgreSQL server of its own; it ends when this is dropped, and its data go.
#[derive(Debug)]
pub struct Postgres {
    service: Service,
    programs: PathBuf,
    address: SocketAddrV4,
    /// What starts it.
    command: Vec<String>,
}

/// What makes a server tell its log all that it is asked, with all parameters.
const TALKATIVE: [&str; 3] =
    ["log_statement=all", "log_parameter_max_length=-1", "log_parameter_max_length_on_error=-1"];

/// How a server is ended (postgres(1), "Notes").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Every session is broken off and its transaction rolled back.
    Fast,
    /// It stops at once, and repairs what it has left when it is started again.
    Immediate,
}

impl Postgres {
    /// Makes a cluster, starts it and returns when it takes connections; a matter of two or three seconds.
    ///
    /// # Errors
    /// [`FleetError::Missing`] says what to install; [`FleetError::NotReady`] has the server's log.
    pub fn start() -> Result<Self, FleetError> {
        Self::start_with(None, None, &QUICK)
    }

    /// The same, encrypted: with a certificate of that CA for its address. It takes plain connections too.
    ///
    /// # Errors
    /// As for [`Postgres::start`] and [`TestCa::issue`].
    pub fn start_with_tls(ca: &TestCa) -> Result<Self, FleetError> {
        Self::start_with(Some(ca), None, &QUICK)
    }

    /// As [`Postgres::start`] with every commit on the disk, as on a server that is in earnest: Debian's settings, to be
    /// measured.
    ///
    /// # Errors
    /// As for [`Postgres::start`].
    pub fn start_durable() -> Result<Self, FleetError> {
        Self::start_with(None, None, &[])
    }

    /// As [`Postgres::start_durable`], to be damaged: its pages have checksums, and what it writes ahead (WAL) goes to the new
    /// directory `wal` in files of 1 MiB.
    ///
    /// # Errors
    /// As for [`Postgres::start`], and when the directory is there already.
    pub fn start_fragile(wal: &Path) -> Result<Self, FleetError> {
        Self::start_with(None, Some(wal), &[])
    }

    /// As [`Postgres::start`] with every statement and all of its parameters in the server's log: see [`Postgres::log`].
    ///
    /// # Errors
    /// As for [`Postgres::start`].
    pub fn start_talkative() -> Result<Self, FleetError> {
        Self::start_with(None, None, &[QUICK, TALKATIVE].concat())
    }

    fn start_with(ca: Option<&TestCa>, wal: Option<&Path>, settings: &[&str]) -> Result<Self, FleetError> {
        let programs = programs()?;
        let [address] = free_addresses(1)?.try_into().map_err(|_| FleetError::NoAddresses { count: 1 })?;
        let service = Service::new("postgres", &["postgres"])?;
        let password = service.write("password", PASSWORD)?;
        let data = service.make_directory("data")?;
        let socket = service.make_directory("socket")?;
        let mut server = Self { service, programs, address, command: Vec::new() };
        let initdb = server.program("initdb");
        let (data, socket) = (data.display().to_string(), socket.display().to_string());
        let password = format!("--pwfile={}", password.display());
        let user = format!("--username={USER}");
        let options = ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"];
        let fragile = wal.map(|wal| server.fragile(wal)).transpose()?.unwrap_or_default();
        let fragile: Vec<&str> = fragile.iter().map(String::as_str).collect();
        let command = [&[&initdb, "-D", &data, &user, &password], &options[..], &fragile].concat();
        server.service.run(&command, PACKAGE)?;
        let listen = [
            format!("listen_addresses={}", address.ip()),
            format!("port={}", address.port()),
            format!("unix_socket_directories={socket}"),
        ];
        let mut command = vec![server.program("postgres"), "-D".to_owned(), data];
        let encryption = ca.map(|ca| server.certificate(ca)).transpose()?.unwrap_or_default();
        let settings = settings.iter().copied().chain(["max_connections=100"]);
        for setting in listen.iter().chain(&encryption).map(String::as_str).chain(settings) {
            command.extend(["-c".to_owned(), setting.to_owned()]);
        }
        server.command = command;
        server.start_again()?;
        Ok(server)
    }

    /// Options of initdb(1) for [`Postgres::start_fragile`].
    fn fragile(&self, wal: &Path) -> Result<Vec<String>, FleetError> {
        std::fs::create_dir(wal).map_err(FleetError::file(wal))?;
        self.give(wal)?;
        let wal = format!("--waldir={}", wal.display());
        Ok(vec!["--data-checksums".to_owned(), "--wal-segsize=1".to_owned(), wal])
    }

    /// Settings for a certificate of that CA.
    fn certificate(&self, ca: &TestCa) -> Result<Vec<String>, FleetError> {
        let files = ca.issue("postgres", &[*self.address.ip()])?;
        let mut settings = vec!["ssl=on".to_owned()];
        for (setting, path) in [("ssl_cert_file", files.certificate), ("ssl_key_file", files.key)] {
            let text = std::fs::read_to_string(&path).map_err(FleetError::file(&path))?;
            settings.push(format!("{setting}={}", self.service.write(setting, &text)?.display()));
        }
        Ok(settings)
    }

    /// Where the directory of its socket is.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.service.path("socket")
    }

    /// Where its data are.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.service.path("data")
    }

    /// Gives a directory to the server's user, who alone may enter it then.
    ///
    /// # Errors
    /// [`FleetError::File`] when that cannot be done.
    pub fn give(&self, directory: &Path) -> Result<(), FleetError> {
        self.service.give(directory, 0o700)
    }

    /// Ends the server; its data and its address stay.
    pub fn stop(&mut self, end: End) {
        self.service.stop(match end {
            End::Fast => Signal::INT,
            End::Immediate => Signal::QUIT,
        });
    }

    /// Starts it after [`Postgres::stop`] and returns when it takes connections.
    ///
    /// # Errors
    /// As for [`Postgres::start`].
    pub fn start_again(&mut self) -> Result<(), FleetError> {
        let address = self.address;
        let command: Vec<&str> = self.command.iter().map(String::as_str).collect();
        self.service.start(&command, START_LIMIT, || process::listening().contains(&address))?;
        // Immediate shutdown: no checkpoint, but shared memory is given back, which a kill would not do.
        self.service.quit_at_end()?;
        // It listens a moment before it is ready to answer.
        self.wait_until_ready()
    }

    fn wait_until_ready(&self) -> Result<(), FleetError> {
        let mut last = None;
        let ready = crate::wait::until("PostgreSQL to answer", START_LIMIT, || {
            match self.query("postgres", "SELECT 1") {
                Ok(_) => true,
                Err(error) => {
                    last = Some(error);
                    false
                }
            }
        });
        match (ready, last) {
            (Ok(()), _) => Ok(()),
            (Err(_), Some(error)) => Err(error),
            (Err(timeout), None) => Err(timeout.into()),
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddrV4 {
        self.address
    }

    /// The superuser's name.
    #[must_use]
    pub fn user(&self) -> &'static str {
        USER
    }

    /// The superuser's password.
    #[must_use]
    pub fn password(&self) -> &'static str {
        PASSWORD
    }

    /// Process id of the server.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.service.pid()
    }

    /// A connection URI (libpq, "Connection URIs") for a database, as the superuser.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{USER}:{PASSWORD}@{}/{database}", self.address)
    }

    /// The same through the server's Unix socket, which root and the server's own user may reach.
    #[must_use]
    pub fn socket_url(&self, database: &str) -> String {
        let socket = self.service.path("socket");
        let (socket, port) = (socket.display(), self.address.port());
        format!("postgresql:///{database}?host={socket}&port={port}&user={USER}&password={PASSWORD}")
    }

    /// Makes an empty database. The name is letters, digits and `_`.
    ///
    /// # Errors
    /// [`FleetError::Program`] with what the server says.
    pub fn create_database(&self, name: &str) -> Result<(), FleetError> {
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        {
            return Err(FleetError::Invalid(format!("{name:?} is no plain name of a database")));
        }
        self.query("postgres", &format!("CREATE DATABASE {name}")).map(|_| ())
    }

    /// Runs SQL with psql(1) as the superuser and returns the rows, one a line, columns apart by `|`.
    ///
    /// # Errors
    /// [`FleetError::Program`] with what the server says.
    pub fn query(&self, database: &str, sql: &str) -> Result<String, FleetError> {
        let options = ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"];
        let (psql, url) = (self.program("psql"), self.url(database));
        self.service.run(&[&[psql.as_str()], &options[..], &["--command", sql, &url]].concat(), PACKAGE)
    }

    /// All that is in a database, as pg_dump(1) writes it.
    ///
    /// # Errors
    /// [`FleetError::Program`] with what it says.
    pub fn dump(&self, database: &str) -> Result<String, FleetError> {
        let (pg_dump, url) = (self.program("pg_dump"), self.url(database));
        self.service.run(&[&pg_dump, "--data-only", "--no-sync", &url], PACKAGE)
    }

    /// What the server has logged so far.
    ///
    /// # Errors
    /// [`FleetError::File`] when it cannot be read.
    pub fn log(&self) -> Result<Vec<u8>, FleetError> {
        let path = self.service.path("log");
        std::fs::read(&path).map_err(FleetError::file(&path))
    }

    fn program(&self, name: &str) -> String {
        self.programs.join(name).display().to_string()
    }
}

/// The programs of the newest version that is installed.
fn programs() -> Result<PathBuf, FleetError> {
    let newest = std::fs::read_dir(VERSIONS)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path().join("bin")))
        })
        .filter(|(_, bin)| bin.join("initdb").is_file())
        .max();
    newest.map(|(_, bin)| bin).ok_or_else(|| FleetError::Missing {
        program: Path::new(VERSIONS).join("*/bin/initdb").display().to_string(),
        package: PACKAGE,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_runs_on_its_own_and_leaves_nothing() {
        let server = Postgres::start().expect("starts");
        server.create_database("one").expect("created");
        server.query("one", "CREATE TABLE t (n int); INSERT INTO t VALUES (1), (2)").expect("written");
        assert_eq!(server.query("one", "SELECT n, n + 1 FROM t ORDER BY n").expect("read"), "1|2\n2|3\n");
        let error = server.query("one", "SELECT nonsense").expect_err("no such column");
        assert!(error.to_string().contains("nonsense"), "{error}");
        assert!(server.create_database("a; DROP").is_err());
        let dump = server.dump("one").expect("dumped");
        assert!(dump.contains("COPY public.t (n) FROM stdin;\n1\n2\n"), "{dump}");
        let log = server.log().expect("read");
        assert!(String::from_utf8_lossy(&log).contains("nonsense"), "what fails is logged");
        let mut server = server;
        for end in [End::Fast, End::Immediate] {
            let before = server.pid();
            server.stop(end);
            assert!(server.query("one", "SELECT 1").is_err(), "nobody listens");
            server.start_again().expect("starts again");
            assert_ne!(server.pid(), before);
            assert_eq!(server.query("one", "SELECT count(*) FROM t").expect("read"), "2\n");
        }
        let (pid, data) = (server.pid(), server.service.path("data"));
        assert!(process::ProcessInfo::read(pid).is_some() && data.is_dir());
        drop(server);
        assert!(process::ProcessInfo::read(pid).is_none_or(|left| left.name != "postgres"));
        assert!(!data.exists());
    }
}
