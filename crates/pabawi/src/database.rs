//! Looking after a database while no framework is open on it: [`Maintenance`] stands before the store and asks the authorizer.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pabawi_domain::ports::Authorizer;
use pabawi_domain::request::Caller;
use pabawi_domain::validation::ValidationError;
use pabawi_engine::{EngineLimits, may_without_engine};
use pabawi_store::{StoreOptions, maintain};

use crate::FrameworkError;

pub use pabawi_store::maintain::{
    Backup, Checked, DatabaseInfo, DatabaseKind, Migrated, Migration, Vacuumed,
};
pub use pabawi_store::postgres::is_url;

/// The name of the option.
const OPTION: &str = "database";

/// Whether a text can name a database: the path of a SQLite file, or the URL of a PostgreSQL database.
///
/// # Errors
/// [`ValidationError`] that says what is wrong and does not repeat the text, which may hold a password.
pub fn check_name(name: impl AsRef<OsStr>) -> Result<(), ValidationError> {
    named(name.as_ref()).map(drop)
}

/// Whether a name is a URL with a password in it.
pub fn has_password(name: impl AsRef<OsStr>) -> bool {
    named(name.as_ref()).is_ok_and(|options| options.has_password())
}

/// The database of that name, or the user's own: `$XDG_DATA_HOME/pabawi/executions.db`.
pub(crate) fn of(name: Option<OsString>) -> Result<StoreOptions, FrameworkError> {
    let name = match name {
        Some(name) => name,
        None => data_directory().ok_or(FrameworkError::NoDataDirectory)?.join("executions.db").into(),
    };
    Ok(named(&name)?)
}

fn named(name: &OsStr) -> Result<StoreOptions, ValidationError> {
    StoreOptions::named(name).map_err(|why| ValidationError::of(OPTION, why))
}

/// Where outputs in debug mode stand while they are received: beside the file, so that the store takes them over by a rename;
/// with a database elsewhere, where the user's data belongs, if that is known.
pub(crate) fn spill_directory(options: &StoreOptions) -> Option<PathBuf> {
    match options {
        StoreOptions::Sqlite(options) => {
            let mut beside = options.path.clone().into_os_string();
            beside.push(".spill");
            Some(beside.into())
        }
        _ => Some(data_directory()?.join("spill")),
    }
}

/// `$XDG_DATA_HOME/pabawi` (XDG Base Directory Specification: a relative path is ignored).
fn data_directory() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let data = absolute("XDG_DATA_HOME").or_else(|| Some(absolute("HOME")?.join(".local/share")))?;
    Some(data.join("pabawi"))
}

/// Looks after a database; made by [`FrameworkBuilder::maintenance`](crate::FrameworkBuilder::maintenance). Others may have it
/// open meanwhile. Each call needs the permission of its name: `database.info`, `database.check` and so on.
pub struct Maintenance {
    pub(crate) options: StoreOptions,
    pub(crate) authorizer: Option<Arc<dyn Authorizer>>,
    pub(crate) limits: EngineLimits,
}

impl Maintenance {
    /// Tells what is in it; changes nothing.
    ///
    /// # Errors
    /// [`FrameworkError`]; also when there is none.
    pub async fn info(&self, caller: &Caller) -> Result<DatabaseInfo, FrameworkError> {
        self.may(caller, "database.info").await?;
        Ok(maintain::info(&self.options).await?)
    }

    /// Looks whether it is sound: pages, references, outputs and the chains of the journal. Changes nothing.
    ///
    /// # Errors
    /// [`FrameworkError`]. That it is damaged is no error: the answer says it.
    pub async fn check(&self, caller: &Caller) -> Result<Checked, FrameworkError> {
        self.may(caller, "database.check").await?;
        Ok(maintain::check(&self.options).await?)
    }

    /// What [`Maintenance::migrate`] would do. Needs the same permission.
    ///
    /// # Errors
    /// [`FrameworkError`]; also for a database of a newer version.
    pub async fn pending(&self, caller: &Caller) -> Result<Migrated, FrameworkError> {
        self.may(caller, MIGRATE).await?;
        Ok(maintain::pending(&self.options).await?)
    }

    /// Brings the schema to this version's, as every opening does; makes a file that is missing.
    ///
    /// # Errors
    /// [`FrameworkError`]; also for a database of a newer version.
    pub async fn migrate(&self, caller: &Caller) -> Result<Migrated, FrameworkError> {
        self.may(caller, MIGRATE).await?;
        let done = maintain::migrate(&self.options).await?;
        tracing::info!(user = ?caller.user, from = ?done.from, to = done.to, "database brought up to date");
        Ok(done)
    }

    /// Copies it into a new file, as it is at one moment.
    ///
    /// # Errors
    /// [`FrameworkError`]; also when the file is there already.
    pub async fn backup(&self, caller: &Caller, path: &Path) -> Result<Backup, FrameworkError> {
        self.may(caller, "database.backup").await?;
        Ok(maintain::backup(&self.options, path).await?)
    }

    /// Gives room back that is no longer used.
    ///
    /// # Errors
    /// [`FrameworkError`].
    pub async fn vacuum(&self, caller: &Caller) -> Result<Vacuumed, FrameworkError> {
        self.may(caller, "database.vacuum").await?;
        Ok(maintain::vacuum(&self.options).await?)
    }

    async fn may(&self, caller: &Caller, capability: &str) -> Result<(), FrameworkError> {
        Ok(may_without_engine(self.authorizer.as_ref(), &self.limits, caller, capability).await?)
    }
}

/// Changing the schema.
const MIGRATE: &str = "database.migrate";
