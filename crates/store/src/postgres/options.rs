//! What can be set about a store on PostgreSQL: [`PostgresOptions`].

use std::time::Duration;

use pabawi_domain::secret::Secret;

/// A store on PostgreSQL.
pub type PostgresStore = crate::Store;

/// How a store on PostgreSQL is opened.
///
/// The URL is that of libpq, `postgres://user:password@host:port/database?options=...`
/// (<https://www.postgresql.org/docs/current/libpq-connect.html>, "Connection URIs"). What it does not say comes from the
/// variables `PGHOST`, `PGUSER`, `PGPASSWORD` and so on, and a password from `~/.pgpass`. The tables are made in the first
/// schema of the search path. Poolers that give every transaction another session are not supported.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PostgresOptions {
    /// Where the database is. It may hold a password and is never shown.
    pub url: Secret,
    /// How long a write waits for another process's write, an opening for another's, and a question for a connection; 30 s.
    pub patience: Duration,
    /// Connections for questions; 8. Three more are used for writing.
    pub readers: u32,
    /// Outputs up to this size, in bytes, stand in a row; 1 MiB. Larger ones are cut into pieces.
    pub inline_output_bytes: usize,
    /// How long a process may be silent, while the server runs, until the others take it for dead and close its
    /// executions; 60 s, at least 1 s. It is heard of three times as often.
    pub lease: Duration,
}

impl PostgresOptions {
    /// The database of that URL and defaults for all the rest.
    pub fn new(url: &str) -> Self {
        Self {
            url: Secret::new(url),
            patience: Duration::from_secs(30),
            readers: 8,
            inline_output_bytes: 1024 * 1024,
            lease: Duration::from_secs(60),
        }
    }

    /// The same with another limit for waiting.
    #[must_use]
    pub fn patience(mut self, limit: Duration) -> Self {
        self.patience = limit;
        self
    }

    /// The same with another time of silence.
    #[must_use]
    pub fn lease(mut self, time: Duration) -> Self {
        self.lease = time.max(Duration::from_secs(1));
        self
    }
}
