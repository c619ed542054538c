//! What a plugin has besides its capabilities: [`Offers`]. It is asked once, when it has got ready, so that whoever wants to
//! know it later has no call of a plugin to wait for.

use std::sync::Arc;
use std::time::Duration;

use pabawi_domain::action::ActionKind;
use pabawi_domain::ports::{FactProvider, InventorySource, Plugin};

use super::guard::{Broke, guarded_aside};

/// What a plugin has besides its capabilities.
pub(super) struct Offers {
    pub(super) inventory: Option<Offered<dyn InventorySource>>,
    pub(super) facts: Option<Offered<dyn FactProvider>>,
    /// Actions that cannot be ended on one node while the tool goes on for others.
    all_together: Vec<ActionKind>,
}

/// Something that goes before others of its kind, or behind them.
pub(super) struct Offered<T: ?Sized> {
    pub(super) it: Arc<T>,
    pub(super) priority: i32,
}

impl Offers {
    /// Asks a plugin.
    ///
    /// # Errors
    /// [`Broke`].
    pub(super) async fn of(plugin: &Arc<dyn Plugin>, patience: Duration) -> Result<Self, Broke> {
        let plugin = Arc::clone(plugin);
        let asked = move || {
            let inventory = plugin.inventory().map(|it| Offered { priority: it.priority(), it });
            let facts = plugin.facts().map(|it| Offered { priority: it.priority(), it });
            let all = ActionKind::ALL.iter().copied();
            let all_together = all.filter(|kind| !plugin.ends_single_nodes(*kind)).collect();
            Self { inventory, facts, all_together }
        };
        guarded_aside(asked, patience).await
    }

    pub(super) fn ends_single_nodes(&self, kind: ActionKind) -> bool {
        !self.all_together.contains(&kind)
    }
}
