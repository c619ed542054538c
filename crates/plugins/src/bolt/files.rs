//! What a run reads: [`RunFiles`]. Everything is written for this run alone and is gone after it.

use std::io;
use std::path::PathBuf;

use serde_json::Value;

use super::work::Work;
use crate::tool::private_files::{PrivateDirectory, PrivateRoot};

/// The files of a run.
#[derive(Debug)]
pub(super) struct RunFiles {
    /// Removed with it.
    _directory: PrivateDirectory,
    /// The names of the targets, one a line.
    pub(super) targets: PathBuf,
    /// An inventory with targets that the project's does not have, where there are some.
    pub(super) inventory: Option<PathBuf>,
    /// Parameters, where it takes some.
    pub(super) parameters: Option<PathBuf>,
    /// The command or the script, where it is one.
    pub(super) content: Option<PathBuf>,
}

impl RunFiles {
    /// Writes them; waits for the disk.
    ///
    /// # Errors
    /// They cannot be written.
    pub(super) fn write(
        root: &PrivateRoot,
        work: &Work,
        targets: &str,
        inventory: Option<&Value>,
    ) -> io::Result<Self> {
        let directory = root.directory()?;
        let targets = directory.write("targets", targets.as_bytes())?;
        let inventory =
            inventory.map(|inventory| directory.write("inventory.yaml", yaml(inventory).as_bytes()));
        let parameters = work.parameters().map(|parameters| {
            let text = serde_json::to_vec(parameters)?;
            directory.write("params.json", &text)
        });
        let content = match work {
            Work::Command(text) => Some(directory.write("command", text.as_bytes())),
            Work::Script(script) => Some(directory.write(&script.name, &script.content)),
            Work::Task(..) | Work::Plan(..) => None,
        };
        Ok(Self {
            targets,
            inventory: inventory.transpose()?,
            parameters: parameters.transpose()?,
            content: content.transpose()?,
            _directory: directory,
        })
    }
}

/// JSON that is YAML, too: characters that YAML does not take as they are (YAML 1.1, 5.1) are escaped. They can only be in
/// texts.
fn yaml(value: &Value) -> String {
    let text = value.to_string();
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                escaped.push_str(&format!("\\u{:04x}", u32::from(character)));
            }
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::os::unix::fs::MetadataExt as _;

    /// R9.5
    #[test]
    fn files_are_of_this_user_alone_and_go_with_the_run() {
        let place = tempfile::tempdir().unwrap();
        let root = PrivateRoot::open(place.path(), "bolt").unwrap();
        let parameters = json!({"token": "hunter2"}).as_object().unwrap().clone();
        let work = Work::Task("a".to_owned(), parameters);
        let files = RunFiles::write(&root, &work, "web1\n", Some(&json!({"targets": []}))).unwrap();
        let written = [&files.targets, files.inventory.as_ref().unwrap(), files.parameters.as_ref().unwrap()];
        for path in written {
            assert_eq!(std::fs::metadata(path).unwrap().mode() & 0o777, 0o600, "{}", path.display());
        }
        assert_eq!(std::fs::read_to_string(written[2]).unwrap(), "{\"token\":\"hunter2\"}");
        let directory = files.targets.parent().unwrap().to_owned();
        drop(files);
        assert!(!directory.exists());
    }

    #[test]
    fn json_is_written_so_that_it_is_yaml() {
        let value = json!({"a": "\u{7f}\u{85}\u{2028}\u{e4}\u{1f600}\0\""});
        let text = "{\"a\":\"\\u007f\\u0085\\u2028\u{e4}\u{1f600}\\u0000\\\"\"}";
        assert_eq!(yaml(&value), text);
        assert_eq!(serde_json::from_str::<Value>(text).unwrap(), value);
    }
}
