//! Plugins of Pabawi v1.x as plugins of this framework, unchanged (R10.4, R10.8). Main type: [`V1Adapter`], over the port
//! [`V1Plugin`](pabawi_domain::ports::V1Plugin).
//!
//! | file | what it is |
//! |---|---|
//! | `adapter` | the adapter as a plugin |
//! | `adopt` | an object looked at, got ready and asked what it can do |
//! | `config` | the configuration of v1.x |
//! | `settings`, `known` | limits; what is known of the plugins that come with Pabawi |
//! | `calls` | calls of the object: each has a deadline, and what comes late is counted and dropped |
//! | `capabilities`, `parameters` | what v1.x lists, as capabilities with schemas |
//! | `request` | our action as v1.x writes one |
//! | `run`, `live` | one call of `executeAction` for one node, and what it streams |
//! | `result`, `failure` | what it answered, as the end of a node's run |
//! | `health` | how it is |
//! | `inventory`, `node`, `group`, `names` | its nodes and groups, and under which names it knows them |
//! | `facts` | its facts |
//! | `answers` | what is no action: data of nodes, provisioning |
//! | `secrets` | what is a secret, by the names of fields |
//! | `fields` | parts of values that may be anything |
//!
//! Methods are looked up when they are called, fields that are missing are no fault where something can be made of the
//! rest, and nothing that the object does reaches another plugin.

mod adapter;
mod adopt;
mod answers;
mod calls;
mod capabilities;
mod config;
mod facts;
mod failure;
mod fields;
mod group;
mod health;
mod inventory;
mod known;
mod live;
mod names;
mod node;
mod parameters;
mod request;
mod result;
mod run;
mod secrets;
mod settings;

pub use adapter::V1Adapter;
pub use adopt::AdoptError;
pub use calls::V1Stats;
pub use known::{TimeoutUnit, UseOfStream};
pub use settings::V1Settings;
