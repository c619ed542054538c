//! Which targets and groups Bolt's inventory has: [`Known`], and [`KnownTargets`] who asks no more often than is needed.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use pabawi_domain::ports::{InventorySnapshot, InventorySource};
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long an answer holds that only asking again could show to be old.
const HOLDS: Duration = Duration::from_secs(30);

/// What the inventory has.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Known {
    /// Names of targets.
    pub(super) names: HashSet<String>,
    /// Names of targets by their other names.
    pub(super) aliases: HashMap<String, String>,
    /// Names of groups.
    pub(super) groups: HashSet<String>,
}

impl Known {
    fn of(snapshot: &InventorySnapshot) -> Self {
        let mut known = Self::default();
        for node in &snapshot.nodes {
            let name = node.id.as_str();
            known.names.insert(name.to_owned());
            let aliases = node.aliases.iter().map(|alias| (alias.as_str().to_owned(), name.to_owned()));
            known.aliases.extend(aliases);
        }
        known.groups.extend(snapshot.groups.iter().map(|group| group.name.as_str().to_owned()));
        known
    }

    /// The name of the target that this is a name of.
    pub(super) fn target<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        match self.names.contains(name) {
            true => Some(name),
            false => self.aliases.get(name).map(String::as_str),
        }
    }
}

/// Knows the inventory.
pub(super) struct KnownTargets {
    source: Option<Arc<dyn InventorySource>>,
    last: Mutex<Option<Last>>,
}

struct Last {
    known: Arc<Known>,
    revision: Option<u64>,
    at: Instant,
}

impl KnownTargets {
    /// Of a source, or of nothing.
    pub(super) fn new(source: Option<Arc<dyn InventorySource>>) -> Self {
        Self { source, last: Mutex::new(None) }
    }

    /// What is known now. Who asks meanwhile waits for the same answer.
    ///
    /// # Errors
    /// The inventory cannot be read.
    pub(super) async fn now(&self) -> Result<Arc<Known>, String> {
        let Some(source) = &self.source else { return Ok(Arc::default()) };
        let mut last = self.last.lock().await;
        if let Some(last) = &*last {
            let holds = match (last.revision, source.revision()) {
                (Some(then), Some(now)) => then == now,
                _ => last.at.elapsed() < HOLDS,
            };
            if holds {
                return Ok(Arc::clone(&last.known));
            }
        }
        // Before it is read, so that a change while it is read is seen.
        let revision = source.revision();
        let snapshot = source.fetch().await.map_err(|error| error.message)?;
        let known = Arc::new(Known::of(&snapshot));
        let revision = revision.filter(|revision| source.revision() == Some(*revision));
        *last = Some(Last { known: Arc::clone(&known), revision, at: Instant::now() });
        Ok(known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    use async_trait::async_trait;
    use pabawi_domain::id::NodeId;
    use pabawi_domain::node::Node;
    use pabawi_domain::ports::InventorySourceError;

    #[derive(Default)]
    struct Source {
        revision: AtomicU64,
        fetched: AtomicU64,
    }

    #[async_trait]
    impl InventorySource for Source {
        fn name(&self) -> &str {
            "bolt"
        }
        fn priority(&self) -> i32 {
            5
        }
        fn revision(&self) -> Option<u64> {
            Some(self.revision.load(Ordering::SeqCst)).filter(|revision| *revision > 0)
        }
        async fn fetch(&self) -> Result<InventorySnapshot, InventorySourceError> {
            self.fetched.fetch_add(1, Ordering::SeqCst);
            let mut node = Node::named(NodeId::new("web1").unwrap());
            node.aliases = vec![NodeId::new("www").unwrap()];
            Ok(InventorySnapshot { nodes: vec![node], ..InventorySnapshot::default() })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_inventory_is_read_when_it_has_changed_or_cannot_tell() {
        let source = Arc::new(Source::default());
        let shared: Arc<dyn InventorySource> = Arc::<Source>::clone(&source);
        let targets = KnownTargets::new(Some(shared));
        let known = targets.now().await.unwrap();
        assert_eq!((known.target("web1"), known.target("www")), (Some("web1"), Some("web1")));
        assert_eq!(known.target("web2"), None);
        targets.now().await.unwrap();
        assert_eq!(source.fetched.load(Ordering::SeqCst), 1);
        tokio::time::advance(HOLDS).await;
        source.revision.store(1, Ordering::SeqCst);
        targets.now().await.unwrap();
        tokio::time::advance(HOLDS * 2).await;
        targets.now().await.unwrap();
        assert_eq!(source.fetched.load(Ordering::SeqCst), 2, "its revision is the same");
        source.revision.store(2, Ordering::SeqCst);
        targets.now().await.unwrap();
        assert_eq!(source.fetched.load(Ordering::SeqCst), 3);
        assert_eq!(*KnownTargets::new(None).now().await.unwrap(), Known::default());
    }
}
