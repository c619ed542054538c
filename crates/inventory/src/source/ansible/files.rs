//! [`files`]: which files an Ansible inventory consists of, and in which format each is.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::yaml::LIMITS;
use crate::source::SourceError;
use crate::source::file::{read_bytes, text_of};
use crate::source::yaml11::{self, Data, Document};

/// The most files of one inventory.
const MAX_FILES: usize = 10_000;
/// How deep directories may stand in each other.
const MAX_DEPTH: usize = 16;
/// Endings of files that are passed over in a directory (Ansible's `INVENTORY_IGNORE_EXTS`).
const IGNORED: [&str; 13] =
    [".pyc", ".pyo", ".swp", ".bak", "~", ".rpm", ".md", ".txt", ".rst", ".orig", ".ini", ".cfg", ".retry"];

/// What a file holds.
pub(super) enum Content {
    Ini(String),
    Yaml(Document),
    /// A program that prints the inventory.
    Script,
    /// Something that only Ansible can evaluate, and why.
    OnlyAnsible(String),
}

/// The files of an inventory in the order in which Ansible reads them.
///
/// # Errors
/// A directory that cannot be listed, or holds too much.
pub(super) fn files(path: &Path) -> Result<Vec<PathBuf>, SourceError> {
    let mut found = Vec::new();
    if path.is_dir() {
        walk(path, MAX_DEPTH, &mut found)?;
    } else {
        found.push(path.to_owned());
    }
    Ok(found)
}

fn walk(directory: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), SourceError> {
    let failed = |source| SourceError::Read { path: directory.to_owned(), source };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        names.push(entry.map_err(failed)?.file_name());
    }
    names.sort_unstable();
    for name in names {
        let text = name.to_string_lossy();
        let is_ignored = text.starts_with('.')
            || matches!(&*text, "host_vars" | "group_vars" | "vars_plugins")
            || IGNORED.iter().any(|ending| text.ends_with(ending));
        if is_ignored {
            continue;
        }
        let path = directory.join(&name);
        if path.is_dir() {
            if depth == 0 {
                return Err(failed(std::io::Error::other("directories stand too deep in each other")));
            }
            walk(&path, depth - 1, found)?;
        } else {
            if found.len() >= MAX_FILES {
                return Err(failed(std::io::Error::other(format!("holds more than {MAX_FILES} files"))));
            }
            found.push(path);
        }
    }
    Ok(())
}

/// Reads a file and tells its format, in the order in which Ansible tries its plugins: script, plugin configuration,
/// YAML, INI.
///
/// # Errors
/// It cannot be read, or is in no format.
pub(super) fn content(path: &Path) -> Result<Content, SourceError> {
    let bytes = read_bytes(path)?;
    let is_executable =
        std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o111 != 0);
    let is_program = bytes.starts_with(b"#!") || bytes.starts_with(b"\x7fELF");
    if is_program && is_executable {
        return Ok(Content::Script);
    }
    let invalid = |message: &str| SourceError::of_line(path, 1, message);
    if is_program {
        return Err(invalid("begins like a program, but is not executable; make it so with chmod +x"));
    }
    if bytes.starts_with(b"$ANSIBLE_VAULT;") {
        return Ok(Content::OnlyAnsible("is encrypted with Ansible Vault".to_owned()));
    }
    let ending = path.extension().map(|ending| ending.to_string_lossy().into_owned());
    let guess = match ending.as_deref() {
        Some("yml" | "yaml" | "json") => Guess::Yaml,
        Some("toml") => return Ok(Content::OnlyAnsible("is a TOML inventory".to_owned())),
        Some(_) => Guess::Ini,
        None => guess(&bytes),
    };
    if guess == Guess::Ini {
        return Ok(Content::Ini(ini_text(path, bytes)?));
    }
    let text = text_of(path, bytes)?;
    let read = yaml11::read(&text, LIMITS);
    match read {
        Ok(document) => match plugin(&document) {
            Some(plugin) => Ok(Content::OnlyAnsible(format!("configures the inventory plugin {plugin}"))),
            None if guess == Guess::Either && !matches!(document.root.data, Data::Map(_)) => {
                Ok(Content::Ini(text))
            }
            None => Ok(Content::Yaml(document)),
        },
        Err(_) if guess == Guess::Either => Ok(Content::Ini(text)),
        Err(problem) => {
            Err(SourceError::Invalid { name: path.display().to_string(), problems: vec![problem] })
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Guess {
    Yaml,
    Ini,
    Either,
}

/// Looks at the first line with content of a file whose name tells nothing. Reading a long INI file as YAML first, as
/// Ansible does, would only cost time.
fn guess(bytes: &[u8]) -> Guess {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let line = bytes
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii)
        .find(|line| !line.is_empty() && !line.starts_with(b"#") && !line.starts_with(b";"));
    match line {
        Some(line) if line == b"---" || line.starts_with(b"{") => Guess::Yaml,
        Some(line) if line.starts_with(b"[") || !line.contains(&b':') => Guess::Ini,
        _ => Guess::Either,
    }
}

/// The name of the plugin that a YAML file configures.
fn plugin(document: &Document) -> Option<String> {
    let Data::Map(entries) = &document.root.data else { return None };
    let (_, value) = entries.iter().find(|(key, _)| key.text == "plugin")?;
    match &value.data {
        Data::Scalar(serde_json::Value::String(name)) if !name.is_empty() => Some(name.clone()),
        _ => None,
    }
}

/// The text of an INI file. A comment may be in any encoding, as with Ansible.
fn ini_text(path: &Path, bytes: Vec<u8>) -> Result<String, SourceError> {
    if std::str::from_utf8(&bytes).is_ok() {
        return text_of(path, bytes);
    }
    let mut text = String::with_capacity(bytes.len());
    for (line, number) in bytes.split(|byte| *byte == b'\n').zip(1_u64..) {
        match std::str::from_utf8(line) {
            Ok(line) => text.push_str(line),
            Err(_)
                if line.trim_ascii_start().starts_with(b"#") || line.trim_ascii_start().starts_with(b";") => {
            }
            Err(_) => return Err(SourceError::of_line(path, number, "is not UTF-8")),
        }
        text.push('\n');
    }
    Ok(text)
}
