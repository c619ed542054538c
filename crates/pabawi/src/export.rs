//! Everything that is remembered of one execution, in the records and in the journal: [`Export`].

use pabawi_domain::export::ExportPart;
use pabawi_domain::id::ExecutionId;
use pabawi_domain::journal::JournalQuery;
use pabawi_domain::request::Caller;
use pabawi_engine::EngineError;

use crate::Framework;

/// Journal entries that are read at once.
const ENTRIES: u32 = 1000;

/// The parts of an export, read as they are asked for; made by [`Framework::export`].
pub struct Export {
    framework: Framework,
    caller: Caller,
    id: ExecutionId,
    records: pabawi_engine::Export,
    journal: Journal,
}

/// How far the journal has been read.
enum Journal {
    At(Option<String>),
    Page(std::vec::IntoIter<ExportPart>, Option<String>),
    End,
}

impl Export {
    pub(crate) fn new(
        framework: Framework,
        caller: Caller,
        id: ExecutionId,
        records: pabawi_engine::Export,
    ) -> Self {
        Self { framework, caller, id, records, journal: Journal::At(None) }
    }

    /// The next part; `None` after the last. Where the caller may not read the journal, the last part says so.
    ///
    /// # Errors
    /// [`EngineError`]; the same part may be asked for again.
    pub async fn next(&mut self) -> Result<Option<ExportPart>, EngineError> {
        if let Some(part) = self.records.next().await? {
            return Ok(Some(part));
        }
        // Ends with the last page.
        loop {
            match &mut self.journal {
                Journal::Page(parts, next) => match (parts.next(), next.take()) {
                    (Some(part), kept) => {
                        *next = kept;
                        return Ok(Some(part));
                    }
                    (None, Some(cursor)) => self.journal = Journal::At(Some(cursor)),
                    (None, None) => self.journal = Journal::End,
                },
                Journal::At(cursor) => {
                    let query = JournalQuery {
                        execution_id: Some(self.id),
                        limit: Some(ENTRIES),
                        cursor: cursor.clone(),
                        ..JournalQuery::default()
                    };
                    let page = match self.framework.journal(&self.caller, &query).await {
                        Ok(page) => page,
                        Err(EngineError::Denied { reason: why, .. }) => {
                            self.journal = Journal::End;
                            return Ok(Some(ExportPart::LeftOut { kind: "journal".to_owned(), why }));
                        }
                        Err(error) => return Err(error),
                    };
                    let parts: Vec<ExportPart> =
                        page.items.into_iter().map(|entry| ExportPart::Journal(Box::new(entry))).collect();
                    self.journal = Journal::Page(parts.into_iter(), page.next_cursor);
                }
                Journal::End => return Ok(None),
            }
        }
    }
}
