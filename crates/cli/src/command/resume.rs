//! `pab executions resume`.

use std::collections::BTreeSet;

use pabawi::inventory::fold;
use pabawi::{Caller, ExecutionId, Framework, NodeId, StreamKind, TargetQuery, TargetState};

use crate::args::{GlobalArgs, LoginArgs, ResumeArgs};
use crate::command::find::find;
use crate::command::rerun::{check_groups, secrets};
use crate::command::run::submit_and_follow;
use crate::exit::{Exit, Failure};
use crate::open;
use crate::text::Colour;
use crate::watch::Sink;

/// Goes on with an execution whose process died.
///
/// # Errors
/// [`Failure`].
pub(crate) async fn resume(global: &GlobalArgs, args: &ResumeArgs) -> Result<Exit, Failure> {
    let secrets = secrets(&args.secrets)?;
    let (id, detached, unknown) = open::with_history(global, async |framework, caller| {
        let record = find(framework, caller, &args.id).await?;
        let detached = record.request.action.process().is_some_and(|process| process.detach);
        Ok((record.id, detached, unknown(framework, caller, record.id).await?))
    })
    .await?;
    if !unknown.is_empty() {
        let done = if detached {
            "detached commands are looked for there and followed, none is run twice"
        } else if args.rerun_unknown {
            "they are run again"
        } else {
            "they are left alone; --rerun-unknown runs them again"
        };
        let nodes: Vec<NodeId> = unknown.into_iter().collect();
        let text = format!("what came of it is not known on {}: {done}", fold(&nodes));
        let mut sink = Sink::standard(global.no_color);
        let text = sink.err_style.paint(Colour::Yellow, &text);
        sink.line(StreamKind::Stderr, &text);
        sink.flush().map_err(|error| Failure::nothing_ran(format!("write to standard error: {error}")))?;
    }
    let login = LoginArgs::default();
    let builder = open::for_rerun(global, &args.sources, &login, &args.trust, &args.memory, &args.breakers)?;
    submit_and_follow(global, builder, &args.output, async |framework, caller| {
        check_groups(&framework, &args.breakers).await?;
        let resumed = framework.resume(caller, id, args.rerun_unknown, secrets).await?;
        Ok::<_, Failure>(resumed.id)
    })
    .await
}

/// Nodes on which the process died while the command ran.
async fn unknown(
    framework: &Framework,
    caller: &Caller,
    id: ExecutionId,
) -> Result<BTreeSet<NodeId>, Failure> {
    let mut found = BTreeSet::new();
    let mut query =
        TargetQuery { state: Some(TargetState::Interrupted), limit: Some(10_000), ..TargetQuery::default() };
    // Ends with the last page.
    loop {
        let page = framework.targets(caller, id, &query).await?;
        found.extend(page.items.into_iter().map(|record| record.target.node));
        match page.next_cursor {
            Some(cursor) => query.cursor = Some(cursor),
            None => return Ok(found),
        }
    }
}
