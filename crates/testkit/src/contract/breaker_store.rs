//! What every [`BreakerStore`] must do. Main function: [`breakers_are_remembered`].

use pabawi_domain::breaker::{BreakerRecord, BreakerState, BreakerStatus, Component, RecentRequests};
use pabawi_domain::id::{GroupName, NodeId, PluginName};
use pabawi_domain::ports::BreakerStore;

use super::records::{at, good};

fn record(component: &Component, state: BreakerState, failures: u32, since: i64) -> BreakerRecord {
    BreakerRecord {
        status: BreakerStatus {
            component: component.clone(),
            state,
            since: at(since),
            failures,
            next_probe_at: (state == BreakerState::Open).then(|| at(since + 40)),
        },
        recent: Vec::new(),
    }
}

/// R7.7: breakers are read back as they were written last, by whoever asks for what is new; of two states the one
/// stands that was entered later.
pub async fn breakers_are_remembered(store: &dyn BreakerStore) {
    let (Ok(node), Ok(plugin), Ok(group)) =
        (NodeId::new("web1"), PluginName::new("ssh"), GroupName::new("dc: 1"))
    else {
        unreachable!("the names are good")
    };
    let member = node.clone();
    let (node, plugin, group) = (Component::Node(node), Component::Plugin(plugin), Component::Group(group));
    let nothing = good("read", store.breakers(0).await);
    assert_eq!((nothing.records, nothing.mark), (vec![], 0));

    let open = record(&plugin, BreakerState::Open, 5, 10);
    let mut counting = record(&node, BreakerState::Closed, 2, 10);
    counting.recent = vec![
        RecentRequests { at: at(1), requests: 3, failures: 1, nodes: vec![] },
        RecentRequests { at: at(7), requests: 1, failures: 1, nodes: vec![] },
    ];
    let mut of_group = record(&group, BreakerState::Closed, 1, 10);
    of_group.recent = vec![RecentRequests { at: at(7), requests: 9, failures: 1, nodes: vec![member] }];
    good("write", store.save_breakers(&[open.clone(), counting.clone(), of_group.clone()]).await);
    let first = good("read", store.breakers(0).await);
    assert_eq!(first.records, [open.clone(), counting, of_group.clone()]);

    let half_open = record(&node, BreakerState::HalfOpen, 3, 20);
    good("write", store.save_breakers(std::slice::from_ref(&half_open)).await);
    let second = good("read", store.breakers(first.mark).await);
    assert_eq!(second.records, std::slice::from_ref(&half_open));
    assert_eq!(good("read", store.breakers(second.mark).await).records, []);
    assert_eq!(good("read", store.breakers(second.mark).await).mark, second.mark);
    assert_eq!(good("read", store.breakers(0).await).records, [open.clone(), of_group.clone(), half_open]);

    // Whoever has not heard of the change has nothing to say about it.
    good("write", store.save_breakers(&[record(&node, BreakerState::Closed, 1, 19)]).await);
    assert_eq!(good("read", store.breakers(second.mark).await).records, []);

    let closed = record(&node, BreakerState::Closed, 0, 30);
    good("write", store.save_breakers(std::slice::from_ref(&closed)).await);
    let third = good("read", store.breakers(second.mark).await);
    assert_eq!(third.records, std::slice::from_ref(&closed));
    assert_eq!(good("read", store.breakers(0).await).records, [open, of_group, closed]);
}
