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

/// The password that a URL holds, if it holds one.
pub(crate) fn password(url: &Secret) -> Option<String> {
    let text = std::str::from_utf8(url.expose()).ok()?;
    let (_, rest) = text.split_once("://")?;
    let (before, query) = rest.split_once('?').unwrap_or((rest, ""));
    let of_query = query.split('&').find_map(|pair| pair.strip_prefix("password="));
    let authority = before.split_once('/').map_or(before, |(authority, _)| authority);
    let of_user = authority.rsplit_once('@').and_then(|(user, _)| Some(user.split_once(':')?.1));
    decoded(of_query.or(of_user)?)
}

/// Text of a URL with its `%41` put back (RFC 3986, section 2.1).
fn decoded(text: &str) -> Option<String> {
    let (mut bytes, mut plain) = (text.bytes(), Vec::with_capacity(text.len()));
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digit =
                |byte: Option<u8>| char::from(byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            let (high, low) = (digit(bytes.next())?, digit(bytes.next())?);
            plain.push(high * 16 + low);
        } else {
            plain.push(byte);
        }
    }
    String::from_utf8(plain).ok()
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
        for (url, secret) in [
            ("postgres://ada:a%40b%2F1@h/d", Some("a@b/1")),
            ("postgres://ada@h/d?sslmode=disable&password=x%20y", Some("x y")),
            ("postgres://ada@h:5432/d", None),
            ("postgres://h/d", None),
        ] {
            assert_eq!(password(&Secret::new(url)).as_deref(), secret, "{url}");
        }
        for bad in ["mysql://ada:hunter2@h/d", "postgres://ada:hunter2@h:port/d", "hunter2"] {
            let error = shown(bad).unwrap_err().to_string();
            assert!(!error.contains("hunter2") && error.contains("postgres://user:password@"), "{error}");
        }
    }
}
