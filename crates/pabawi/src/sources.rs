//! From what is written down to sources: [`source_of`], where the inventory's own kinds and those of plugins meet.

use std::sync::Arc;

use pabawi_domain::ports::{FactProvider, ToolRunner};
use pabawi_domain::validation::ValidationError;
use pabawi_engine::SystemClock;
use pabawi_facts::AnsibleFacts;
use pabawi_inventory::ConfiguredSource;
use pabawi_inventory::source::{SourceKind, SourceSpec};
use pabawi_plugins::puppetdb::{PuppetDbClient, PuppetDbFacts, PuppetDbInventory, PuppetDbSettings};
use pabawi_transport::local::LocalTools;

/// What is made of a source that is written down.
pub struct MadeSource {
    /// The source.
    pub source: ConfiguredSource,
    /// Its facts, where it has some and they are wanted: always of PuppetDB, of Ansible when its entry says `facts: true`,
    /// since Ansible logs in for them.
    pub facts: Option<Arc<dyn FactProvider>>,
}

/// Makes a source of what is written down. Nothing is asked yet.
///
/// # Errors
/// A kind that nobody knows, and options that are not valid, each with its field.
pub fn source_of(spec: &SourceSpec) -> Result<MadeSource, ValidationError> {
    let tools: Arc<dyn ToolRunner> = Arc::new(LocalTools);
    if let Some(source) = spec.build(&tools) {
        let facts: Option<Arc<dyn FactProvider>> = match &spec.kind {
            SourceKind::Ansible(path) if spec.facts == Some(true) && spec.settings.enabled => {
                let facts = AnsibleFacts::new(tools, Arc::new(SystemClock), path);
                Some(Arc::new(facts.named(source.0.name())))
            }
            _ => None,
        };
        return Ok(MadeSource { source, facts });
    }
    match &spec.kind {
        SourceKind::Other { kind, options, directory } if kind == "puppetdb" => {
            let mut settings: PuppetDbSettings = serde_json::from_value(options.clone().into())
                .map_err(|error| ValidationError::of("puppetdb", error.to_string()))?;
            settings.take_paths_from(directory);
            if let Some(priority) = spec.settings.priority {
                settings.priority = priority;
            }
            // Facts are asked for under the names that the source of the same name has for the nodes.
            if let Some(name) = &spec.name {
                settings.name.clone_from(name);
            }
            let client = PuppetDbClient::new(settings)?;
            let source = spec.configure(Arc::new(PuppetDbInventory::new(client.clone())));
            let facts: Option<Arc<dyn FactProvider>> = (spec.facts != Some(false) && spec.settings.enabled)
                .then(|| Arc::new(PuppetDbFacts::new(client)) as _);
            Ok(MadeSource { source, facts })
        }
        SourceKind::Other { kind, .. } => {
            let known = SourceKind::WORDS.join(", ");
            Err(ValidationError::of("type", format!("unknown type {kind}; known are {known}, puppetdb")))
        }
        _ => Err(ValidationError::of("command", "must name a program")),
    }
}
