//! Ninth stage: events are pulled by any number of readers. `event_log` holds the latest events of a running
//! execution, `rings` knows those of all executions, `replay` reads older ones from the store, as what `told` says,
//! `subscription` joins the two.

mod event_log;
mod replay;
mod rings;
mod subscription;
mod told;

pub(crate) use event_log::{EventLog, Standing};
pub(crate) use rings::Rings;
pub use subscription::{Subscription, SubscriptionMode};
pub use told::ToldEvent;
