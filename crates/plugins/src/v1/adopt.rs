//! An object looked at, got ready, and asked what it can do: [`adopt`]. Plugins of v1.x tell what they can do only once they
//! are ready, so this comes before they are registered.

use std::sync::Arc;

use pabawi_domain::cut::message;
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::PluginName;
use pabawi_domain::ports::{PluginError, PluginMetadata, V1Error, V1ErrorKind, V1Plugin};
use pabawi_domain::schema::ParameterSchema;
use pabawi_domain::validation::ValidationError;
use serde_json::Value;

use super::calls::Calls;
use super::capabilities::Listed;
use super::config::{self, V1Config, V1Type};
use super::fields::shown;
use super::known;
use super::settings::V1Settings;

/// The name of an object that cannot say its own, in messages.
const NAMELESS: &str = "nameless";

/// Methods that a plugin cannot do without, by what it says that it is. Older ones of v1.x have neither groups nor
/// `isInitialized`.
const ALWAYS: [&str; 2] = ["initialize", "healthCheck"];
const EXECUTES: [&str; 1] = ["executeAction"];
const INFORMS: [&str; 3] = ["getInventory", "getNodeFacts", "getNodeData"];

/// Why an object was not adopted. It has not been called then.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum AdoptError {
    /// It could not be looked at.
    #[error("failed to look at the v1.x plugin {plugin}: {message}")]
    Unreadable {
        /// What it was called when it was wrapped.
        plugin: String,
        /// What it did instead.
        message: String,
    },
    /// It is no plugin of v1.x, or its configuration is none; everything that is wrong is named.
    #[error("the v1.x plugin {plugin} cannot be registered: {error}")]
    Invalid {
        /// Its name.
        plugin: String,
        /// What is wrong, with paths such as `methods.executeAction` and `config.enabled`.
        error: ValidationError,
    },
}

/// An object that was looked at and asked.
pub(super) struct Adopted {
    pub(super) calls: Calls,
    pub(super) metadata: PluginMetadata,
    pub(super) kind_of: V1Type,
    pub(super) config: V1Config,
    pub(super) config_schema: Value,
    /// Whether it has got ready.
    pub(super) ready: Result<(), PluginError>,
    pub(super) listed: Listed,
}

/// Looks at an object, gets it ready and asks it what it can do.
///
/// # Errors
/// [`AdoptError`]. One that could not get ready is no error but a plugin in that state.
pub(super) async fn adopt(
    object: Arc<dyn V1Plugin>,
    given: Value,
    settings: &V1Settings,
) -> Result<Adopted, AdoptError> {
    let limit = settings.ask_timeout;
    let wrapped_as = object.name().to_owned();
    let called = PluginName::new(&wrapped_as).or_else(|_| PluginName::new(NAMELESS));
    let unreadable = |message: String| AdoptError::Unreadable { plugin: wrapped_as.clone(), message };
    let called = called.map_err(|error| unreadable(error.to_string()))?;
    let looking = Calls::new(Arc::clone(&object), (called.clone(), called), settings);

    let mut faults = ValidationError::default();
    let asked = |what: &str, error: &V1Error| unreadable(looking.told(what, error));
    let said = looking.read("name", limit).await.map_err(|error| asked("name", &error))?;
    let name = match said.as_str().map(PluginName::new) {
        Some(Ok(name)) => Some(name),
        Some(Err(error)) => {
            faults.push("name", error.to_string());
            None
        }
        None => {
            faults.push("name", format!("is {}; it must be a text", shown(&said)));
            None
        }
    };
    let said = looking.read("type", limit).await.map_err(|error| asked("type", &error))?;
    let kind_of = said.as_str().and_then(V1Type::from_word);
    if kind_of.is_none() {
        faults.push("type", format!("is {}; it must be execution, information or both", shown(&said)));
    }
    let (Some(name), Some(kind_of)) = (name, kind_of) else {
        return Err(AdoptError::Invalid { plugin: wrapped_as, error: faults });
    };
    let config = V1Config::read(given, name.as_str(), kind_of, &mut faults);
    let mut needed = ALWAYS.to_vec();
    needed.extend(EXECUTES.iter().filter(|_| kind_of.executes()));
    needed.extend(INFORMS.iter().filter(|_| kind_of.informs()));
    for method in needed {
        if !looking.has(method, limit).await.map_err(|error| asked(method, &error))? {
            let text = format!("a plugin of type {} must have the method {method}", kind_of.as_str());
            faults.push(format!("methods.{method}"), text);
        }
    }
    if !faults.fields.is_empty() {
        return Err(AdoptError::Invalid { plugin: name.to_string(), error: faults });
    }

    let registered = known::registered_as(&name).map_err(|error| unreadable(error.to_string()))?;
    let calls = Calls::new(object, (name.clone(), registered.clone()), settings).configured(&config.whole);
    let mut listed = if config.enabled { Listed::of(kind_of, name.as_str()) } else { Listed::default() };
    let config_schema = config_schema(&calls, (&name, kind_of), settings, &mut listed).await;
    let ready = initialize(&calls, &config, &config_schema, settings).await;
    if config.enabled && kind_of.executes() {
        list(&calls, ready.is_ok(), settings, &mut listed).await;
    }
    for warning in &listed.warnings {
        tracing::warn!(plugin = %name, %warning, "a v1.x plugin says of itself what cannot be used");
    }
    let priority = config.priority(name.as_str());
    let metadata = metadata(&calls, registered, priority, kind_of, config.enabled, settings).await;
    Ok(Adopted { calls, metadata, kind_of, config, config_schema, ready, listed })
}

/// The schema of its configuration. That of its own part is an option that v1.x does not have.
async fn config_schema(
    calls: &Calls,
    (name, kind_of): (&PluginName, V1Type),
    settings: &V1Settings,
    listed: &mut Listed,
) -> Value {
    const PROPERTY: &str = "configSchema";
    let own = match calls.read(PROPERTY, settings.ask_timeout).await {
        Ok(Value::Null) => None,
        Ok(own) => Some(own),
        Err(error) => {
            listed.warnings.push(calls.told(PROPERTY, &error));
            None
        }
    };
    if let Some(own) = own {
        let schema = config::schema(name, kind_of, Some(&own));
        match ParameterSchema::new(&own).and_then(|_| ParameterSchema::new(&schema)) {
            Ok(_) => return schema,
            Err(why) => {
                let text = format!("{PROPERTY}: {why}; the configuration is not checked against it");
                listed.warnings.push(calls.redacted(message(text)));
            }
        }
    }
    config::schema(name, kind_of, None)
}

/// Calls `initialize`, which v1.x does for a plugin that is not enabled, too: it keeps its configuration then.
async fn initialize(
    calls: &Calls,
    config: &V1Config,
    schema: &Value,
    settings: &V1Settings,
) -> Result<(), PluginError> {
    const METHOD: &str = "initialize";
    let usable = ParameterSchema::new(schema).map_err(|why| calls.error(ErrorCode::Internal, why, None))?;
    // A configuration holds tokens and passwords: no value of it is told.
    let fields = usable.violations("config", &config.whole, &[String::new()]);
    if !fields.is_empty() {
        let listed: Vec<String> = fields.iter().map(ToString::to_string).collect();
        return Err(calls.error(ErrorCode::BadConfig, listed.join("; "), None));
    }
    let answer = calls.call(METHOD, vec![config.whole.clone()], settings.initialize_timeout).await;
    answer.map(drop).map_err(|error| calls.fault(METHOD, &error))
}

/// Asks what it can do. One that cannot say so has what its method takes.
async fn list(calls: &Calls, is_ready: bool, settings: &V1Settings, listed: &mut Listed) {
    const CAPABILITIES: &str = "listCapabilities";
    const PROVISIONING: &str = "listProvisioningCapabilities";
    let limit = settings.ask_timeout;
    let said = match calls.call(CAPABILITIES, Vec::new(), limit).await {
        Ok(list) => listed.executes(&list),
        Err(error) if error.kind == V1ErrorKind::Missing => Err(String::new()),
        Err(error) => Err(calls.told(CAPABILITIES, &error)),
    };
    if let Err(why) = said {
        if !why.is_empty() && is_ready {
            listed.warnings.push(why);
        }
        listed.unlisted();
    }
    let said = match calls.call(PROVISIONING, Vec::new(), limit).await {
        Ok(list) => listed.provisions(&list),
        Err(error) if error.kind == V1ErrorKind::Missing => Ok(()),
        Err(error) => Err(calls.told(PROVISIONING, &error)),
    };
    if let Err(why) = said
        && is_ready
    {
        listed.warnings.push(why);
    }
}

async fn metadata(
    calls: &Calls,
    name: PluginName,
    priority: i32,
    kind_of: V1Type,
    is_enabled: bool,
    settings: &V1Settings,
) -> PluginMetadata {
    // Nothing of v1.x says it, and a getter that throws is no reason to do without the plugin.
    let version = calls.read("version", settings.ask_timeout).await.ok();
    let version = version.as_ref().and_then(Value::as_str).filter(|text| !text.trim().is_empty());
    let disabled = if is_enabled { "" } else { ", not enabled" };
    PluginMetadata {
        name,
        version: pabawi_domain::cut::cut(version.unwrap_or("1.x"), 100),
        description: format!("Plugin of Pabawi v1.x of type {}{disabled}", kind_of.as_str()),
        priority,
        depends_on: Vec::new(),
    }
}
