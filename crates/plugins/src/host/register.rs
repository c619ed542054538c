//! What a plugin says of itself, checked: [`Declared`] (R6.3, R6.4).

use std::collections::BTreeSet;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use pabawi_domain::action::ActionKind;
use pabawi_domain::capability::Capability;
use pabawi_domain::cut::{cut, message};
use pabawi_domain::id::PluginName;
use pabawi_domain::journal::{Journalling, check_event_type};
use pabawi_domain::panic_guard::caught;
use pabawi_domain::ports::{Plugin, PluginMetadata, PluginMethods};
use pabawi_domain::schema::ParameterSchema;
use pabawi_domain::validation::{MAX_TIMEOUT_MS, ValidationError};
use serde_json::Value;

use super::sources::{FACTS, INVENTORY};

/// Most capabilities of a plugin.
const MOST_CAPABILITIES: usize = 1_000;
/// Bytes of a text that is shown in lists and help.
const MOST_TEXT: usize = 4 * 1024;

/// Why a plugin was not registered.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// There is another one of that name.
    #[error("plugin {0} is already registered; give it another name")]
    Duplicate(PluginName),
    /// What it says of itself is bad; all of it is named.
    #[error("plugin {plugin} cannot be registered: {error}")]
    Invalid {
        /// The plugin.
        plugin: PluginName,
        /// What is bad, with paths such as `capabilities[0].name`.
        error: ValidationError,
    },
    /// It panicked when it was asked about itself.
    #[error("a plugin panicked when it was asked about itself: {0}")]
    Panicked(String),
    /// It did not answer in time when it was asked about itself.
    #[error("a plugin did not answer within {ms} ms when it was asked about itself")]
    Silent {
        /// What it was given, in milliseconds.
        ms: u128,
    },
    /// It could not be asked about itself.
    #[error("a plugin could not be asked about itself: {0}")]
    NotAsked(String),
}

/// A capability whose schemas can be used.
#[derive(Debug)]
pub(super) struct CheckedCapability {
    pub(super) capability: Arc<Capability>,
    pub(super) parameters: ParameterSchema,
    /// Of its answers, where that is known.
    pub(super) result: Option<ParameterSchema>,
}

/// What a plugin says of itself.
#[derive(Debug)]
pub(super) struct Declared {
    pub(super) metadata: PluginMetadata,
    pub(super) methods: PluginMethods,
    pub(super) capabilities: Vec<CheckedCapability>,
    /// What it wishes of the journal.
    pub(super) journalling: Journalling,
    /// The schema of its configuration, where it has one.
    pub(super) config: Option<ConfigSchema>,
}

/// The schema of a configuration.
#[derive(Debug)]
pub(super) struct ConfigSchema {
    pub(super) checked: ParameterSchema,
    /// As the plugin says it: it marks what is a secret.
    pub(super) said: Value,
}

impl Declared {
    /// Asks a plugin.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub(super) fn of(plugin: &Arc<dyn Plugin>, patience: Duration) -> Result<Self, RegisterError> {
        let Said { metadata, methods, capabilities, config, journalling } =
            asked(Arc::clone(plugin), patience)?;
        let mut faults = ValidationError::default();
        for (field, text) in [("version", &metadata.version), ("description", &metadata.description)] {
            if text.len() > MOST_TEXT {
                faults.push(field, format!("has {} bytes, at most {MOST_TEXT} are taken", text.len()));
            }
        }
        if capabilities.len() > MOST_CAPABILITIES {
            let text = format!("are {}, at most {MOST_CAPABILITIES} are taken", capabilities.len());
            faults.push("capabilities", text);
            return Err(RegisterError::Invalid { plugin: metadata.name, error: faults });
        }
        let capabilities = checked(capabilities, methods, &mut faults);
        let config = config.and_then(|said| {
            let checked = usable(&said, "configSchema".to_owned(), &mut faults)?;
            Some(ConfigSchema { checked, said })
        });
        for (name, event_type) in &journalling.types {
            if let Err(why) = check_event_type(event_type) {
                faults.push(format!("journalling.types.{}", cut(name.as_str(), 100)), why);
            }
        }
        if metadata.depends_on.contains(&metadata.name) {
            faults.push("dependsOn", "names the plugin itself");
        }
        match faults.into_result() {
            Ok(()) => Ok(Self { metadata, methods, capabilities, journalling, config }),
            Err(error) => Err(RegisterError::Invalid { plugin: metadata.name, error }),
        }
    }

    pub(super) fn capability(&self, name: &str) -> Option<&CheckedCapability> {
        self.capabilities.iter().find(|checked| checked.capability.name == name)
    }
}

struct Said {
    metadata: PluginMetadata,
    methods: PluginMethods,
    capabilities: Vec<Capability>,
    config: Option<Value>,
    journalling: Journalling,
}

/// What a plugin says of itself. It is asked on a thread of its own, so that one that does not return holds nobody up for
/// longer than that.
fn asked(plugin: Arc<dyn Plugin>, patience: Duration) -> Result<Said, RegisterError> {
    let (tell, told) = mpsc::sync_channel(1);
    let ask = move || {
        let said = || Said {
            metadata: plugin.metadata(),
            methods: plugin.methods(),
            capabilities: plugin.capabilities(),
            config: plugin.config_schema(),
            journalling: plugin.journalling(),
        };
        let said = caught(said);
        // Whoever asked may have gone.
        let _ = tell.send(said.map_err(|panic| message(panic.message)));
    };
    let asking = std::thread::Builder::new().name("plugin-asked".to_owned()).spawn(ask);
    asking.map_err(|error| RegisterError::NotAsked(error.to_string()))?;
    match told.recv_timeout(patience) {
        Ok(said) => said.map_err(RegisterError::Panicked),
        Err(_) => Err(RegisterError::Silent { ms: patience.as_millis() }),
    }
}

fn checked(
    capabilities: Vec<Capability>,
    methods: PluginMethods,
    faults: &mut ValidationError,
) -> Vec<CheckedCapability> {
    let mut names = BTreeSet::new();
    let mut all = Vec::with_capacity(capabilities.len());
    for (index, capability) in capabilities.into_iter().enumerate() {
        let at = |field: &str| format!("capabilities[{index}].{field}");
        let name = &capability.name;
        if !is_name(name) {
            let text = "must be category.verb of small letters, digits and '_', such as package.install";
            faults.push(at("name"), format!("{:?} {text}", cut(name.as_str(), 100)));
        } else if !names.insert(name.clone()) {
            faults.push(at("name"), format!("{name:?} is there twice"));
        } else if let Some(method) = missing_method(name, methods) {
            let text = format!("{name:?} needs the method {method}, which the plugin says it does not have");
            faults.push(at("name"), text);
        }
        if capability.description.trim().is_empty() {
            faults.push(at("description"), "must not be blank; it is shown in help texts");
        } else if capability.description.len() > MOST_TEXT {
            let many = capability.description.len();
            faults.push(at("description"), format!("has {many} bytes, at most {MOST_TEXT} are taken"));
        }
        for (place, permission) in capability.required_permissions.iter().enumerate() {
            if permission.trim().is_empty() {
                faults.push(at(&format!("requiredPermissions[{place}]")), "must not be blank");
            }
        }
        for (place, pointer) in capability.sensitive.iter().enumerate() {
            if !pointer.starts_with('/') {
                let text = "must be a JSON pointer (RFC 6901), such as /password";
                faults.push(at(&format!("sensitive[{place}]")), format!("{pointer:?} {text}"));
            }
        }
        for (place, pointer) in capability.commands.iter().enumerate() {
            if !pointer.starts_with('/') {
                let text = "must be a JSON pointer (RFC 6901), such as /cmd";
                faults.push(at(&format!("commands[{place}]")), format!("{pointer:?} {text}"));
            }
        }
        if capability.timeout_ms.is_some_and(|ms| ms == 0 || ms > MAX_TIMEOUT_MS) {
            faults.push(at("timeoutMs"), format!("must be from 1 to {MAX_TIMEOUT_MS}"));
        }
        let result = capability.result.as_ref().and_then(|result| usable(result, at("result"), faults));
        if let Some(parameters) = usable(&capability.parameters, at("parameters"), faults) {
            all.push(CheckedCapability { capability: Arc::new(capability), parameters, result });
        }
    }
    all
}

fn usable(schema: &Value, at: String, faults: &mut ValidationError) -> Option<ParameterSchema> {
    match ParameterSchema::new(schema) {
        Ok(schema) => Some(schema),
        Err(why) => {
            faults.push(at, message(why));
            None
        }
    }
}

/// The method that a capability needs and the plugin does not have (R6.4). A source of nodes and a provider of facts may stand
/// in for calls; whether there are any is seen when the plugin has got ready.
fn missing_method(capability: &str, methods: PluginMethods) -> Option<&'static str> {
    if ActionKind::ALL.iter().any(|kind| kind.capability() == capability) {
        return (!methods.run).then_some("run");
    }
    let has_source = [INVENTORY, FACTS].contains(&capability);
    (!has_source && !methods.call).then_some("call")
}

fn is_name(name: &str) -> bool {
    let is_part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_lowercase())
            && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    name.len() <= 100
        && name.split_once('.').is_some_and(|(category, verb)| is_part(category) && is_part(verb))
}
