//! What `ansible` prints with its callback `minimal`: `web1 | SUCCESS => {` and JSON. Main function: [`results`].

use std::collections::HashMap;

use serde_json::Value;

/// How a module did on a node.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum ModuleResult {
    /// What it returned.
    Returned(Value),
    /// Ansible could not reach the node; its message.
    Unreachable(String),
    /// The module failed; its message.
    Failed(String),
}

/// The results by the names of the nodes. What is of another form (warnings) is passed over.
pub(super) fn results(text: &str) -> HashMap<&str, ModuleResult> {
    let mut found = HashMap::new();
    let mut rest = text;
    // Each turn takes at least a line.
    while !rest.is_empty() {
        let end = rest.find('\n').map_or(rest.len(), |end| end + 1);
        let (line, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        rest = after;
        let Some((head, "{")) = line.trim_end().rsplit_once(" => ") else { continue };
        let Some((node, status)) = head.split_once(" | ") else { continue };
        // The JSON begins with the brace at the end of the line.
        let Some(json) =
            line.rfind('{').and_then(|brace| text.get(text.len() - after.len() - line.len() + brace..))
        else {
            continue;
        };
        let mut values = serde_json::Deserializer::from_str(json).into_iter::<Value>();
        let Some(Ok(value)) = values.next() else { continue };
        rest = json.get(values.byte_offset()..).unwrap_or_default();
        let message = || {
            let text = value.get("msg").or(value.get("module_stderr")).and_then(Value::as_str);
            text.unwrap_or("no message").trim().chars().take(500).collect()
        };
        let result = match status.split(['!', ' ']).next() {
            Some("SUCCESS" | "CHANGED") => ModuleResult::Returned(value),
            Some("UNREACHABLE") => ModuleResult::Unreachable(message()),
            _ => ModuleResult::Failed(message()),
        };
        found.insert(node, result);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn every_node_has_its_own_result() {
        let text = "[WARNING]: something => {\nweb1 | SUCCESS => {\n    \"ansible_facts\": {\n        \"a\": \"x | SUCCESS => {\"\n    \
            },\n    \"changed\": false\n}\nweb2 | UNREACHABLE! => {\n    \"changed\": false,\n    \"msg\": \"refused\",\n    \
            \"unreachable\": true\n}\nweb3 | FAILED! => {\n    \"msg\": \"no python\"\n}\nweb4 | FAILED | rc=1 >>\nweb5 | SUCCESS => {\n  \"a\"";
        let found = results(text);
        assert_eq!(found.len(), 3, "{found:?}");
        let facts = json!({"ansible_facts": {"a": "x | SUCCESS => {"}, "changed": false});
        assert_eq!(found["web1"], ModuleResult::Returned(facts));
        assert_eq!(found["web2"], ModuleResult::Unreachable("refused".into()));
        assert_eq!(found["web3"], ModuleResult::Failed("no python".into()));
    }

    proptest! {
        #[test]
        fn nothing_that_is_printed_panics(lines in proptest::collection::vec(
            prop_oneof!["\\PC{0,30}", "[a-z]{1,3} \\| (SUCCESS|FAILED!)( => )?[{]?[}\"a:1]{0,6}"], 0..8
        )) {
            let _ = results(&lines.join("\n"));
        }
    }
}
