//! The SSH transport keeps the contract of the transport port, on a real sshd.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has to fail"
)]

use std::sync::Arc;

use pabawi_domain::id::NodeId;
use pabawi_domain::node::{Endpoint, Target};
use pabawi_testkit::contract::TransportSubject;
use pabawi_testkit::fleet::Fleet;
use pabawi_testkit::transport_contract;
use pabawi_transport::ssh_config::SshConfig;
use pabawi_transport::{SshSettings, SshTransport};

async fn subject() -> TransportSubject {
    let fleet = Fleet::builder().nodes(1).start().unwrap();
    let mut settings = SshSettings::default();
    settings.config = Arc::new(SshConfig::load(fleet.ssh_config()).unwrap());
    let name = fleet.node(0).unwrap().name.clone();
    let target = Target::new(NodeId::new(&name).unwrap(), Endpoint::default());
    TransportSubject::new(Arc::new(SshTransport::new(settings)), target, fleet)
}

transport_contract!(ssh, crate::subject);
