//! Contract tests of the domain's ports: what every implementation must do, in one place.
//!
//! An implementation's own tests run them with [`transport_contract!`](crate::transport_contract) and
//! [`execution_store_contract!`](crate::execution_store_contract). A contract knows only the port; what is
//! special about one implementation is tested beside it.

pub mod breaker_store;
pub mod execution_store;
pub mod plan_store;
mod records;
mod run;
pub mod transport;

pub use records::StoreSubject;
pub use run::{Finished, TransportSubject};
