//! [`with_targets`]: an inventory file with more targets, for one run of Bolt on nodes that the file does not have.

use std::path::Path;

use serde_json::{Map, Value};

use super::read::LIMITS;
use crate::source::SourceError;
use crate::source::file::read_text;
use crate::source::yaml11;

/// The file as JSON, with these targets behind its own at the top level. References to plugins stay what they are: Bolt
/// resolves them. Reads the file in the calling thread.
///
/// # Errors
/// It cannot be read, or its top level cannot take targets.
pub(super) fn with_targets(path: &Path, targets: Vec<Value>) -> Result<Value, SourceError> {
    let text = read_text(path)?;
    let document = yaml11::read(&text, LIMITS).map_err(|problem| SourceError::Invalid {
        name: path.display().to_string(),
        problems: vec![problem],
    })?;
    let fault = |message: &str| SourceError::of_file(path, message.to_owned());
    let mut top = match document.root.into_json() {
        Value::Null => Map::new(),
        Value::Object(top) if top.contains_key("_plugin") => {
            return Err(fault("is a reference to a plugin as a whole, to which no targets can be added"));
        }
        Value::Object(top) => top,
        _ => return Err(fault("must be a mapping")),
    };
    let list = match top.remove("targets") {
        None | Some(Value::Null) => targets,
        Some(Value::Array(mut list)) => {
            list.extend(targets);
            list
        }
        // A reference that is a list of targets may stand in a list, too.
        Some(reference @ Value::Object(_)) => std::iter::once(reference).chain(targets).collect(),
        Some(_) => return Err(fault("targets: must be a list")),
    };
    top.insert("targets".to_owned(), list.into());
    Ok(Value::Object(top))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn extended(text: &str) -> Result<Value, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        with_targets(file.path(), vec![json!({"name": "new"})]).map_err(|error| error.to_string())
    }

    #[test]
    fn targets_stand_behind_those_of_the_file_and_the_rest_stays() {
        let config = json!({"ssh": {"password": {"_plugin": "env_var", "var": "X"}, "port": 22}});
        let text = "targets: [web1]\ngroups: [{name: db, targets: [db1]}]\nconfig: {ssh: {password: \
                    {_plugin: env_var, var: X}, port: 22}}\n";
        assert_eq!(
            extended(text).unwrap(),
            json!({"targets": ["web1", {"name": "new"}], "groups": [{"name": "db", "targets": ["db1"]}], "config": config})
        );
        for (text, targets) in [
            ("", json!([{"name": "new"}])),
            ("targets:\n", json!([{"name": "new"}])),
            ("targets: {_plugin: puppetdb}\n", json!([{"_plugin": "puppetdb"}, {"name": "new"}])),
        ] {
            assert_eq!(extended(text).unwrap(), json!({"targets": targets}), "{text}");
        }
        for (text, part) in [
            ("_plugin: x\n", "a reference to a plugin as a whole"),
            ("- a\n", "must be a mapping"),
            ("targets: 1\n", "targets: must be a list"),
            ("a: [\n", "unclosed bracket"),
        ] {
            let fault = extended(text).unwrap_err();
            assert!(fault.contains(part), "{text}: {fault}");
        }
    }
}
