//! Executions by what people type: [`find`] takes an id, the beginning of one, or `last`.

use pabawi::inventory::expand;
use pabawi::{Caller, ExecutionId, ExecutionQuery, ExecutionRecord, Framework, NodeId};

use crate::exit::Failure;

/// The newest executions that the beginning of an id is looked for in.
const SEARCHED: usize = 100_000;
/// The shortest beginning.
const SHORTEST: usize = 4;

/// The execution that is meant.
///
/// # Errors
/// None, several, or a beginning that is too short.
pub(super) async fn find(
    framework: &Framework,
    caller: &Caller,
    text: &str,
) -> Result<ExecutionRecord, Failure> {
    if text == "last" {
        let query = ExecutionQuery { limit: Some(1), ..ExecutionQuery::default() };
        let page = framework.executions(caller, &query).await?;
        return page.items.into_iter().next().ok_or_else(|| Failure::usage("no execution is recorded yet"));
    }
    if let Ok(id) = text.parse::<ExecutionId>() {
        return Ok(framework.status(caller, id).await?);
    }
    let wanted = text.to_ascii_lowercase();
    if wanted.len() < SHORTEST || !wanted.chars().all(|c| c.is_ascii_hexdigit() || c == '-') {
        return Err(Failure::usage(format!(
            "{text:?} is no execution id; give the id, at least {SHORTEST} characters of its beginning, or 'last'"
        )));
    }
    let mut found: Vec<ExecutionRecord> = Vec::new();
    let mut searched = 0;
    let mut query = ExecutionQuery { limit: Some(1000), ..ExecutionQuery::default() };
    // Ends with the last page or with the limit.
    loop {
        let page = framework.executions(caller, &query).await?;
        searched += page.items.len();
        found.extend(page.items.into_iter().filter(|record| record.id.to_string().starts_with(&wanted)));
        match page.next_cursor {
            Some(cursor) if searched < SEARCHED && found.len() < 2 => query.cursor = Some(cursor),
            _ => break,
        }
    }
    if found.len() > 1 {
        let ids: Vec<String> = found.iter().take(5).map(|record| record.id.to_string()).collect();
        return Err(Failure::usage(format!(
            "several executions begin with {text}: {}; give more of the id",
            ids.join(", ")
        )));
    }
    found
        .pop()
        .ok_or_else(|| Failure::usage(format!("no execution begins with {text}; see pab executions list")))
}

/// The nodes that `--node` names, each once.
///
/// # Errors
/// A name or range that is not understood.
pub(super) fn nodes(texts: &[String]) -> Result<Option<Vec<NodeId>>, Failure> {
    if texts.is_empty() {
        return Ok(None);
    }
    expand(&texts.join(",")).map(Some).map_err(|error| Failure::usage(format!("--node: {error}")))
}
