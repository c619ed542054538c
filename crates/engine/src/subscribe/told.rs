//! As what a reader wants its events: [`Told`]. Programs in Rust want the events themselves; who passes them on as JSON takes
//! a [`ToldEvent`], so that stored events go out as the texts that they are.

use std::io;
use std::sync::Arc;

use jiff::Timestamp;
use pabawi_domain::event::{EventText, ExecutionEvent};
use pabawi_domain::id::ExecutionId;
use pabawi_domain::ports::{ExecutionStore, StoreError};

/// An event for a reader who wants JSON.
#[derive(Debug, Clone)]
pub enum ToldEvent {
    /// It has just happened, or was made for this reader.
    Event(Arc<ExecutionEvent>),
    /// It was stored.
    Text(EventText),
}

impl ToldEvent {
    /// Writes the JSON of an [`ExecutionEvent`].
    ///
    /// # Errors
    /// What the writer says.
    pub fn write(&self, to: impl io::Write) -> io::Result<()> {
        match self {
            Self::Event(event) => Ok(serde_json::to_writer(to, event.as_ref())?),
            Self::Text(text) => text.write(to),
        }
    }

    /// The same with the number 0 for its execution.
    ///
    /// # Errors
    /// What the writer says.
    pub fn write_unnamed(&self, to: impl io::Write) -> io::Result<()> {
        match self {
            Self::Event(event) => event.write_unnamed(to),
            Self::Text(text) => text.write_unnamed(to),
        }
    }
}

/// Stored events, as far as the store was read.
pub(super) struct Stored<E> {
    /// In order; numbers that are missing were not kept.
    pub(super) events: Vec<E>,
    /// The number after the last one that this speaks for.
    pub(super) next_seq: u64,
    /// Whether the store may have more from there on.
    pub(super) has_more: bool,
}

/// What a reader wants.
pub(super) trait Told: From<Arc<ExecutionEvent>> + Send {
    fn seq(&self) -> u64;

    fn at(&self) -> Timestamp;

    fn is_last(&self) -> bool;

    /// Stored events from a number on, about so many.
    fn stored(
        store: &dyn ExecutionStore,
        id: ExecutionId,
        from: u64,
        max: usize,
    ) -> impl Future<Output = Result<Stored<Self>, StoreError>> + Send;
}

impl Told for Arc<ExecutionEvent> {
    fn seq(&self) -> u64 {
        self.seq
    }

    fn at(&self) -> Timestamp {
        self.at
    }

    fn is_last(&self) -> bool {
        self.kind.is_last()
    }

    async fn stored(
        store: &dyn ExecutionStore,
        id: ExecutionId,
        from: u64,
        max: usize,
    ) -> Result<Stored<Self>, StoreError> {
        const MOST: u32 = 1000;
        let limit = u32::try_from(max).unwrap_or(MOST).clamp(1, MOST);
        let page = store.events(id, from, limit).await?;
        // A page may be shorter than was asked for because its events are large.
        let has_more = !page.events.is_empty();
        let events = page.events.into_iter().map(Self::new).collect();
        Ok(Stored { events, next_seq: page.next_seq, has_more })
    }
}

impl From<Arc<ExecutionEvent>> for ToldEvent {
    fn from(event: Arc<ExecutionEvent>) -> Self {
        Self::Event(event)
    }
}

impl Told for ToldEvent {
    fn seq(&self) -> u64 {
        match self {
            Self::Event(event) => event.seq,
            Self::Text(text) => text.seq,
        }
    }

    fn at(&self) -> Timestamp {
        match self {
            Self::Event(event) => event.at,
            Self::Text(text) => text.at,
        }
    }

    fn is_last(&self) -> bool {
        match self {
            Self::Event(event) => event.kind.is_last(),
            Self::Text(text) => text.is_last,
        }
    }

    /// As many as the store gives at once: what is read is not read again.
    async fn stored(
        store: &dyn ExecutionStore,
        id: ExecutionId,
        from: u64,
        _: usize,
    ) -> Result<Stored<Self>, StoreError> {
        let page = store.event_texts(id, from).await?;
        let events = page.events.into_iter().map(Self::Text).collect();
        Ok(Stored { events, next_seq: page.next_seq, has_more: page.has_more })
    }
}
