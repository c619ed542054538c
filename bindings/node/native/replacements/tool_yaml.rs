//! Files of Bolt and Ansible: [`tool_yaml_to_json`], over the reader of the inventory.

use napi::{Error, Result};
use napi_derive::napi;
use pabawi::inventory::read_tool_yaml;

/// YAML as Bolt and Ansible read it, as JSON.
///
/// # Errors
/// With the line of the fault of form.
#[napi(catch_unwind)]
pub fn tool_yaml_to_json(content: String) -> Result<String> {
    let value = read_tool_yaml(&content).map_err(|problem| Error::from_reason(problem.to_string()))?;
    serde_json::to_string(&value).map_err(|error| Error::from_reason(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R3.10
    #[test]
    fn yaml_becomes_json_or_an_error_with_its_line() {
        assert_eq!(tool_yaml_to_json("a: [yes, 1]".to_owned()).unwrap(), r#"{"a":[true,1]}"#);
        assert!(tool_yaml_to_json("a:\n\t- b".to_owned()).unwrap_err().reason.contains("line 2"));
    }
}
