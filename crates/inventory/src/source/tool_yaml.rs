//! A file that belongs to Bolt or Ansible as plain data: [`read_tool_yaml`]. What the data means is for the caller.

use pabawi_domain::document::{DocumentLimits, Problem};
use serde_json::Value;

use super::yaml11;

/// A file of a million values fits.
const LIMITS: DocumentLimits =
    DocumentLimits { depth: 64, values: 1_000_000, aliases: 10_000, alias_values: 100_000 };

/// Reads YAML as Bolt and Ansible do (YAML 1.1). An empty text is null.
///
/// # Errors
/// [`Problem`] with the line of the fault of form, also where the document is too large or too deep.
pub fn read_tool_yaml(text: &str) -> Result<Value, Problem> {
    yaml11::read(text, LIMITS).map(|document| document.root.into_json())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// R3.10
    #[test]
    fn files_of_tools_are_read_as_the_tools_do() {
        let read = read_tool_yaml(
            "groups:\n  - &a {name: web, vars: {on: yes, mode: 0644}}\n  - <<: *a\n    name: db\n",
        );
        let vars = json!({"true": true, "mode": 420});
        assert_eq!(
            read.unwrap(),
            json!({"groups": [{"name": "web", "vars": vars}, {"name": "db", "vars": vars}]})
        );
        assert_eq!(read_tool_yaml("").unwrap(), Value::Null);
        assert_eq!(read_tool_yaml("a: 1\nb: [").unwrap_err().line, 2);
    }
}
