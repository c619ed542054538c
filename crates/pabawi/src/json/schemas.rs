//! JSON Schemas of all that crosses: [`schemas`]. Of these the TypeScript half's types and Zod schemas are made.

use crate::graph::GraphEvent;
use crate::{ExecutionEvent, PluginName};
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::calls::Call;
use super::documents::DocumentRequest;
use super::events::Events;
use super::failure::Failure;
use super::options::FrameworkOptions;

/// `{calls: {name: {request, answer}}, requests, answers}`: references of requests are into `requests`, those of answers into
/// `answers`, where fields that are always there are required.
#[must_use]
pub fn schemas() -> Value {
    let settings = SchemaSettings::draft2020_12;
    let mut requests = settings().for_deserialize().into_generator();
    let mut answers = settings().for_serialize().into_generator();
    let mut calls = Map::new();
    for call in Call::described(&mut requests, &mut answers) {
        calls.insert(call.name.to_owned(), json!({"request": call.request, "answer": call.answer}));
    }
    requests.subschema_for::<FrameworkOptions>();
    requests.subschema_for::<Events>();
    requests.subschema_for::<DocumentRequest>();
    requests.subschema_for::<PluginName>();
    answers.subschema_for::<ExecutionEvent>();
    answers.subschema_for::<GraphEvent>();
    answers.subschema_for::<Failure>();
    json!({
        "calls": calls,
        "requests": requests.take_definitions(true),
        "answers": answers.take_definitions(true),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every reference below a value.
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
                fields.values().for_each(|field| references(field, found));
            }
            _ => {}
        }
    }

    /// R9.1, R9.2
    #[test]
    fn every_call_is_described_and_every_reference_leads_somewhere() {
        let told = schemas();
        let calls = told["calls"].as_object().unwrap();
        assert!(calls.len() > 30 && calls.contains_key("submit"), "{calls:?}");
        for (side, of_calls) in [("requests", "request"), ("answers", "answer")] {
            let mut found = Vec::new();
            references(&told[side], &mut found);
            calls.values().for_each(|call| references(&call[of_calls], &mut found));
            assert!(!found.is_empty());
            for reference in found {
                let name = reference.strip_prefix("#/$defs/").unwrap();
                assert!(told[side].get(name).is_some(), "{side}: {reference}");
            }
        }
    }

    /// R9.6: what garde checks stands in the schema, so that the other side refuses it with the field's name.
    #[test]
    fn limits_are_described() {
        let told = schemas();
        let field = |name: &str, field: &str| told["requests"][name]["properties"][field].clone();
        let priority = field("ExecutionRequest", "priority");
        assert_eq!((&priority["minimum"], &priority["maximum"]), (&json!(-1000), &json!(1000)));
        let attempts = field("RetryPolicy", "attempts");
        assert_eq!((&attempts["minimum"], &attempts["maximum"]), (&json!(1), &json!(100)));
    }
}
