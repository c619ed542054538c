//! From what is written down to sources: [`source_of`], where the inventory's own kinds and those of plugins meet.

use std::sync::Arc;

use pabawi_domain::ports::ToolRunner;
use pabawi_domain::validation::ValidationError;
use pabawi_inventory::ConfiguredSource;
use pabawi_inventory::source::{SourceKind, SourceSpec};
use pabawi_plugins::puppetdb::{PuppetDbClient, PuppetDbInventory, PuppetDbSettings};
use pabawi_transport::local::LocalTools;

/// Makes a source of what is written down. Nothing is asked yet.
///
/// # Errors
/// A kind that nobody knows, and options that are not valid, each with its field.
pub fn source_of(spec: &SourceSpec) -> Result<ConfiguredSource, ValidationError> {
    let tools: Arc<dyn ToolRunner> = Arc::new(LocalTools);
    if let Some(source) = spec.build(&tools) {
        return Ok(source);
    }
    match &spec.kind {
        SourceKind::Other { kind, options, directory } if kind == "puppetdb" => {
            let mut settings: PuppetDbSettings = serde_json::from_value(options.clone().into())
                .map_err(|error| ValidationError::of("puppetdb", error.to_string()))?;
            settings.take_paths_from(directory);
            if let Some(priority) = spec.settings.priority {
                settings.priority = priority;
            }
            let client = PuppetDbClient::new(settings)?;
            Ok(spec.configure(Arc::new(PuppetDbInventory::new(client))))
        }
        SourceKind::Other { kind, .. } => {
            let known = SourceKind::WORDS.join(", ");
            Err(ValidationError::of("type", format!("unknown type {kind}; known are {known}, puppetdb")))
        }
        _ => Err(ValidationError::of("command", "must name a program")),
    }
}
