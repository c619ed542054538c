//! JSON Schemas of all that crosses: [`schemas`]. Of these the TypeScript half's types and Zod schemas are made.

use pabawi::graph::GraphEvent;
use pabawi::{ExecutionEvent, PluginName};
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::calls::Call;
use super::failure::Failure;
use super::options::FrameworkOptions;
use super::streams::Events;

/// `{calls: {name: {request, answer}}, requests, answers}`: references of requests are into `requests`, those of answers into
/// `answers`, where fields that are always there are required.
pub(super) fn schemas() -> Value {
    let settings = SchemaSettings::draft2020_12;
    let mut requests = settings().for_deserialize().into_generator();
    let mut answers = settings().for_serialize().into_generator();
    let mut calls = Map::new();
    for call in Call::described(&mut requests, &mut answers) {
        calls.insert(call.name.to_owned(), json!({"request": call.request, "answer": call.answer}));
    }
    requests.subschema_for::<FrameworkOptions>();
    requests.subschema_for::<Events>();
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
