//! The question to an authorizer in another language, [`question`], and its answer, [`decision`]. Whatever is no clear yes denies.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::plugin::RiskLevel;
use crate::ports::{AuthorizationQuery, AuthorizerError, Decision};
use crate::{ActionKind, NodeId, PluginName};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Question<'a> {
    user: &'a str,
    capability: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<ActionKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    risk: Option<RiskLevel>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plugin: Option<&'a PluginName>,
    nodes: &'a [NodeId],
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Answer {
    Plain(bool),
    WithReason {
        allow: bool,
        #[serde(default)]
        reason: Option<String>,
    },
}

/// The question: `{user, capability, action, name, risk, plugin, nodes}`, of which `action`, `name`, `risk` and `plugin` may be absent.
#[must_use]
pub fn question(query: &AuthorizationQuery<'_>) -> impl Serialize {
    Question {
        user: &query.caller.user,
        capability: query.capability,
        action: query.action,
        name: query.name,
        risk: query.risk,
        plugin: query.plugin,
        nodes: query.nodes,
    }
}

/// What an answer means: `true`, `false`, or `{allow, reason}`.
///
/// # Errors
/// It is something else.
pub fn decision(query: &AuthorizationQuery<'_>, answer: Value) -> Result<Decision, AuthorizerError> {
    let (allow, reason) = match serde_json::from_value(answer) {
        Ok(Answer::Plain(allow)) => (allow, None),
        Ok(Answer::WithReason { allow, reason }) => (allow, reason),
        Err(_) => {
            let text = "the authorizer answered neither true, false nor {allow, reason}";
            return Err(AuthorizerError(text.to_owned()));
        }
    };
    if allow {
        return Ok(Decision::Allow);
    }
    let reason = reason.unwrap_or_else(|| format!("{} may not use {}", query.caller.user, query.capability));
    Ok(Decision::Deny { reason })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Caller, EntryPoint};

    #[test]
    fn only_a_clear_yes_allows() {
        let caller = Caller { user: "ann".to_owned(), entry_point: EntryPoint::C };
        let query = AuthorizationQuery {
            caller: &caller,
            capability: "task.execute",
            action: Some(ActionKind::Task),
            name: Some("nginx::reload"),
            risk: None,
            plugin: None,
            nodes: &[],
        };
        let asked = json!({"user": "ann", "capability": "task.execute", "action": "task", "name": "nginx::reload", "nodes": []});
        assert_eq!(json!(question(&query)), asked);
        for answer in [json!(true), json!({"allow": true}), json!({"allow": true, "reason": "x"})] {
            assert_eq!(decision(&query, answer).unwrap(), Decision::Allow);
        }
        let usual = Decision::Deny { reason: "ann may not use task.execute".to_owned() };
        for answer in [json!(false), json!({"allow": false})] {
            assert_eq!(decision(&query, answer).unwrap(), usual);
        }
        let told = decision(&query, json!({"allow": false, "reason": "it is night"})).unwrap();
        assert_eq!(told, Decision::Deny { reason: "it is night".to_owned() });
        for answer in [json!(1), json!("true"), json!(null), json!([true]), json!({"allowed": true})] {
            assert!(decision(&query, answer).is_err());
        }
    }
}
