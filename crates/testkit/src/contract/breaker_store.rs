//! What every [`BreakerStore`] must do. Main function: [`breakers_are_remembered`].

use pabawi_domain::breaker::{BreakerRecord, BreakerState, BreakerStatus, Component, RecentRequests};
use pabawi_domain::id::{NodeId, PluginName};
use pabawi_domain::ports::BreakerStore;

use super::records::{at, good};

/// R7.7: breakers that are not closed or have seen failures are read back as they were written last; others are
/// forgotten.
pub async fn breakers_are_remembered(store: &dyn BreakerStore) {
    let (Ok(node), Ok(plugin)) = (NodeId::new("web1"), PluginName::new("ssh")) else {
        unreachable!("the names are good")
    };
    let (node, plugin) = (Component::Node(node), Component::Plugin(plugin));
    let record = |component: &Component, state, failures| BreakerRecord {
        status: BreakerStatus {
            component: component.clone(),
            state,
            since: at(10),
            failures,
            next_probe_at: (state == BreakerState::Open).then(|| at(40)),
        },
        recent: Vec::new(),
    };
    assert_eq!(good("read", store.breakers().await), []);
    let open = record(&plugin, BreakerState::Open, 5);
    let mut counting = record(&node, BreakerState::Closed, 2);
    counting.recent = vec![
        RecentRequests { at: at(1), requests: 3, failures: 1 },
        RecentRequests { at: at(7), requests: 1, failures: 1 },
    ];
    good("write", store.save_breakers(&[open.clone(), counting.clone()]).await);
    assert_eq!(good("read", store.breakers().await), [counting, open.clone()]);
    let half_open = record(&node, BreakerState::HalfOpen, 3);
    good("write", store.save_breakers(std::slice::from_ref(&half_open)).await);
    assert_eq!(good("read", store.breakers().await), [half_open, open.clone()]);
    let closed = record(&node, BreakerState::Closed, 0);
    good("write", store.save_breakers(&[closed]).await);
    assert_eq!(good("read", store.breakers().await), [open]);
}
