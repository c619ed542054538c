//! Plugins of Pabawi v1.x, unchanged: a binding wraps an object as a [`V1Plugin`], [`V1Adapter::adopt`] looks at it and gets it
//! ready, and the adapter is added with [`FrameworkBuilder::plugin`](crate::FrameworkBuilder::plugin).

pub use pabawi_domain::ports::{V1Error, V1ErrorKind, V1Listener, V1Plugin, V1Stream};
pub use pabawi_plugins::v1::{AdoptError, TimeoutUnit, UseOfStream, V1Adapter, V1Settings, V1Stats};
