//! What a plugin can do: [`Capability`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Something a plugin can do, with the schema of its parameters and the permissions it needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Capability {
    /// `category.verb`: `command.execute`, `inventory.list`, `package.install`.
    pub name: String,
    /// One line for help texts.
    pub description: String,
    /// JSON Schema of the parameters.
    pub parameters: Value,
    /// JSON Schema of the result, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// Permissions the caller needs, all of them.
    pub required_permissions: Vec<String>,
    /// How much harm it can do.
    pub risk: RiskLevel,
    /// JSON pointers (RFC 6901) to parameters that are secrets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sensitive: Vec<String>,
    /// JSON pointers to parameters that are command lines, or lists of the words of one: a command policy looks at them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<String>,
    /// Whether doing it twice is the same as doing it once.
    #[serde(default)]
    pub idempotent: bool,
    /// The limit of one call, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

impl Capability {
    /// One that only looks, under the permission of its own name, and may be asked as often as anybody likes.
    pub fn reading(name: &str, description: &str, parameters: Value, result: Value) -> Self {
        Self {
            name: name.to_owned(),
            description: description.to_owned(),
            parameters,
            result: Some(result),
            required_permissions: vec![name.to_owned()],
            risk: RiskLevel::Read,
            sensitive: Vec::new(),
            commands: Vec::new(),
            idempotent: true,
            timeout_ms: None,
        }
    }
}

/// How much harm a capability can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum RiskLevel {
    /// It only looks.
    Read,
    /// It changes this side's data.
    Write,
    /// It runs something on nodes.
    Execute,
    /// It changes who may do what, or creates and destroys machines.
    Admin,
}

impl RiskLevel {
    /// The word that is shown, the same as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Execute => "execute",
            Self::Admin => "admin",
        }
    }
}
