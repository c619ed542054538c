//! How a mirror goes: [`MirrorHealth`].

use serde::Serialize;

/// What a mirror does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum MirrorState {
    /// It has not looked at the store yet, or brings over what it found, or another process tells the host's journal service.
    #[default]
    CatchingUp,
    /// The host has what the store had when it was looked at last.
    CaughtUp,
    /// The host or the store fails; it is tried again.
    Failing,
    /// It was ended, or the store was closed.
    Ended,
}

/// How a mirror goes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MirrorHealth {
    /// What it does.
    pub state: MirrorState,
    /// Executions and journal entries that the host did not have when the store was looked at last; those that go on are among
    /// them.
    pub waiting: u64,
    /// Rows or entries written since it was started; one that was written again counts again.
    pub written: u64,
    /// Rows or entries that were left out: the host did not take them, or they are damaged in the store. The log names them.
    pub refused: u64,
    /// Looks at the store that failed since the last one that did not.
    pub failures: u32,
    /// All of those since it was started.
    pub all_failures: u64,
    /// Why the last one failed; absent when it did not.
    pub last_error: Option<String>,
    /// How often the store has been looked at.
    #[serde(skip)]
    pub(super) looks: u64,
    /// The last look after which everything was there.
    #[serde(skip)]
    pub(super) clean: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_in_plain_json() {
        let health = MirrorHealth {
            state: MirrorState::Failing,
            last_error: Some("gone".into()),
            ..MirrorHealth::default()
        };
        let expected = r#"{"state":"failing","waiting":0,"written":0,"refused":0,"failures":0,"allFailures":0,"lastError":"gone"}"#;
        assert_eq!(serde_json::to_string(&health).unwrap(), expected);
    }
}
