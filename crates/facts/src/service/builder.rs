//! [`FactsBuilder`]: puts a [`Facts`] together.

use std::sync::Arc;

use pabawi_domain::ports::{Clock, FactProvider};

use super::facts::{Facts, Shared};
use super::registry::{ProviderOptions, RegisterError, Registry};
use crate::known::KnownFacts;

/// Options of a [`Facts`].
pub struct FactsBuilder {
    known: KnownFacts,
    clock: Arc<dyn Clock>,
    registry: Registry,
    cache_bytes: u64,
}

impl FactsBuilder {
    /// Bytes of facts that are held in memory when nothing else is said.
    pub const CACHE_BYTES: u64 = 512 * 1024 * 1024;

    pub(super) fn new(known: KnownFacts, clock: Arc<dyn Clock>) -> Self {
        Self { known, clock, registry: Registry::default(), cache_bytes: Self::CACHE_BYTES }
    }

    /// Adds a provider. Of two with the same priority, the one that was added first wins.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub fn provider(
        mut self,
        provider: Arc<dyn FactProvider>,
        options: ProviderOptions,
    ) -> Result<Self, RegisterError> {
        self.registry = self.registry.with(provider, options)?;
        Ok(self)
    }

    /// How many bytes of facts are held in memory, about; what was used least goes first. 512 MiB, which is enough for
    /// ten thousand nodes of which two providers say all there is to say: these take about 45 KiB each, and 15 KiB where
    /// only one says something. What is not held is read from the store again.
    #[must_use]
    pub fn cache_bytes(mut self, bytes: u64) -> Self {
        self.cache_bytes = bytes;
        self
    }

    /// The service.
    #[must_use]
    pub fn build(self) -> Facts {
        Facts::of(Shared::new(self.known, self.clock, self.registry, self.cache_bytes))
    }
}
