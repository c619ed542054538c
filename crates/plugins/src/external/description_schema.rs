//! The JSON Schema of what a program says of itself: [`schema`].

use serde_json::{Value, json};

/// The schema. Fields that nobody knows are refused: one that is written wrong would be passed over otherwise.
pub(super) fn schema() -> Value {
    let text = |most: u32| json!({"type": "string", "minLength": 1, "maxLength": most});
    let texts = json!({"type": "array", "items": {"type": "string"}, "maxItems": 1_000});
    let flag = json!({"type": "boolean"});
    let schema = json!({"type": ["object", "boolean"]});
    let capability = json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["name", "description", "parameters", "requiredPermissions", "risk"],
        "properties": {
            "name": text(100),
            "description": text(1_000),
            "parameters": schema,
            "result": schema,
            "requiredPermissions": texts,
            "risk": {"enum": ["read", "write", "execute", "admin"]},
            "sensitive": texts,
            "commands": texts,
            "idempotent": flag,
            "timeoutMs": {"type": "integer", "minimum": 1},
        },
    });
    let methods = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {"run": flag, "call": flag, "initialize": flag, "health": flag, "shutdown": flag},
    });
    let level = json!({"enum": ["off", "failures", "changes", "all"]});
    let journalling = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "level": level,
            "levels": {"type": "object", "additionalProperties": level},
            "types": {"type": "object", "additionalProperties": text(64)},
        },
    });
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["name", "version", "description", "capabilities"],
        "properties": {
            "name": text(63),
            "version": text(100),
            "description": text(1_000),
            "priority": {"type": "integer", "minimum": i32::MIN, "maximum": i32::MAX},
            "dependsOn": texts,
            "configSchema": schema,
            "capabilities": {"type": "array", "items": capability, "maxItems": 1_000},
            "methods": methods,
            "hasInventory": flag,
            "hasFacts": flag,
            "journalling": journalling,
            "endsSingleNodes": flag,
        },
    })
}
