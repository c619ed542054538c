//! What may be an argument of a tool: [`operand`] and [`path_below`]. Nothing of a request may be taken for an option, and
//! each refusal names the field.

use std::path::{Component, Path, PathBuf};

use pabawi_domain::validation::FieldError;

/// The longest operand, in bytes.
const LONGEST: usize = 4_096;

/// A text that a tool takes as an operand.
///
/// # Errors
/// Why it cannot be one, with its field.
pub fn operand<'a>(field: &str, text: &'a str) -> Result<&'a str, FieldError> {
    let fault = if text.is_empty() {
        "must not be empty"
    } else if text.len() > LONGEST {
        "must not be longer than 4096 bytes"
    } else if text.starts_with('-') {
        "must not start with '-', since the tool would take it for an option"
    } else if text.chars().any(char::is_control) {
        "must not contain control characters"
    } else {
        return Ok(text);
    };
    Err(FieldError { path: field.to_owned(), message: fault.to_owned() })
}

/// A word of a POSIX shell that means this text.
pub fn shell_word(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A relative path that stays below a directory.
///
/// # Errors
/// Why it is none, with its field.
pub fn path_below<'a>(field: &str, text: &'a str) -> Result<&'a Path, FieldError> {
    let path = Path::new(operand(field, text)?);
    let mut parts = path.components();
    if parts.all(|part| matches!(part, Component::Normal(_))) {
        return Ok(path);
    }
    let message = "must be a path below the project, without '..' and not absolute".to_owned();
    Err(FieldError { path: field.to_owned(), message })
}

/// The file that such a path leads to, links followed.
///
/// # Errors
/// It is not there, is no file, or a link leads out of the directory.
pub fn file_below(field: &str, directory: &Path, text: &str) -> Result<PathBuf, FieldError> {
    let path = path_below(field, text)?;
    let fault = |message: String| FieldError { path: field.to_owned(), message };
    let seen =
        |path: &Path| path.canonicalize().map_err(|error| fault(format!("{text:?} cannot be read: {error}")));
    let (directory, found) = (seen(directory)?, seen(&directory.join(path))?);
    if !found.starts_with(&directory) {
        return Err(fault(format!("{text:?} leads out of {}", directory.display())));
    }
    if !found.is_file() {
        return Err(fault(format!("{text:?} is no file")));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_an_option_is_refused_with_its_field() {
        assert_eq!(operand("action.name", "site.yml"), Ok("site.yml"));
        for (text, part) in [
            ("", "empty"),
            ("--connection=local", "start with '-'"),
            ("a\0b", "control"),
            ("a\nb", "control"),
            (&"x".repeat(4_097), "longer"),
        ] {
            let fault = operand("action.name", text).unwrap_err();
            assert!(fault.path == "action.name" && fault.message.contains(part), "{fault:?}");
        }
    }

    #[test]
    fn a_path_stays_below_its_directory() {
        let directory = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("x.yml"), "").unwrap();
        std::fs::create_dir(directory.path().join("sub")).unwrap();
        std::fs::write(directory.path().join("sub/y.yml"), "").unwrap();
        std::os::unix::fs::symlink(outside.path().join("x.yml"), directory.path().join("link.yml")).unwrap();
        let found = file_below("name", directory.path(), "sub/y.yml").unwrap();
        assert!(found.ends_with("sub/y.yml"));
        for (text, part) in [
            ("../x.yml", "below"),
            ("/etc/passwd", "below"),
            ("sub/../../x.yml", "below"),
            ("link.yml", "leads out"),
            ("sub", "no file"),
            ("missing.yml", "cannot be read"),
        ] {
            let fault = file_below("name", directory.path(), text).unwrap_err();
            assert!(fault.message.contains(part), "{text}: {fault:?}");
        }
    }
}
