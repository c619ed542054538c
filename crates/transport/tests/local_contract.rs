//! The local transport against the contract that every transport has to keep.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test's own functions meet is the test's failure"
)]

use std::sync::Arc;

use pabawi_domain::id::NodeId;
use pabawi_domain::node::{Endpoint, Target};
use pabawi_testkit::contract::TransportSubject;
use pabawi_transport::local::LocalTransport;

async fn subject() -> TransportSubject {
    let target = Target::new(NodeId::new("this-machine").unwrap(), Endpoint::default());
    TransportSubject::new(Arc::new(LocalTransport::default()), target, ())
}

pabawi_testkit::transport_contract!(local, super::subject);
