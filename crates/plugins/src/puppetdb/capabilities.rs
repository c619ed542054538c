//! What the plugin can do: [`capabilities`], with the schemas of parameters and results.

use pabawi_domain::capability::Capability;
use serde_json::{Map, Value, json};

use super::calls::{DEFAULT_LIMIT, EVENT_STATUSES, MAX_LIMIT, MAX_ROWS, REPORT_STATUSES};

/// The capabilities. All of them only look.
pub(super) fn capabilities() -> Vec<Capability> {
    let read = Capability::reading;
    vec![
        read(
            "inventory.list",
            "Nodes and groups of PuppetDB",
            object(json!({}), &[]),
            lists(&["nodes", "groups", "warnings"]),
        ),
        read("facts.get", "Facts of nodes as PuppetDB has them", names(), lists(&["facts", "errors"])),
        read("reports.list", "Reports of Puppet runs, the newest first", of_reports(), reports()),
        read("reports.show", "One report with its metrics, log and events", hash(), report_result()),
        read("events.list", "What Puppet runs did to resources, the newest first", of_events(), events()),
        read("catalog.show", "The catalog of one node", of_catalog(), catalog()),
        read("query.run", "Rows of a PQL query", pql(), rows()),
    ]
}

/// An object of these properties and no others.
fn object(properties: Value, required: &[&str]) -> Value {
    json!({"type": "object", "additionalProperties": false, "properties": properties, "required": required})
}

fn names() -> Value {
    let description = "Only these facts, such as os.family; all of them without it";
    let names = json!({"type": "array", "minItems": 1, "maxItems": 100, "description": description,
                       "items": {"type": "string", "pattern": "^[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*$"}});
    object(json!({ "names": names }), &[])
}

/// What all lists take beside their own.
fn list_of(own: Value) -> Value {
    let time = |description: &str| json!({"type": "string", "minLength": 2, "description": description});
    let mut all = match own {
        Value::Object(own) => own,
        _ => Map::new(),
    };
    let shared = json!({
        "since": time("From this time on: RFC 3339, or before now such as 30m, 12h, 7d"),
        "until": time("Before this time: RFC 3339, or before now such as 30m, 12h, 7d"),
        "environment": {"type": "string", "minLength": 1, "description": "Only of this Puppet environment"},
        "limit": {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT,
                  "description": "At most so many"},
        "cursor": {"type": "string", "minLength": 1, "description": "Goes on behind the page that had this nextCursor"},
    });
    if let Value::Object(shared) = shared {
        all.extend(shared);
    }
    object(Value::Object(all), &[])
}

fn statuses(all: &[&str]) -> Value {
    json!({"type": "array", "minItems": 1, "items": {"enum": all}, "description": "Only of one of these statuses"})
}

fn hash_text(description: &str) -> Value {
    json!({"type": "string", "pattern": "^[0-9a-f]{8,128}$", "description": description})
}

fn of_reports() -> Value {
    list_of(json!({"status": statuses(&REPORT_STATUSES)}))
}

fn hash() -> Value {
    object(json!({"hash": hash_text("The report, as reports.list shows it")}), &["hash"])
}

fn resource_type() -> Value {
    json!({"type": "string", "pattern": "^[A-Z][A-Za-z0-9_]*(::[A-Z][A-Za-z0-9_]*)*$",
           "description": "Only of resources of this type, such as File"})
}

fn of_events() -> Value {
    list_of(json!({
        "report": hash_text("Only of this report"),
        "status": statuses(&EVENT_STATUSES),
        "resourceType": resource_type(),
    }))
}

fn of_catalog() -> Value {
    object(json!({"resourceType": resource_type()}), &[])
}

fn pql() -> Value {
    let limit = json!({"type": "integer", "minimum": 1, "maximum": MAX_ROWS, "default": 1_000,
                       "description": "At most so many rows"});
    let offset = json!({"type": "integer", "minimum": 0, "maximum": u32::MAX, "description": "Leaves out so many rows"});
    let pql = json!({"type": "string", "minLength": 1, "maxLength": 65_536,
                     "description": "The query, such as nodes[certname] { certname ~ \"web\" }"});
    object(json!({"pql": pql, "limit": limit, "offset": offset}), &["pql"])
}

/// An object with these lists.
fn lists(names: &[&str]) -> Value {
    let properties: Map<String, Value> =
        names.iter().map(|name| ((*name).to_owned(), json!({"type": "array"}))).collect();
    json!({"type": "object", "required": names, "properties": properties})
}

/// What a row of a list looks like: a type of JSON Schema for each field, all of which are there.
fn row(fields: &[(&str, &[&str])]) -> Value {
    let properties: Map<String, Value> = fields
        .iter()
        .map(|(name, types)| {
            let schema = match *types {
                ["time"] => json!({"type": "string", "format": "date-time"}),
                ["time", "null"] => json!({"type": ["string", "null"], "format": "date-time"}),
                [] => json!({}),
                types => json!({ "type": types }),
            };
            ((*name).to_owned(), schema)
        })
        .collect();
    let required: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
    object(Value::Object(properties), &required)
}

const TEXT: &[&str] = &["string"];
const TEXT_OR_NONE: &[&str] = &["string", "null"];
const FLAG_OR_NONE: &[&str] = &["boolean", "null"];
const NUMBER_OR_NONE: &[&str] = &["integer", "null"];
const TIME: &[&str] = &["time"];
const TIME_OR_NONE: &[&str] = &["time", "null"];

fn report() -> Value {
    row(&[
        ("hash", TEXT),
        ("node", TEXT),
        ("status", TEXT_OR_NONE),
        ("environment", TEXT_OR_NONE),
        ("startTime", TIME_OR_NONE),
        ("endTime", TIME_OR_NONE),
        ("receivedAt", TIME_OR_NONE),
        ("producedAt", TIME),
        ("producer", TEXT_OR_NONE),
        ("puppetVersion", TEXT_OR_NONE),
        ("configurationVersion", TEXT_OR_NONE),
        ("transactionUuid", TEXT_OR_NONE),
        ("catalogUuid", TEXT_OR_NONE),
        ("cachedCatalogStatus", TEXT_OR_NONE),
        ("noop", FLAG_OR_NONE),
        ("noopPending", FLAG_OR_NONE),
        ("correctiveChange", FLAG_OR_NONE),
        ("type", TEXT_OR_NONE),
    ])
}

fn event() -> Value {
    row(&[
        ("node", TEXT),
        ("report", TEXT),
        ("environment", TEXT_OR_NONE),
        ("status", TEXT_OR_NONE),
        ("at", TIME),
        ("resourceType", TEXT),
        ("resourceTitle", TEXT),
        ("property", TEXT_OR_NONE),
        ("name", TEXT_OR_NONE),
        ("oldValue", &[]),
        ("newValue", &[]),
        ("message", TEXT_OR_NONE),
        ("file", TEXT_OR_NONE),
        ("line", NUMBER_OR_NONE),
        ("containmentPath", &["array", "null"]),
        ("containingClass", TEXT_OR_NONE),
        ("correctiveChange", FLAG_OR_NONE),
    ])
}

fn page(name: &str, item: Value) -> Value {
    let warnings = json!({"type": "array", "items": {"type": "string"}});
    let items = json!({"type": "array", "items": item});
    object(json!({name: items, "warnings": warnings, "nextCursor": {"type": "string"}}), &[name, "warnings"])
}

fn reports() -> Value {
    page("reports", report())
}

fn events() -> Value {
    page("events", event())
}

fn report_result() -> Value {
    let log = row(&[
        ("at", TIME_OR_NONE),
        ("level", TEXT_OR_NONE),
        ("message", TEXT_OR_NONE),
        ("source", TEXT_OR_NONE),
        ("tags", &["array", "null"]),
        ("file", TEXT_OR_NONE),
        ("line", NUMBER_OR_NONE),
    ]);
    object(
        json!({
            "report": report(),
            "metrics": {"type": "object", "additionalProperties": {"type": "object"}},
            "logs": {"type": "array", "items": log},
            "events": {"type": "array", "items": event()},
        }),
        &["report", "metrics", "logs", "events"],
    )
}

fn catalog() -> Value {
    let catalog = row(&[
        ("node", TEXT),
        ("hash", TEXT_OR_NONE),
        ("version", TEXT_OR_NONE),
        ("environment", TEXT_OR_NONE),
        ("producedAt", TIME),
        ("producer", TEXT_OR_NONE),
        ("transactionUuid", TEXT_OR_NONE),
        ("catalogUuid", TEXT_OR_NONE),
        ("codeId", TEXT_OR_NONE),
    ]);
    let resource = row(&[
        ("type", TEXT),
        ("title", TEXT),
        ("exported", &["boolean"]),
        ("file", TEXT_OR_NONE),
        ("line", NUMBER_OR_NONE),
        ("tags", &["array", "null"]),
        ("parameters", &["object", "null"]),
    ]);
    let end = row(&[("type", TEXT), ("title", TEXT)]);
    let edge = object(
        json!({"relationship": {"type": "string"}, "source": end, "target": end}),
        &["relationship", "source", "target"],
    );
    object(
        json!({
            "catalog": catalog,
            "resources": {"type": "array", "items": resource},
            "edges": {"type": "array", "items": edge},
        }),
        &["catalog", "resources", "edges"],
    )
}

fn rows() -> Value {
    let rows = json!({"type": "array", "items": {"type": "object"}});
    object(json!({"rows": rows, "hasMore": {"type": "boolean"}}), &["rows", "hasMore"])
}

#[cfg(test)]
mod tests {
    use pabawi_domain::capability::RiskLevel;

    use super::*;
    use pabawi_domain::schema::ParameterSchema;

    fn faults(name: &str, parameters: &Value) -> Vec<String> {
        let all = capabilities();
        let one = all.iter().find(|one| one.name == name).unwrap();
        let schema = ParameterSchema::new(&one.parameters).unwrap();
        schema.violations("parameters", parameters, &[]).iter().map(ToString::to_string).collect()
    }

    /// R6.5, R9.3
    #[test]
    fn bad_parameters_are_named_and_good_ones_taken() {
        for (name, parameters, part) in [
            ("inventory.list", json!({"x": 1}), "'x' was unexpected"),
            ("facts.get", json!({"names": []}), "parameters.names: "),
            ("facts.get", json!({"names": ["a\"b"]}), "parameters.names[0]: "),
            ("reports.list", json!({"status": ["broken"]}), "parameters.status[0]: "),
            ("reports.list", json!({"limit": 0}), "parameters.limit: "),
            ("reports.list", json!({"limit": 1_001}), "parameters.limit: "),
            ("reports.show", json!({}), "\"hash\" is a required property"),
            ("reports.show", json!({"hash": "XYZ"}), "parameters.hash: "),
            ("events.list", json!({"resourceType": "file"}), "parameters.resourceType: "),
            ("query.run", json!({}), "\"pql\" is a required property"),
            ("query.run", json!({"pql": "nodes {}", "limit": 10_001}), "parameters.limit: "),
        ] {
            let found = faults(name, &parameters);
            assert!(found.len() == 1 && found[0].contains(part), "{name}: {found:?}");
        }
        let all =
            json!({"status": ["failed"], "since": "1h", "environment": "x", "limit": 5, "cursor": "1.1.1"});
        assert_eq!(faults("reports.list", &all), Vec::<String>::new());
        assert_eq!(faults("query.run", &json!({"pql": "nodes {}", "offset": 3})), Vec::<String>::new());
    }

    #[test]
    fn each_has_a_permission_of_its_own_and_only_looks() {
        for capability in capabilities() {
            assert_eq!(capability.required_permissions, std::slice::from_ref(&capability.name));
            assert_eq!(
                (capability.risk, capability.idempotent),
                (RiskLevel::Read, true),
                "{}",
                capability.name
            );
            ParameterSchema::new(capability.result.as_ref().unwrap()).unwrap();
        }
    }
}
