//! JSON Schemas of types that write themselves to JSON in a form of their own: nothing but implementations of [`JsonSchema`].

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::error::ErrorCode;
use crate::metadata::Metadata;
use crate::output::{ContentHash, OutputData};
use crate::rollout::Share;
use crate::secret::{Secret, SecretValue};

macro_rules! described {
    ($($name:ident = $schema:expr;)*) => {$(
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    )*};
}

described! {
    ErrorCode = json_schema!({
        "description": "A stable code of an error.",
        "type": "string",
        "enum": ErrorCode::ALL.iter().map(|code| code.as_str()).collect::<Vec<_>>(),
    });
    Metadata = json_schema!({
        "description": "Whatever else a source tells.",
        "type": "object",
        "additionalProperties": true,
    });
    OutputData = json_schema!({
        "description": "Bytes: a text, or base64 where they are not UTF-8.",
        "anyOf": [
            {"type": "string"},
            {
                "type": "object",
                "properties": {"base64": {"type": "string"}},
                "required": ["base64"],
                "additionalProperties": false,
            },
        ],
    });
    ContentHash = json_schema!({
        "description": "SHA-256 of an output, in hexadecimal digits.",
        "type": "string",
        "pattern": "^[0-9a-fA-F]{64}$",
    });
    Share = json_schema!({
        "description": "A number of nodes such as 5, or a part of them such as \"20%\".",
        "anyOf": [{"type": "integer", "minimum": 0}, {"type": "string"}],
    });
    Secret = json_schema!({
        "description": "Used, never shown, never stored: reads `***` wherever it is told.",
        "type": "string",
    });
    SecretValue = json_schema!({
        "description": "Any JSON that is used, never shown, never stored.",
    });
}
