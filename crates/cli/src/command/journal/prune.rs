//! `pab journal prune` and `pab executions prune`: what is old is shown, or removed.

use pabawi::StreamKind;
use pabawi::journal::{JournalRetention, Retention, RetentionLimit, RetentionPlan, RetentionReport};
use serde::Serialize;

use crate::args::{ExecutionsPruneArgs, Format, GlobalArgs, JournalPruneArgs, LimitArgs};
use crate::command::listing::write_value;
use crate::exit::{Exit, Failure};
use crate::open;
use crate::text::escape_for_terminal;
use crate::watch::Sink;

/// What is written in the other formats.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    plan: &'a RetentionPlan,
    /// Absent where nothing was to be removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    removed: Option<RetentionReport>,
}

/// Removes old entries of the journal.
///
/// # Errors
/// [`Failure`]; also where nothing says what is old.
pub(super) async fn journal(global: &GlobalArgs, args: &JournalPruneArgs) -> Result<Exit, Failure> {
    let limit = limit(&args.limit);
    let is_typed = limit != RetentionLimit::default();
    if !is_typed && (args.event_type.is_some() || args.source.is_some()) {
        return Err(Failure::usage("give --older-than or --keep with --type and --source"));
    }
    let journal = match is_typed {
        true => {
            vec![JournalRetention { event_type: args.event_type.clone(), source: args.source.clone(), limit }]
        }
        false => global.journal.retention.clone(),
    };
    let retention = Retention { journal, ..Retention::default() };
    if retention.keeps_all() {
        return Err(Failure::usage(
            "nothing says what is old: give --older-than or --keep, or limits under [journal.retention] in the configuration",
        ));
    }
    prune(global, &retention, &args.limit).await
}

/// Removes old executions and outputs.
///
/// # Errors
/// [`Failure`]; also where nothing says what is old.
pub(crate) async fn executions(global: &GlobalArgs, args: &ExecutionsPruneArgs) -> Result<Exit, Failure> {
    let mut retention = Retention {
        executions: limit(&args.limit),
        outputs: args.outputs_older_than,
        ..Retention::default()
    };
    if retention.keeps_all() {
        (retention.executions, retention.outputs) = (global.journal.executions, global.journal.outputs);
    }
    if retention.keeps_all() {
        return Err(Failure::usage(
            "nothing says what is old: give --older-than, --keep or --outputs-older-than, or limits under [retention] in the configuration",
        ));
    }
    prune(global, &retention, &args.limit).await
}

fn limit(args: &LimitArgs) -> RetentionLimit {
    RetentionLimit { max_age: args.older_than, keep: args.keep }
}

async fn prune(global: &GlobalArgs, retention: &Retention, args: &LimitArgs) -> Result<Exit, Failure> {
    let (plan, removed) = open::with_history(global, async |framework, caller| {
        let journal = framework.node_journal();
        let plan = journal.plan_retention(caller, retention).await?;
        let removed = match args.plan {
            true => None,
            false => Some(journal.prune(caller, &plan).await?),
        };
        Ok((plan, removed))
    })
    .await?;
    let mut sink = Sink::standard(global.no_color);
    match args.format {
        Format::Table => tell(&plan, removed, &mut sink),
        format => write_value(&Document { plan: &plan, removed }, format, &mut sink)?,
    }
    sink.flush().map_err(|error| Failure::nothing_ran(format!("write the result: {error}")))?;
    Ok(Exit::AllSucceeded)
}

fn tell(plan: &RetentionPlan, removed: Option<RetentionReport>, sink: &mut Sink) {
    let mut line = |text: String| sink.line(StreamKind::Stdout, &text);
    if let Some(report) = removed {
        if !plan.journal.is_empty() {
            line(format!("removed {} journal entries", report.entries));
        }
        if plan.executions.is_some() {
            line(format!("removed {} executions with {} targets", report.executions, report.targets));
        }
        if plan.executions.is_some() || plan.outputs.is_some() {
            line(format!("removed {} outputs", report.outputs));
        }
        return;
    }
    for cut in &plan.journal {
        let mut of = String::new();
        if let Some(event_type) = &cut.limit.event_type {
            of.push_str(&format!(" of type {}", escape_for_terminal(event_type.as_bytes())));
        }
        if let Some(source) = &cut.limit.source {
            of.push_str(&format!(" of {}", escape_for_terminal(source.as_bytes())));
        }
        line(format!("would remove {} journal entries{of}", cut.entries));
    }
    if let Some(cut) = &plan.executions {
        let newest = cut.newest.map(|at| format!(", the newest from {at}")).unwrap_or_default();
        line(format!("would remove {} executions with {} targets{newest}", cut.executions, cut.targets));
    }
    if let Some(cut) = &plan.outputs {
        line(format!("would remove {} outputs with {} bytes", cut.outputs, cut.bytes));
    }
}
