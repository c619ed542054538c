//! Pabawi's command whitelist: [`Whitelist`], over the policy that guards every surface of the framework.

use napi_derive::napi;
use pabawi::permissions::{CommandPolicy, MatchMode};

/// Which commands may be run.
#[napi]
pub struct Whitelist {
    policy: CommandPolicy,
}

#[napi]
impl Whitelist {
    /// `prefix` compares entries with the beginning of a command instead of with all of it.
    #[napi(constructor, catch_unwind)]
    pub fn new(allow_all: bool, whitelist: Vec<String>, prefix: bool) -> Self {
        let match_mode = if prefix { MatchMode::Prefix } else { MatchMode::Exact };
        Self { policy: CommandPolicy { allow_all, whitelist, match_mode, allow_scripts: false } }
    }

    /// Whether the command may be run.
    #[napi(catch_unwind)]
    pub fn allows(&self, command: String) -> bool {
        self.policy.check(&command).is_ok()
    }

    /// Pabawi's reason for refusing the command, or nothing where it may be run.
    #[napi(catch_unwind)]
    pub fn refusal(&self, command: String) -> Option<String> {
        self.policy.check(&command).err().map(|refused| refused.reason)
    }
}
