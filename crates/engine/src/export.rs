//! Everything that is stored of one execution, part by part: [`Engine::export`].

use std::collections::{BTreeSet, VecDeque};

use pabawi_domain::export::{ExportPart, ExportedOutput};
use pabawi_domain::id::ExecutionId;
use pabawi_domain::output::ContentHash;
use pabawi_domain::record::TargetQuery;
use pabawi_domain::request::Caller;

use crate::engine::Engine;
use crate::error::EngineError;

/// Targets that are read at once.
const TARGETS: u32 = 1000;
/// Events that are read at once.
const EVENTS: u32 = 1000;
/// Bytes of an output that are read at once.
const PIECE: u32 = 1024 * 1024;

impl Engine {
    /// Everything that is stored of an execution; of one that runs, as far as it is stored.
    ///
    /// # Errors
    /// [`EngineError`].
    pub async fn export(&self, caller: &Caller, id: ExecutionId) -> Result<Export, EngineError> {
        self.may_show(caller, id).await?;
        let record = self.shared.store.execution(id).await?.ok_or(EngineError::NotFound(id))?;
        Ok(Export {
            engine: self.clone(),
            id,
            ready: VecDeque::from([ExportPart::Execution(Box::new(record))]),
            next: Next::Targets(None),
            outputs: BTreeSet::new(),
        })
    }
}

/// The parts of an export, read as they are asked for: what is in memory is one page.
pub struct Export {
    engine: Engine,
    id: ExecutionId,
    ready: VecDeque<ExportPart>,
    next: Next,
    outputs: BTreeSet<ContentHash>,
}

/// What is read next.
enum Next {
    /// Targets, from a cursor on.
    Targets(Option<String>),
    Attempts,
    /// Events, from a number on.
    Events(u64),
    /// The first of the outputs, from a byte on.
    Output(u64),
    Nothing,
}

impl Export {
    /// The next part; `None` after the last.
    ///
    /// # Errors
    /// [`EngineError`]; the same part may be asked for again.
    pub async fn next(&mut self) -> Result<Option<ExportPart>, EngineError> {
        while self.ready.is_empty() && !matches!(self.next, Next::Nothing) {
            self.next = self.read().await?;
        }
        Ok(self.ready.pop_front())
    }

    /// Reads one page, and tells what comes after it.
    async fn read(&mut self) -> Result<Next, EngineError> {
        let store = &self.engine.shared.store;
        match &self.next {
            Next::Targets(cursor) => {
                let query =
                    TargetQuery { limit: Some(TARGETS), cursor: cursor.clone(), ..TargetQuery::default() };
                let page = store.targets(self.id, &query).await?;
                for target in page.items {
                    let outputs = [target.stdout, target.stderr];
                    self.outputs.extend(outputs.into_iter().flatten().map(|output| output.hash));
                    self.ready.push_back(ExportPart::Target(Box::new(target)));
                }
                Ok(page.next_cursor.map_or(Next::Attempts, |cursor| Next::Targets(Some(cursor))))
            }
            Next::Attempts => {
                let attempts = store.attempts(self.id, None).await?;
                self.ready.extend(attempts.into_iter().map(|attempt| ExportPart::Attempt(Box::new(attempt))));
                Ok(Next::Events(1))
            }
            Next::Events(from) => {
                let page = store.events(self.id, *from, EVENTS).await?;
                let (from, to) = (*from, page.next_seq);
                self.ready.extend(page.events.into_iter().map(|event| ExportPart::Event(Box::new(event))));
                Ok(if to > from { Next::Events(to) } else { Next::Output(0) })
            }
            Next::Output(offset) => {
                let (Some(hash), offset) = (self.outputs.first().copied(), *offset) else {
                    return Ok(Next::Nothing);
                };
                // What nobody refers to any more may have been removed meanwhile.
                let Some(chunk) = store.output(hash, offset, PIECE).await? else {
                    self.outputs.remove(&hash);
                    return Ok(Next::Output(0));
                };
                let read = chunk.data.0.len() as u64;
                let end = offset.saturating_add(read);
                let more = read > 0 && end < chunk.kept_bytes;
                self.ready.push_back(ExportPart::Output(Box::new(ExportedOutput { hash, offset, chunk })));
                if !more {
                    self.outputs.remove(&hash);
                }
                Ok(Next::Output(if more { end } else { 0 }))
            }
            Next::Nothing => Ok(Next::Nothing),
        }
    }
}
