//! `pab plan list` and `pab plan show`, and finding a plan by what people type: [`find_plan`].

use pabawi::inventory::fold;
use pabawi::{
    ActionKind, Caller, ExecutionId, ExecutionQuery, Framework, Mode, NodeId, PlanHash, PlanHead, StoredPlan,
    StreamKind,
};
use serde::Serialize;

use crate::args::{Format, GlobalArgs, HeadArgs, PlanShowArgs};
use crate::command::list::{first_line, short_time};
use crate::command::listing::{List, write_value};
use crate::command::preview::{SHORT_HASH, reached, request_facts, write_facts, write_rows};
use crate::exit::{Exit, Failure};
use crate::open;
use crate::text::{Table, escape_for_terminal};
use crate::watch::Sink;

/// The shortest beginning of a hash.
const SHORTEST: usize = 4;

/// A plan in a list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    #[serde(flatten)]
    head: PlanHead,
    user: String,
    action_kind: ActionKind,
    action_text: String,
    nodes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    applied_by: Option<ExecutionId>,
}

/// A plan with what became of it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    #[serde(flatten)]
    plan: &'a StoredPlan,
    #[serde(skip_serializing_if = "Option::is_none")]
    applied_by: Option<ExecutionId>,
}

/// Lists the plans that are kept.
///
/// # Errors
/// [`Failure`].
pub(crate) async fn list(global: &GlobalArgs, args: &HeadArgs) -> Result<Exit, Failure> {
    let plans = open::with_history(global, async |framework, caller| {
        let mut plans = Vec::new();
        // One after the other, since a plan may be large.
        for head in framework.plans(caller, "", args.limit).await? {
            let plan = framework.plan(caller, head.hash).await?;
            plans.push(Listed {
                head,
                user: plan.caller.user,
                action_kind: plan.request.action.kind(),
                action_text: plan.request.action.text(),
                nodes: plan.basis.targets.len(),
                applied_by: applied_by(framework, caller, head.hash).await?,
            });
        }
        Ok(plans)
    })
    .await?;
    List::of_all(&plans, "no plans; make one with pab plan run, script or copy").write(
        global,
        args.format,
        table,
    )
}

fn table(plans: &[Listed]) -> Table {
    let mut table =
        Table::new(&["PLAN", "MADE (UTC)", "UNTIL (UTC)", "NODES", "USER", "EXECUTION", "KIND", "ACTION"]);
    for plan in plans {
        table.row([
            plan.head.hash.to_string().chars().take(SHORT_HASH).collect(),
            short_time(plan.head.created_at),
            short_time(plan.head.expires_at),
            plan.nodes.to_string(),
            escape_for_terminal(plan.user.as_bytes()),
            plan.applied_by.map_or_else(|| "-".to_owned(), |id| id.to_string()),
            plan.action_kind.to_string(),
            first_line(&plan.action_text),
        ]);
    }
    table
}

/// Shows a plan as it was made.
///
/// # Errors
/// [`Failure`].
pub(crate) async fn show(global: &GlobalArgs, args: &PlanShowArgs) -> Result<Exit, Failure> {
    let (plan, applied_by) = open::with_history(global, async |framework, caller| {
        let plan = find_plan(framework, caller, &args.hash).await?;
        let applied_by = applied_by(framework, caller, plan.hash).await?;
        Ok((plan, applied_by))
    })
    .await?;
    let mut sink = Sink::standard(global.no_color);
    match args.format {
        Format::Table => write_plan(&plan, applied_by, &mut sink),
        format => write_value(&Shown { plan: &plan, applied_by }, format, &mut sink)?,
    }
    sink.flush().map_err(|error| Failure::nothing_ran(format!("write the plan: {error}")))?;
    Ok(Exit::AllSucceeded)
}

fn write_plan(plan: &StoredPlan, applied_by: Option<ExecutionId>, sink: &mut Sink) {
    let mut targets: Vec<_> = plan.basis.targets.iter().collect();
    targets.sort_by_key(|target| target.place);
    let nodes: Vec<NodeId> = targets.iter().map(|target| target.node.clone()).collect();
    let waves = match plan.request.rollout.mode {
        Mode::Rolling(_) => {
            let alike = targets.chunk_by(|one, other| one.place == other.place);
            alike.map(|wave| wave.len() as u64).collect()
        }
        _ => Vec::new(),
    };
    let mut facts = vec![
        ("plan", plan.hash.to_string()),
        ("made", format!("{} UTC by {}", short_time(plan.created_at), plan.caller.user)),
        ("until", format!("{} UTC", short_time(plan.expires_at))),
        ("action", format!("{} {}", plan.request.action.kind(), plan.request.action.text())),
        ("nodes", format!("{}: {}", nodes.len(), fold(&nodes))),
    ];
    facts.extend(request_facts(&plan.request, &nodes, &waves, &plan.basis.files));
    match applied_by {
        Some(id) => facts.push(("applied", format!("by execution {id}"))),
        None => facts.push(("applied", "not yet".to_owned())),
    }
    write_facts(&facts, sink);
    sink.line(StreamKind::Stdout, "");
    let rows = targets
        .iter()
        .map(|target| (&target.node, [target.transport.to_string(), reached(&target.reach, &target.node)]));
    write_rows(&["NODE", "TRANSPORT", "REACHED AS"], rows, sink);
}

/// The execution that has applied a plan.
async fn applied_by(
    framework: &Framework,
    caller: &Caller,
    hash: PlanHash,
) -> Result<Option<ExecutionId>, Failure> {
    let query = ExecutionQuery {
        idempotency_key: Some(hash.idempotency_key().map_err(Failure::nothing_ran)?),
        limit: Some(1),
        ..ExecutionQuery::default()
    };
    Ok(framework.executions(caller, &query).await?.items.first().map(|record| record.id))
}

/// The plan that is meant: by its hash, the beginning of it, or `last`.
///
/// # Errors
/// None, several, or a beginning that is too short.
pub(super) async fn find_plan(
    framework: &Framework,
    caller: &Caller,
    text: &str,
) -> Result<StoredPlan, Failure> {
    let hash = if let Ok(hash) = text.to_ascii_lowercase().parse::<PlanHash>() {
        hash
    } else if text == "last" {
        let plans = framework.plans(caller, "", 1).await?;
        plans.first().ok_or_else(|| Failure::usage("there is no plan yet; make one with pab plan"))?.hash
    } else {
        if text.len() < SHORTEST || !text.chars().all(|c| c.is_ascii_hexdigit()) {
            return Err(Failure::usage(format!(
                "{text:?} is no hash of a plan; give the hash, at least {SHORTEST} characters of its beginning, or 'last'"
            )));
        }
        let plans = framework.plans(caller, text, 5).await?;
        match plans.as_slice() {
            [] => return Err(Failure::usage(format!("no plan begins with {text}; make one with pab plan"))),
            [one] => one.hash,
            several => {
                let hashes: Vec<String> = several.iter().map(|head| head.hash.to_string()).collect();
                return Err(Failure::usage(format!(
                    "several plans begin with {text}: {}; give more of the hash",
                    hashes.join(", ")
                )));
            }
        }
    };
    Ok(framework.plan(caller, hash).await?)
}
