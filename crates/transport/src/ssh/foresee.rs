//! How nodes would be reached: [`foresee`]. It reads settings and lists of known hosts; it opens no connection and asks no
//! name server.

use std::sync::Arc;

use pabawi_domain::host_key::{HostKeyKnowledge, HostKeyPolicy};
use pabawi_domain::node::Target;
use pabawi_domain::preview::{Approach, Reach};

use super::settings::{Hop, SshSettings};
use crate::known_hosts::{HostLookup, KnownHostsCache};

/// The way to each target, in their order.
pub(super) async fn foresee(
    settings: Arc<SshSettings>,
    cache: KnownHostsCache,
    targets: &[Target],
    host_keys: Option<HostKeyPolicy>,
) -> Vec<Approach> {
    let for_thread = targets.to_vec();
    // On a thread where files may be read.
    let looked = tokio::task::spawn_blocking(move || {
        for_thread.iter().map(|target| approach(&settings, &cache, target, host_keys)).collect()
    });
    looked.await.unwrap_or_else(|error| {
        let fault = format!("reading settings and known hosts failed: {error}");
        let unknown = |target| Approach { fault: Some(fault.clone()), ..Approach::of_endpoint(target) };
        targets.iter().map(unknown).collect()
    })
}

fn approach(
    settings: &SshSettings,
    cache: &KnownHostsCache,
    target: &Target,
    host_keys: Option<HostKeyPolicy>,
) -> Approach {
    let mut route = match settings.route(target, host_keys) {
        Ok(route) => route,
        Err(error) => {
            return Approach { fault: Some(error.error.message), ..Approach::of_endpoint(target) };
        }
    };
    let Some(last) = route.hops.pop() else { return Approach::of_endpoint(target) };
    let host = last.settings;
    let lists = cache.open(host.user_known_hosts_files.clone(), host.global_known_hosts_files.clone());
    let known = lists.knowledge(&HostLookup::for_settings(&host));
    Approach {
        reach: Reach {
            jump: route.hops.iter().map(Hop::describe).collect(),
            host: Some(host.host_name),
            port: Some(host.port),
            user: Some(host.user),
        },
        host_key: Some(known.unwrap_or(HostKeyKnowledge::Unreadable)),
        fault: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ssh_config::SshConfig;
    use pabawi_domain::id::NodeId;
    use pabawi_domain::node::Endpoint;

    #[tokio::test]
    async fn settings_and_lists_tell_the_way() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("config");
        let known = folder.path().join("known_hosts");
        let text = format!(
            "Host web1\n HostName 192.0.2.1\n Port 2222\n User ops\n ProxyJump gate@192.0.2.9:2200\n\
             Host loop\n ProxyJump loop\nHost *\n UserKnownHostsFile {}\n",
            known.display()
        );
        std::fs::write(&config, text).unwrap();
        let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0z8Zr0nQ0hXxvRzqjLk1P2c0QqXcQqL3l5a0l8eX2o";
        std::fs::write(&known, format!("[192.0.2.1]:2222 {key}\n")).unwrap();
        let settings =
            SshSettings { config: Arc::new(SshConfig::load(&config).unwrap()), ..Default::default() };
        let target = |name: &str, endpoint| Target::new(NodeId::new(name).unwrap(), endpoint);
        let other = Endpoint { host: Some("192.0.2.7".into()), port: Some(1), ..Endpoint::default() };
        let targets = [
            target("web1", Endpoint::default()),
            target("web2", Endpoint { user: Some("ann".into()), ..other }),
            target("loop", Endpoint::default()),
        ];
        let cache = KnownHostsCache::new();
        let ways = foresee(Arc::new(settings), cache, &targets, Some(HostKeyPolicy::Off)).await;
        let shown: Vec<String> = ways.iter().map(|way| way.reach.to_string()).collect();
        assert_eq!(shown[..2], ["ops@192.0.2.1:2222 via gate@192.0.2.9:2200", "ann@192.0.2.7:1"]);
        let known: Vec<_> = ways.iter().map(|way| way.host_key).collect();
        assert_eq!(known, [Some(HostKeyKnowledge::Known), Some(HostKeyKnowledge::Unknown), None]);
        assert!(ways[2].fault.is_some(), "{:?}", ways[2]);
    }
}
