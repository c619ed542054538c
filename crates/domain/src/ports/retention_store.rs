//! Port [`RetentionStore`]: forgetting what is old. A cut is made first and shown; then it is carried out in steps, each a small
//! transaction among those of others, so that nobody who writes waits for long. A step goes on where the one before it ended, and
//! looks at a bounded number of records, also where it removes none of them.

use async_trait::async_trait;

use crate::journal::{
    ExecutionCut, ExecutionLimit, JournalCut, JournalLimit, OutputCut, OutputPlace, PrunedExecutions,
    PrunedJournal, PrunedOutputs,
};
use crate::ports::StoreError;

/// Forgets what is old.
#[async_trait]
pub trait RetentionStore: Send + Sync + 'static {
    /// What would go of the journal, for each limit in the same order. Changes nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn journal_cuts(&self, limits: &[JournalLimit]) -> Result<Vec<JournalCut>, StoreError>;

    /// Removes at most so many entries of what goes by these cuts, all of which have to be given. `from` is where the step before
    /// ended, and absent for the first one. The chains of what stays reach over what went.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing was removed.
    async fn prune_journal(
        &self,
        cuts: &[JournalCut],
        from: Option<(i64, i64)>,
        at_most: u32,
    ) -> Result<PrunedJournal, StoreError>;

    /// What would go of the executions, for each limit in the same order. Changes nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn execution_cuts(&self, limits: &[ExecutionLimit]) -> Result<Vec<ExecutionCut>, StoreError>;

    /// Removes executions that go by these cuts, all of which have to be given, with at most about so many targets, the oldest
    /// first, and the outputs that nobody else had. One with more targets goes in several steps. `from` is where the step before
    /// ended, and absent for the first one.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing was removed.
    async fn prune_executions(
        &self,
        cuts: &[ExecutionCut],
        from: Option<i64>,
        at_most: u32,
    ) -> Result<PrunedExecutions, StoreError>;

    /// What would go of the outputs by these limits. Changes nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn output_cut(&self, limits: &[ExecutionLimit]) -> Result<OutputCut, StoreError>;

    /// Has executions of a cut give up their outputs, the oldest first: removes the content of at most so many outputs that no
    /// other execution has. Their length and hash stay, so that a result still says that there was output, and how much. `from` is
    /// where the step before ended, and absent for the first one.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing was removed.
    async fn prune_outputs(
        &self,
        cut: &OutputCut,
        from: Option<OutputPlace>,
        at_most: u32,
    ) -> Result<PrunedOutputs, StoreError>;

    /// Remembers `now` as the time when what is old is removed by a schedule, unless some process has done so within `every`: then
    /// nothing changes, and the answer is how long that is still to come. One process at a time gets `None`.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing was remembered.
    async fn claim_retention(
        &self,
        now: jiff::Timestamp,
        every: std::time::Duration,
    ) -> Result<Option<std::time::Duration>, StoreError>;
}
