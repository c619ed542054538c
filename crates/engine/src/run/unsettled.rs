//! What nodes may still keep of detached commands whose result is stored here: [`Unsettled`]. A process that died between
//! the two has left it; the next run that reaches the node takes it away, and nobody connects for that alone.
//!
//! The names are behind a mutex, as an exception: they are not run state, it is held for single look-ups and never across an
//! await.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pabawi_domain::action::{Action, RunAs};
use pabawi_domain::id::NodeId;
use pabawi_domain::node::Endpoint;
use pabawi_domain::ports::{ConnectRequest, DetachedName, ExecutionStore, StoreError, Transport};
use pabawi_domain::record::TargetQuery;
use pabawi_domain::secret::Secret;

use crate::rerun::is_same_place;

/// The most that one run takes away, so that it does not become much longer by it.
const AT_ONCE: usize = 16;

/// Names of what is kept, by node.
pub(crate) struct Unsettled {
    store: Arc<dyn ExecutionStore>,
    names: Mutex<HashMap<NodeId, Vec<DetachedName>>>,
}

impl Unsettled {
    /// What earlier processes have left. Something may be among it that another one is just taking away, which does no
    /// harm: the result of each is stored.
    pub(crate) async fn load(store: Arc<dyn ExecutionStore>) -> Result<Arc<Self>, StoreError> {
        let left = store.unsettled().await?;
        let all = Self { store, names: Mutex::default() };
        left.into_iter().for_each(|name| all.add(name));
        Ok(Arc::new(all))
    }

    /// A node keeps this for a later run.
    pub(super) fn add(&self, name: DetachedName) {
        self.lock().entry(name.node.clone()).or_default().push(name);
    }

    /// Lets a node that was reached by `request` forget what it keeps, as far as it was reached in the same way then.
    /// Returns what it has forgotten.
    pub(super) async fn settle(
        &self,
        transport: &dyn Transport,
        request: &ConnectRequest,
        action: &Action,
    ) -> Vec<DetachedName> {
        let node = &request.target.node;
        let Some(names) = self.lock().remove(node) else { return Vec::new() };
        let mut settled = Vec::new();
        for (number, name) in names.into_iter().enumerate() {
            let is_gone = number < AT_ONCE
                && match self.started(&name, &request.target.endpoint, action).await {
                    Some(run_as) => transport.forget(request, &name, run_as.as_ref()).await,
                    None => false,
                };
            if is_gone {
                tracing::debug!(%node, execution_id = %name.execution, "what a process had left is taken away");
                settled.push(name);
            } else {
                self.add(name);
            }
        }
        settled
    }

    /// As whom the command was started, with what is needed to become that user. `None` where that is not known, and where
    /// the node was reached in another way then.
    async fn started(&self, name: &DetachedName, way: &Endpoint, action: &Action) -> Option<Option<RunAs>> {
        let query = TargetQuery { nodes: vec![name.node.clone()], ..TargetQuery::default() };
        let target = self.store.targets(name.execution, &query).await.ok()?.items.into_iter().next()?;
        if !is_same_place(&target.target.endpoint, way) {
            return None;
        }
        let then = self.store.execution(name.execution).await.ok()??;
        let Some(run_as) = then.request.action.process()?.run_as.clone() else { return Some(None) };
        if !run_as.password.as_ref().is_some_and(Secret::is_redacted) {
            return Some(Some(run_as));
        }
        // The password was not stored; that of this run is as good where it becomes the same user.
        let now = action.process()?.run_as.as_ref()?;
        (now.user == run_as.user && now.method == run_as.method).then(|| Some(now.clone()))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<NodeId, Vec<DetachedName>>> {
        // Nothing in here can panic half way, so a poisoned lock holds a sound map.
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
