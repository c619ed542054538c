//! Where a secret comes from that must not stand on the command line: [`Source`].

use serde_json::{Map, Value};

use crate::exit::Failure;
use crate::prompt::ask_secret;
use crate::request::{read_file, read_stdin};

/// Where a secret comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// The person at the terminal.
    Asked,
    /// A file.
    File(String),
    /// Standard input.
    Stdin,
    /// A variable of the environment.
    Variable(String),
}

impl Source {
    /// What was typed behind an option; nothing asks for it.
    ///
    /// # Errors
    /// The secret itself, which is not told again.
    pub(crate) fn of(option: &str, typed: &str) -> Result<Self, Failure> {
        match typed {
            "" => Ok(Self::Asked),
            "-" => Ok(Self::Stdin),
            _ => match (typed.strip_prefix('@'), typed.strip_prefix("env:")) {
                (Some(file), _) if !file.is_empty() => Ok(Self::File(file.to_owned())),
                (_, Some(name)) if !name.is_empty() => Ok(Self::Variable(name.to_owned())),
                _ => Err(Failure::usage(format!(
                    "{option}: a secret is not taken from the command line, where others can see it; give nothing to be \
                     asked for it, @FILE, - for standard input, or env:NAME for a variable"
                ))),
            },
        }
    }

    /// The secret as a text. The end of the line at its end is none of it.
    ///
    /// # Errors
    /// What cannot be read, and that there is no terminal.
    pub(crate) fn text(&self, option: &str) -> Result<String, Failure> {
        let bytes = match self {
            Self::Asked => {
                let secret = ask_secret(&format!("Value of {option}"))?;
                secret.expose().to_vec()
            }
            Self::File(path) => read_file(option, path.as_ref())?,
            Self::Stdin => read_stdin(option)?,
            Self::Variable(name) => {
                use std::os::unix::ffi::OsStringExt as _;
                let value = std::env::var_os(name);
                value
                    .ok_or_else(|| Failure::usage(format!("{option}: variable {name} is not set")))?
                    .into_vec()
            }
        };
        let text = String::from_utf8(bytes)
            .map_err(|_| Failure::usage(format!("{option}: is not UTF-8, which a parameter has to be")))?;
        let text = text.strip_suffix('\n').unwrap_or(&text);
        Ok(text.strip_suffix('\r').unwrap_or(text).to_owned())
    }
}

/// A secret parameter by its pointer: `/password`, `/login/password=@FILE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SecretParameter {
    /// JSON pointer (RFC 6901).
    pub(crate) pointer: String,
    /// Where it comes from.
    pub(crate) source: Source,
}

impl SecretParameter {
    /// The option.
    pub(crate) const OPTION: &str = "--secret-param";

    /// What was typed behind `--secret-param`.
    ///
    /// # Errors
    /// What is no pointer, and a secret on the command line.
    pub(crate) fn of(typed: &str) -> Result<Self, Failure> {
        let (pointer, source) = typed.split_once('=').unwrap_or((typed, ""));
        if !pointer.starts_with('/') || pointer.len() < 2 {
            let text =
                "must be a JSON pointer (RFC 6901) and where the value comes from, such as /password=@FILE";
            return Err(Failure::usage(format!("{}: {text}", Self::OPTION)));
        }
        let option = format!("{} {pointer}", Self::OPTION);
        Ok(Self { pointer: pointer.to_owned(), source: Source::of(&option, source)? })
    }

    /// All that were typed. Standard input can be only one of them.
    ///
    /// # Errors
    /// As for [`SecretParameter::of`].
    pub(crate) fn all(typed: &[String]) -> Result<Vec<Self>, Failure> {
        let all: Vec<Self> = typed.iter().map(|text| Self::of(text)).collect::<Result<_, _>>()?;
        if all.iter().filter(|one| one.source == Source::Stdin).count() > 1 {
            return Err(Failure::usage(format!("{}: standard input can be only one of them", Self::OPTION)));
        }
        Ok(all)
    }

    /// The value.
    ///
    /// # Errors
    /// As for [`Source::text`].
    pub(crate) fn value(&self) -> Result<Value, Failure> {
        Ok(self.source.text(&format!("{} {}", Self::OPTION, self.pointer))?.into())
    }
}

/// Puts a value where a pointer leads; objects on the way are made.
///
/// # Errors
/// Something on the way is no object.
pub(crate) fn put(map: &mut Map<String, Value>, pointer: &str, value: Value) -> Result<(), Failure> {
    let names: Vec<String> =
        pointer.split('/').skip(1).map(|name| name.replace("~1", "/").replace("~0", "~")).collect();
    let Some((last, way)) = names.split_last() else { return Ok(()) };
    let mut map = map;
    for name in way {
        let next = map.entry(name.clone()).or_insert_with(|| Value::Object(Map::new()));
        map = next.as_object_mut().ok_or_else(|| {
            Failure::usage(format!("{} {pointer}: {name:?} is no object", SecretParameter::OPTION))
        })?;
    }
    map.insert(last.clone(), value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_secret_on_the_command_line_is_refused_and_not_repeated() {
        let error = Source::of("--password", "hunter2").unwrap_err();
        assert!(error.message.contains("--password") && !error.message.contains("hunter2"), "{error}");
        assert_eq!(Source::of("--x", "").unwrap(), Source::Asked);
        assert_eq!(Source::of("--x", "-").unwrap(), Source::Stdin);
        assert_eq!(Source::of("--x", "@f").unwrap(), Source::File("f".into()));
        assert_eq!(Source::of("--x", "env:A").unwrap(), Source::Variable("A".into()));
        assert!(Source::of("--x", "@").is_err() && Source::of("--x", "env:").is_err());
        let error = SecretParameter::of("/a=hunter2").unwrap_err();
        assert!(
            error.message.contains("--secret-param /a:") && !error.message.contains("hunter2"),
            "{error}"
        );
        assert!(SecretParameter::of("a=@f").is_err() && SecretParameter::of("/").is_err());
        let twice = ["/a=-".to_owned(), "/b=-".to_owned()];
        assert!(SecretParameter::all(&twice).is_err());
    }

    #[test]
    fn secrets_are_read_without_the_end_of_their_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        std::fs::write(&file, "hunter2\r\n").unwrap();
        let source = Source::File(file.display().to_string());
        assert_eq!(source.text("--x").unwrap(), "hunter2");
        std::fs::write(&file, [0xff]).unwrap();
        assert!(source.text("--x").unwrap_err().message.contains("UTF-8"));
        let missing = Source::Variable("PABAWI_NO_SUCH".into()).text("--x").unwrap_err();
        assert!(missing.message.contains("PABAWI_NO_SUCH"), "{missing}");
    }

    #[test]
    fn a_pointer_leads_into_objects() {
        let mut map = Map::new();
        put(&mut map, "/login/pass~1word", "x".into()).unwrap();
        put(&mut map, "/n", 1.into()).unwrap();
        assert_eq!(Value::Object(map.clone()), json!({"login": {"pass/word": "x"}, "n": 1}));
        assert!(put(&mut map, "/n/m", "x".into()).is_err());
    }
}
