//! The host of plugins: it registers them, checks their configuration, gets them ready in the order in which they depend on
//! each other, asks how they are, runs them for the engine and lets go of them. Main type: [`PluginHost`].
//!
//! | file | what it is |
//! |---|---|
//! | `builder` | what a host is made with |
//! | `handle` | the handle that others hold |
//! | `register` | what a plugin says of itself, checked |
//! | `order` | who has to be ready before whom |
//! | `slot` | the place of a plugin: its state, its instance and how it is |
//! | `instance` | one living plugin and the runs on it |
//! | `offers`, `sources` | a plugin's inventory and facts, whichever instance of it lives |
//! | `guard` | the fence around calls of plugins: panics and deadlines |
//! | `lifecycle` | calls of `initialize`, `health` and `shutdown`, each with a deadline |
//! | `rounds` | asking how they are, again and again |
//! | `closing` | letting all of them go, within one deadline |
//! | `call`, `call_error`, `answers` | one call of a capability that is no action |
//! | `peers`, `journal` | the ways from one plugin to the others, and to the journal of nodes |
//! | `router` | who does an action, and the list of capabilities |
//! | `built_in` | the ways to nodes that are no plugins of a host, as plugins |
//! | `run` | one run of a tool for many nodes |
//!
//! Nothing that a plugin does reaches another one: a failure, a panic or a call that does not return is the state of that
//! plugin and of the nodes it was to work on.

mod answers;
mod builder;
mod built_in;
mod call;
mod call_error;
mod closing;
mod guard;
mod handle;
mod instance;
mod journal;
mod lifecycle;
mod offers;
mod order;
mod peers;
mod register;
mod rounds;
mod router;
mod run;
mod settings;
mod slot;
mod sources;
mod status;

pub use builder::PluginHostBuilder;
pub use built_in::BuiltIn;
pub use call_error::{CallError, CallFault, CallFaultKind};
pub use closing::ShutdownFault;
pub use handle::{PluginHost, ReloadError};
pub use register::RegisterError;
pub use settings::HostSettings;
pub use status::{HealthReport, PluginState, PluginStatus, ProvidedCapability};
