//! The way from one plugin to the others: [`PeerHandle`], the port [`Peers`]. It holds the host weakly, which holds the plugin.

use std::sync::{Arc, OnceLock, Weak};

use async_trait::async_trait;
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::PluginName;
use pabawi_domain::ports::{CapabilityCall, Peers, PluginError};
use pabawi_domain::request::{Caller, EntryPoint};
use serde_json::Value;

use super::call_error::CallError;
use super::handle::{PluginHost, Shared};

/// The host, once it is made.
pub(super) type Home = Arc<OnceLock<Weak<Shared>>>;

/// The other plugins, for one.
pub(super) struct PeerHandle {
    pub(super) home: Home,
    /// The plugin that asks.
    pub(super) plugin: PluginName,
}

impl PeerHandle {
    /// Nobody was called.
    fn fault(&self, code: ErrorCode, message: String) -> PluginError {
        PluginError { plugin: self.plugin.clone(), code, message, stack: None }
    }
}

#[async_trait]
impl Peers for PeerHandle {
    async fn call(&self, caller: &Caller, call: CapabilityCall) -> Result<Value, PluginError> {
        let caller = Caller { user: caller.user.clone(), entry_point: EntryPoint::Plugin };
        let answer = match self.home.get().and_then(Weak::upgrade) {
            Some(shared) => PluginHost { shared }.call(&caller, call).await,
            None => Err(CallError::NotOpen),
        };
        answer.map_err(|error| match error {
            CallError::Failed { mut tried } if !tried.is_empty() => {
                // The others are in the log.
                let last = tried.swap_remove(tried.len() - 1);
                PluginError { plugin: last.plugin, code: last.code, message: last.message, stack: last.stack }
            }
            error => self.fault(error.code(), error.to_string()),
        })
    }
}
