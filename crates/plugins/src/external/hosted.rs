//! Parts of the program that the framework is part of, which are spoken with as programs are: [`hosted_inventory`],
//! [`hosted_facts`], and what of the description of a plugin follows from the words that it answers.

use std::sync::Arc;

use pabawi_domain::id::PluginName;
use pabawi_domain::ports::{FactProvider, InventorySource, ToolRunner};
use serde_json::{Map, Value, json};

use super::link::Link;
use super::program::Program;
use super::sources::{ExternalFacts, ExternalInventory};

/// What stands in no description, since it follows from the words that are answered.
const FOLLOWS: [&str; 3] = ["methods", "hasInventory", "hasFacts"];
/// Words that are methods of a plugin.
const METHODS: [&str; 5] = ["run", "call", "initialize", "health", "shutdown"];

/// A source of nodes under a name. `tools` is asked `inventory` only.
pub fn hosted_inventory(
    name: PluginName,
    priority: i32,
    tools: Arc<dyn ToolRunner>,
) -> Arc<dyn InventorySource> {
    Arc::new(ExternalInventory { link: link(name, tools), priority })
}

/// A provider of facts under a name. `tools` is asked `facts` only.
pub fn hosted_facts(name: PluginName, priority: i32, tools: Arc<dyn ToolRunner>) -> Arc<dyn FactProvider> {
    Arc::new(ExternalFacts { link: link(name, tools), priority })
}

fn link(name: PluginName, tools: Arc<dyn ToolRunner>) -> Arc<Link> {
    let program = Program::hosted(&name);
    let link = Link::new(name, program, tools);
    // It has none, and this is the first time.
    let _ = link.configure(Value::Object(Map::new()), None);
    Arc::new(link)
}

/// The description with what follows from the words that are answered.
///
/// # Errors
/// The description says something of that itself.
pub(super) fn described(mut description: Value, answers: &[&str]) -> Result<Value, String> {
    let Some(fields) = description.as_object_mut() else { return Ok(description) };
    if let Some(name) = FOLLOWS.iter().find(|name| fields.contains_key(**name)) {
        return Err(format!("describe.{name}: follows from the functions that are there; leave it out"));
    }
    let answered = METHODS.iter().map(|word| ((*word).to_owned(), Value::from(answers.contains(word))));
    fields.insert("methods".to_owned(), answered.collect::<Map<_, _>>().into());
    fields.insert("hasInventory".to_owned(), json!(answers.contains(&"inventory")));
    fields.insert("hasFacts".to_owned(), json!(answers.contains(&"facts")));
    Ok(description)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::external::description::Description;

    /// R6.1, R6.4
    #[test]
    fn what_it_answers_is_part_of_its_description() {
        let least = json!({"name": "greeter", "version": "1", "description": "Greets", "capabilities": []});
        let told = described(least.clone(), &["run", "facts"]).and_then(Description::check).unwrap();
        assert!(told.methods.run && !told.methods.call && told.has_facts && !told.has_inventory);
        for name in FOLLOWS {
            let mut twice = least.clone();
            twice[name] = json!(true);
            assert!(
                described(twice, &["run"]).unwrap_err().starts_with(&format!("describe.{name}: follows"))
            );
        }
        for (value, part) in
            [(json!(5), "5 is not of type"), (json!({"name": "x"}), "\"version\" is a required")]
        {
            let error = described(value, &[]).and_then(Description::check).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
