//! The right to use a connection: [`Lease`].

use std::sync::Arc;

use pabawi_domain::host_key::HostKeySeen;
use pabawi_domain::ports::ConnectPhases;
use tokio::time::Instant;

use super::acquire::Inner;
use super::entry::{Grant, Purpose, Slot};
use crate::ssh::driver::Remote;

/// A place on a connection. Dropping it gives the place back.
#[derive(Debug)]
pub(crate) struct Lease {
    inner: Arc<Inner>,
    slot: Arc<Slot>,
    purpose: Purpose,
    /// Whether the connection stood already.
    pub(crate) reused: bool,
    /// How long the connecting took; zero when the connection stood already.
    pub(crate) phases: ConnectPhases,
}

impl Lease {
    pub(super) fn new(inner: Arc<Inner>, grant: Grant) -> Self {
        let Grant { slot, purpose, reused, phases } = grant;
        Self { inner, slot, purpose, reused, phases }
    }

    /// The connection.
    pub(crate) fn remote(&self) -> &Remote {
        &self.slot.remote
    }

    /// The host key and why it was accepted.
    pub(crate) fn host_key(&self) -> &HostKeySeen {
        &self.slot.host_key
    }

    /// A place of [`Purpose::Aside`] on this very connection, however full it is.
    pub(crate) fn aside(&self) -> Self {
        self.inner.with(|state| state.beside(&self.slot));
        Self {
            inner: Arc::clone(&self.inner),
            slot: Arc::clone(&self.slot),
            purpose: Purpose::Aside,
            reused: true,
            phases: ConnectPhases::default(),
        }
    }

    /// The node refused a channel here: fewer commands at a time from now on, or none.
    pub(crate) fn refused(&self) {
        self.inner.with(|state| state.refused(&self.slot));
    }

    /// The connection does not answer: nobody else gets it.
    pub(crate) fn retire(&self) {
        self.inner.with(|state| state.retire(&self.slot));
    }

    /// The connection has been silent since then, and so may others to the same host: nobody gets one of which nothing
    /// has been heard.
    pub(crate) fn retire_silent(&self, since: Instant) {
        self.inner.with(|state| state.retire_silent(&self.slot.key, since));
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let idle = self.inner.with(|state| state.give_back(&self.slot, self.purpose));
        Inner::after_change(&self.inner, &self.slot.key, idle);
    }
}
