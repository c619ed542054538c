//! Contract tests of the domain's ports: what every implementation must do, in one place.
//!
//! An implementation's own tests run them with [`transport_contract!`](crate::transport_contract),
//! [`execution_store_contract!`](crate::execution_store_contract) and
//! [`graph_store_contract!`](crate::graph_store_contract). A contract knows only the port; what is
//! special about one implementation is tested beside it.

pub mod breaker_store;
pub mod execution_store;
pub mod fact_store;
pub mod graph_store;
pub mod journal_store;
pub mod plan_store;
mod records;
mod run;
pub mod transport;

pub use graph_store::GraphSubject;
pub use journal_store::JournalSubject;
pub use records::StoreSubject;
pub use run::{Finished, TransportSubject};
