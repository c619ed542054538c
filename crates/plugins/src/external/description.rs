//! What a program says of itself, checked: [`Description`].

use pabawi_domain::capability::Capability;
use pabawi_domain::cut;
use pabawi_domain::id::PluginName;
use pabawi_domain::journal::Journalling;
use pabawi_domain::ports::PluginMetadata;
use pabawi_domain::schema::ParameterSchema;
use serde::Deserialize;
use serde_json::Value;

use super::answer::{one_line, shown, why};
use super::description_schema::schema;

/// Most bytes of what is wrong that are told.
const MOST_TOLD: usize = 4_000;

/// What a program says of itself.
#[derive(Debug)]
pub(super) struct Description {
    pub(super) metadata: PluginMetadata,
    pub(super) config_schema: Option<Value>,
    pub(super) capabilities: Vec<Capability>,
    pub(super) methods: Methods,
    pub(super) has_inventory: bool,
    pub(super) has_facts: bool,
    pub(super) journalling: Journalling,
}

/// Which requests it answers beside `describe`, `inventory` and `facts`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Methods {
    pub(super) run: bool,
    pub(super) call: bool,
    pub(super) initialize: bool,
    pub(super) health: bool,
    pub(super) shutdown: bool,
}

/// As it is written.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    name: String,
    version: String,
    description: String,
    #[serde(default)]
    priority: i32,
    #[serde(default)]
    depends_on: Vec<String>,
    config_schema: Option<Value>,
    capabilities: Vec<Capability>,
    #[serde(default)]
    methods: Methods,
    #[serde(default)]
    has_inventory: bool,
    #[serde(default)]
    has_facts: bool,
    #[serde(default)]
    journalling: Journalling,
    #[serde(default)]
    ends_single_nodes: bool,
}

impl Description {
    /// Reads what the program printed.
    ///
    /// # Errors
    /// What is wrong with it, with the line, and with every bad field by its path.
    pub(super) fn read(stdout: &[u8]) -> Result<Self, String> {
        let (number, line) = one_line(stdout)?;
        let at = |why: String| cut::cut(format!("line {number}: {why}"), MOST_TOLD);
        let value: Value = serde_json::from_slice(line)
            .map_err(|error| at(format!("is no JSON: {}: {}", why(&error), shown(line))))?;
        Self::check(value).map_err(at)
    }

    /// Reads what is JSON already.
    ///
    /// # Errors
    /// Every bad field by its path.
    pub(super) fn check(value: Value) -> Result<Self, String> {
        let schema = ParameterSchema::new(&schema())?;
        let faults = schema.violations("describe", &value, &[]);
        if !faults.is_empty() {
            let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
            return Err(told.join("; "));
        }
        let written: Written =
            serde_json::from_value(value).map_err(|error| format!("cannot be read: {error}"))?;
        Self::of(written)
    }

    fn of(written: Written) -> Result<Self, String> {
        if written.ends_single_nodes {
            return Err("describe.endsSingleNodes: cannot be true, since a program that runs is told nothing any more; \
                        it is ended for all nodes of a run at once"
                .to_owned());
        }
        let name = PluginName::new(&written.name).map_err(|error| format!("describe.name: {error}"))?;
        let depends_on = written.depends_on.iter().enumerate().map(|(place, name)| {
            PluginName::new(name).map_err(|error| format!("describe.dependsOn[{place}]: {error}"))
        });
        let metadata = PluginMetadata {
            name,
            version: written.version,
            description: written.description,
            priority: written.priority,
            depends_on: depends_on.collect::<Result<_, _>>()?,
        };
        Ok(Self {
            metadata,
            config_schema: written.config_schema,
            capabilities: written.capabilities,
            methods: written.methods,
            has_inventory: written.has_inventory,
            has_facts: written.has_facts,
            journalling: written.journalling,
        })
    }
}

#[cfg(test)]
mod tests {
    use pabawi_domain::capability::RiskLevel;
    use serde_json::json;

    use super::*;

    fn whole() -> Value {
        json!({
            "name": "greeter", "version": "1.2", "description": "Greets", "priority": 7, "dependsOn": ["other"],
            "configSchema": {"type": "object"}, "methods": {"run": true, "health": true}, "hasFacts": true,
            "endsSingleNodes": false,
            "capabilities": [{
                "name": "task.execute", "description": "Greets", "parameters": {"type": "object"},
                "requiredPermissions": ["greet"], "risk": "execute", "sensitive": ["/password"], "timeoutMs": 5000,
            }],
        })
    }

    fn reason(value: &Value) -> String {
        Description::read(value.to_string().as_bytes()).unwrap_err()
    }

    /// R6.1, R6.3
    #[test]
    fn a_program_says_what_it_is() {
        let found = Description::read(format!("\n{}\n\n", whole()).as_bytes()).unwrap();
        assert_eq!((found.metadata.name.as_str(), found.metadata.priority), ("greeter", 7));
        assert_eq!(found.metadata.depends_on, [PluginName::new("other").unwrap()]);
        let expected = Methods { run: true, health: true, ..Methods::default() };
        assert_eq!((found.methods, found.has_inventory, found.has_facts), (expected, false, true));
        let [capability] = found.capabilities.as_slice() else { panic!("{found:?}") };
        assert_eq!((capability.risk, capability.timeout_ms), (RiskLevel::Execute, Some(5000)));
        let least = json!({"name": "a", "version": "1", "description": "A", "capabilities": []});
        let found = Description::read(least.to_string().as_bytes()).unwrap();
        assert_eq!((found.metadata.priority, found.methods), (0, Methods::default()));
    }

    /// R6.4
    #[test]
    fn nonsense_is_told_with_its_line_and_field() {
        for (text, part) in [
            ("", "printed nothing where one line of JSON is expected"),
            ("\n \n", "printed nothing"),
            ("\nusage: greeter FILE\n", "line 2: is no JSON: expected value (column 1): usage: greeter FILE"),
            ("{\"name\": \"a\"", "line 1: is no JSON: EOF"),
            ("{}\n\nmore words\n", "printed 2 lines where one is expected; line 3 is: more words"),
            ("5", "line 1: describe: 5 is not of type \"object\""),
            ("{}", "\"capabilities\" is a required property"),
        ] {
            let error = Description::read(text.as_bytes()).unwrap_err();
            assert!(error.contains(part), "{text:?}: {error}");
        }
        assert!(Description::read(b"\xff\xfe").unwrap_err().contains("line 1: is no JSON"));
        let with = |field: &str, value: Value| {
            let mut all = whole();
            all[field] = value;
            all
        };
        for (value, part) in [
            (
                with("colour", json!("red")),
                "line 1: describe: Additional properties are not allowed ('colour'",
            ),
            (with("version", json!(1)), "describe.version: 1 is not of type \"string\""),
            (with("name", json!("Two Words")), "describe.name: invalid plugin name"),
            (with("dependsOn", json!(["ok", "-x"])), "describe.dependsOn[1]: invalid plugin name"),
            (with("methods", json!({"runs": true})), "describe.methods: "),
            (with("endsSingleNodes", json!(true)), "describe.endsSingleNodes: cannot be true"),
        ] {
            let error = reason(&value);
            assert!(error.contains(part), "{error}");
        }
        let mut several = whole();
        several["capabilities"][0]["risk"] = json!("none");
        several["capabilities"][0]["colour"] = json!("red");
        let error = reason(&several);
        assert!(error.contains("describe.capabilities[0].risk: ") && error.contains("'colour'"), "{error}");
    }
}
