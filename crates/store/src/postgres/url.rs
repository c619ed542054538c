//! The URL of a database, and what of it may be shown.

use pabawi_domain::ports::StoreError;
use pabawi_domain::secret::Secret;
use sqlx::postgres::PgConnectOptions;

/// Parameters of a URL, in the words of libpq ("Parameter Key Words").
const PARAMETERS: [&str; 12] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "user",
];
/// How a connection is encrypted. `allow`, a second attempt after the server has refused, is not made.
const MODES: [&str; 5] = ["disable", "prefer", "require", "verify-ca", "verify-full"];

/// What the URL says. No error repeats it, since it may hold a password.
pub(crate) fn parse(url: &Secret) -> Result<PgConnectOptions, StoreError> {
    let text = std::str::from_utf8(url.expose()).unwrap_or_default();
    read(text).map_err(|why| StoreError::Unavailable(format!("the URL of the database {why}")))
}

/// What a URL says.
///
/// # Errors
/// Why it says nothing, as the end of a sentence. No part of it is repeated: what is misplaced may be part of a password.
pub(crate) fn read(text: &str) -> Result<PgConnectOptions, String> {
    let form = "it is written postgres://user@host:port/database";
    if !is_url(text) {
        return Err(format!("does not begin with postgres://; {form}"));
    }
    let rest = text.split_once("://").map_or("", |(_, rest)| rest);
    let before = rest.split_once('?').map_or(rest, |(before, _)| before);
    // What follows would be part of a password that is cut short, and be shown as something else.
    if rest.contains('#') || before.get(authority(rest).len()..).is_some_and(|path| path.contains('@')) {
        return Err("has a # or, in a name or password, a / that is not written %23 and %2F".to_owned());
    }
    for (key, value) in parameters(text) {
        if !PARAMETERS.contains(&key) {
            let known = PARAMETERS.join(", ");
            return Err(format!(
                "has a parameter that is not known, or a ? that is not written %3F; known are {known}"
            ));
        }
        if key == "sslmode" && !MODES.contains(&value) {
            return Err(format!("has a sslmode that is not known; known are {}", MODES.join(", ")));
        }
    }
    text.parse().map_err(|_| {
        format!(
            "cannot be read; {form}, with : / ? # @ % and spaces in a name or password as %3A, %2F and so on"
        )
    })
}

/// The parameters behind the `?`, as they are written.
pub(crate) fn parameters(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let query = text.split_once('?').map_or("", |(_, query)| query);
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// Whether a text is meant as the URL of a PostgreSQL database.
pub fn is_url(text: &str) -> bool {
    ["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme))
}

/// The password that a URL holds, if it holds one.
pub(crate) fn password(url: &Secret) -> Option<String> {
    written_password(std::str::from_utf8(url.expose()).ok()?).map(decoded)
}

fn written_password(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("://")?;
    let of_query = parameters(text).find_map(|(key, value)| (key == "password").then_some(value));
    let of_user = authority(rest).rsplit_once('@').and_then(|(user, _)| Some(user.split_once(':')?.1));
    of_query.or(of_user).filter(|password| !password.is_empty())
}

/// What stands behind `://`, up to the name of the database.
fn authority(rest: &str) -> &str {
    rest.split(['/', '?']).next().unwrap_or(rest)
}

/// Text of a URL with its `%41` put back (RFC 3986, section 2.1). A `%` that begins nothing stays.
pub(crate) fn decoded(text: &str) -> String {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let digit = |at: usize| after.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        rest = match (byte, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                plain.push(u8::try_from(high * 16 + low).unwrap_or_default());
                after.get(2..).unwrap_or_default()
            }
            _ => {
                plain.push(*byte);
                after
            }
        };
    }
    String::from_utf8_lossy(&plain).into_owned()
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
            ("postgres://ada:100%@h/d", Some("100%")),
            ("postgres://ada:@h/d", None),
            ("postgres://ada@h/d?sslmode=disable&password=x%20y", Some("x y")),
            ("postgres://ada@h:5432/d", None),
            ("postgres://h/d", None),
        ] {
            assert_eq!(password(&Secret::new(url)).as_deref(), secret, "{url}");
        }
        for bad in ["mysql://ada:hunter2@h/d", "postgres://ada:hunter2@h:port/d", "hunter2"] {
            let error = shown(bad).unwrap_err().to_string();
            assert!(!error.contains("hunter2") && error.contains("postgres://user@host"), "{error}");
        }
        for (bad, part) in [
            ("postgres://ada@h/d?passwort=hunter2", "parameter that is not known"),
            ("postgres://ada:hun?ter2=x@h/d", "parameter that is not known"),
            ("postgres://ada:hunter2@h/d?sslmode=hunter2", "known are disable, prefer, require"),
            ("postgres://ada:hunter2@h:port/d", "cannot be read"),
            ("postgres://ada@h/d?port=hunter2", "cannot be read"),
            ("postgres://ada:12/hunter2@h/d", "%2F"),
            ("postgres://ada:12#hunter2@h/d", "%23"),
        ] {
            let error = read(bad).unwrap_err();
            assert!(!error.contains("ter2") && error.contains(part), "{error}");
        }
    }
}
