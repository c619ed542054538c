//! What Pabawi's tables say, remembered for a moment: [`Remembered`]. Answers are remembered whichever way they go, faults
//! are not; what is taken away is gone after that moment, where Pabawi's own cache keeps it for five minutes.

use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;
use pabawi_domain::ports::{Memberships, PermissionName, PermissionTables, StoreError, TableAnswer};

/// Answers in memory.
const KEPT: u64 = 20_000;

/// Pabawi's tables, each question asked once in a moment.
pub(crate) struct Remembered {
    tables: Arc<dyn PermissionTables>,
    answers: Cache<(String, PermissionName), Arc<[TableAnswer]>>,
    members: Cache<String, Arc<Memberships>>,
}

impl Remembered {
    /// `fresh` is how long an answer is taken for what holds now.
    pub(crate) fn new(tables: Arc<dyn PermissionTables>, fresh: Duration) -> Self {
        Self {
            tables,
            answers: Cache::builder().max_capacity(KEPT).time_to_live(fresh).build(),
            members: Cache::builder().max_capacity(KEPT).time_to_live(fresh).build(),
        }
    }

    /// Who goes by that id or name, and whether they have the permission.
    pub(crate) async fn look_up(
        &self,
        user: &str,
        permission: &PermissionName,
    ) -> Result<Arc<[TableAnswer]>, Arc<StoreError>> {
        let asked = async { Ok(self.tables.look_up(user, permission).await?.into()) };
        self.answers.try_get_with((user.to_owned(), permission.clone()), asked).await
    }

    /// Groups and roles of a user.
    pub(crate) async fn memberships(&self, user_id: &str) -> Result<Arc<Memberships>, Arc<StoreError>> {
        let asked = async { Ok(Arc::new(self.tables.memberships(user_id).await?)) };
        self.members.try_get_with_by_ref(user_id, asked).await
    }
}
