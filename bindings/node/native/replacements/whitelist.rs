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

#[cfg(test)]
mod tests {
    use super::*;

    /// R10.8
    #[test]
    fn commands_are_held_against_the_list_with_pabawis_reasons() {
        let list = |prefix| Whitelist::new(false, vec!["ls".to_owned()], prefix);
        assert!(list(false).allows("ls".to_owned()) && list(true).allows("ls -l".to_owned()));
        let reason = "Command not found in whitelist (exact match mode). Allowed commands: ls";
        assert_eq!(list(false).refusal("ls -l".to_owned()).as_deref(), Some(reason));
        assert_eq!(list(true).refusal("ls".to_owned()), None);
    }
}
