//! What PostgreSQL reports, as an error that says what to do.

use pabawi_domain::ports::StoreError;
use sqlx::error::DatabaseError;

/// The error of a fault of the server; `text` says what was being done. Codes are those of
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
pub(crate) fn told(text: String, fault: &dyn DatabaseError) -> StoreError {
    let code = fault.code().unwrap_or_default();
    match code.as_ref() {
        "53100" => StoreError::Full(format!("{text}; free some space on the server's file system")),
        "25006" => StoreError::ReadOnly(format!(
            "{text}; the server is a standby or only reads; give the URL of the one that writes"
        )),
        "42501" => StoreError::ReadOnly(format!(
            "{text}; give the user of the URL the right to make and change tables in its schema"
        )),
        "55P03" => StoreError::Unavailable(format!(
            "{text}; another process has been writing for too long, try again"
        )),
        "57P01" | "57P02" | "57P03" => {
            StoreError::Unavailable(format!("{text}; the server is stopping or starting, try again"))
        }
        "53300" => StoreError::Unavailable(format!(
            "{text}; raise max_connections of the server, or run fewer processes on it"
        )),
        "28000" | "28P01" => StoreError::Unavailable(format!(
            "{text}; look at the user and the password of the URL, and at pg_hba.conf"
        )),
        "3D000" => StoreError::Unavailable(format!("{text}; make the database, or name another one")),
        // Damaged data, and damaged indexes.
        code if code.starts_with("XX001") || code.starts_with("XX002") => {
            StoreError::Corrupt(format!("{text}; restore the database from a backup"))
        }
        _ => StoreError::Unavailable(text),
    }
}
