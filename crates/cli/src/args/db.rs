//! [`DatabaseName`], which database is meant, and the options of `pab db`.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser as _, ValueParser};
use clap::{Subcommand, ValueHint};

use super::Format;

/// The path of a SQLite file, or the URL of a PostgreSQL database. It may hold a password, so it does not show itself.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseName(OsString);

impl DatabaseName {
    /// As it was given.
    pub fn as_os_str(&self) -> &OsStr {
        &self.0
    }

    /// Reads it without a look at it: what is wrong with it is told by who opens the database, who does not repeat it.
    pub(super) fn parser() -> ValueParser {
        OsStringValueParser::new().map(Self).into()
    }
}

impl fmt::Debug for DatabaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseName")
    }
}

/// `pab db`.
#[derive(Debug, Clone, Subcommand)]
pub enum DbCommand {
    /// Tell what is in it: which it is, its schema, its size, how many executions, results, outputs and journal entries
    Info {
        /// In which form results are written
        #[arg(short = 'f', long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
        format: Format,
    },
    /// Look whether it is sound
    ///
    /// Pages and indexes are looked at (of PostgreSQL, every row is read), references between rows, the content of outputs
    /// against their hashes, and the hashes of the journal. Others may use the database meanwhile. Exit status 1 says that
    /// something is wrong.
    Check {
        /// In which form results are written
        #[arg(short = 'f', long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
        format: Format,
    },
    /// Bring its schema up to date, as every other command does when it opens it
    Migrate {
        /// Show what would be done, and change nothing
        #[arg(long)]
        plan: bool,
        /// In which form results are written
        #[arg(short = 'f', long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
        format: Format,
    },
    /// Copy it as it is at one moment, while others use it
    ///
    /// A SQLite file becomes a SQLite file, with its large outputs in PATH.outputs. Of a PostgreSQL database, pg_dump, which
    /// has to be installed, writes the tables in its custom format, for pg_restore.
    Backup {
        /// The file to make, which must not be there; only its owner may read it
        #[arg(value_name = "PATH", value_hint = ValueHint::FilePath)]
        path: PathBuf,
        /// In which form results are written
        #[arg(short = 'f', long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
        format: Format,
    },
    /// Give room back that is no longer used
    Vacuum {
        /// In which form results are written
        #[arg(short = 'f', long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
        format: Format,
    },
}
