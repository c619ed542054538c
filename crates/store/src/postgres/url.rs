//! The URL of a database, and what of it may be shown.

use pabawi_domain::ports::StoreError;
use pabawi_domain::secret::Secret;
use sqlx::postgres::PgConnectOptions;

/// What the URL says. No error repeats it, since it may hold a password.
pub(crate) fn parse(url: &Secret) -> Result<PgConnectOptions, StoreError> {
    let refused = |why: &str| {
        Err(StoreError::Unavailable(format!(
            "the URL of the database {why}; it is written postgres://user:password@host:port/database"
        )))
    };
    let Ok(text) = std::str::from_utf8(url.expose()) else { return refused("is no text") };
    if !is_url(text) {
        return refused("does not begin with postgres://");
    }
    match text.parse::<PgConnectOptions>() {
        Ok(options) => Ok(options),
        Err(_) => refused("cannot be read"),
    }
}

/// Whether a text is meant as the URL of a PostgreSQL database.
pub(crate) fn is_url(text: &str) -> bool {
    ["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme))
}

/// Where that is, without a password.
pub(crate) fn shown(options: &PgConnectOptions) -> String {
    let (user, name) = (options.get_username(), options.get_database().unwrap_or(options.get_username()));
    match options.get_socket() {
        Some(socket) => format!("postgres://{user}@{}:{}/{name}", socket.display(), options.get_port()),
        None => format!("postgres://{user}@{}:{}/{name}", options.get_host(), options.get_port()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_password_and_a_bad_one_not_at_all() {
        let shown = |url: &str| parse(&Secret::new(url)).map(|options| super::shown(&options));
        assert_eq!(
            shown("postgres://ada:hunter2@db.example.com:5433/pabawi").unwrap(),
            "postgres://ada@db.example.com:5433/pabawi"
        );
        assert_eq!(
            shown("postgresql:///pabawi?host=/run/postgresql&user=ada&password=hunter2").unwrap(),
            "postgres://ada@/run/postgresql:5432/pabawi"
        );
        for bad in ["mysql://ada:hunter2@h/d", "postgres://ada:hunter2@h:port/d", "hunter2"] {
            let error = shown(bad).unwrap_err().to_string();
            assert!(!error.contains("hunter2") && error.contains("postgres://user:password@"), "{error}");
        }
    }
}
