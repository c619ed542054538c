//! `pab journal prune` and `pab executions prune`: what is old is shown, or removed.

use pabawi::StreamKind;
use pabawi::journal::{
    ExecutionLimit, ExecutionRetention, JournalRetention, Retention, RetentionLimit, RetentionPlan,
    RetentionReport,
};
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
    let ExecutionsPruneArgs { action_kind, plugin, outputs_older_than, outputs_keep, .. } = args;
    let of = |limit: RetentionLimit| -> Vec<ExecutionRetention> {
        let one = ExecutionRetention { action_kind: *action_kind, plugin: plugin.clone(), limit };
        (limit != RetentionLimit::default()).then_some(one).into_iter().collect()
    };
    let mut retention = Retention {
        executions: of(limit(&args.limit)),
        outputs: of(RetentionLimit { max_age: *outputs_older_than, keep: *outputs_keep }),
        ..Retention::default()
    };
    if retention.keeps_all() {
        if action_kind.is_some() || plugin.is_some() {
            return Err(Failure::usage(
                "give --older-than, --keep, --outputs-older-than or --outputs-keep with --type and --plugin",
            ));
        }
        retention.executions.clone_from(&global.journal.executions);
        retention.outputs.clone_from(&global.journal.outputs);
    }
    if retention.keeps_all() {
        return Err(Failure::usage(
            "nothing says what is old: give --older-than, --keep, --outputs-older-than or --outputs-keep, or limits under [retention] in the configuration",
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
        if !plan.executions.is_empty() {
            line(format!("removed {} executions with {} targets", report.executions, report.targets));
        }
        if !plan.executions.is_empty() || plan.outputs.is_some() {
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
    for cut in &plan.executions {
        let newest = cut.newest.map(|at| format!(", the newest from {at}")).unwrap_or_default();
        let (executions, of) = (cut.executions, of_limit(&cut.limit));
        line(format!("would remove {executions} executions{of} with {} targets{newest}", cut.targets));
    }
    if let Some(cut) = &plan.outputs {
        line(format!("would remove {} outputs with {} bytes", cut.outputs, cut.bytes));
        for cut in &cut.executions {
            line(format!("  {} executions{} give up theirs", cut.executions, of_limit(&cut.limit)));
        }
    }
}

/// Which executions a limit is about.
fn of_limit(limit: &ExecutionLimit) -> String {
    let kind = limit.action_kind.map(|kind| format!(" of type {kind}")).unwrap_or_default();
    let plugin = limit.plugin.as_ref().map(|plugin| format!(" by {plugin}")).unwrap_or_default();
    kind + &plugin
}
