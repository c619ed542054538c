//! `pab run`, `pab script`, `pab copy`: something is done on nodes.

use pabawi::inventory::Freshness;
use pabawi::{Action, Caller, ExecutionId, Framework, FrameworkBuilder};

use crate::args::{
    ConnectArgs, CopyCommand, ExecutionArgs, Format, GlobalArgs, OutputStyleArgs, RunArgs, ScriptArgs,
    SelectionArgs,
};
use crate::exit::{Exit, Failure};
use crate::request::Secrets;
use crate::signals::Interrupts;
use crate::watch::{Follow, Followed, Sink, follow, write_problems};
use crate::{open, request, rollout};

/// `pab run`.
///
/// # Errors
/// [`Failure`]; nothing was started then.
pub(crate) async fn run(global: &GlobalArgs, args: &RunArgs) -> Result<Exit, Failure> {
    let action = request::command(args, Secrets::Needed)?;
    start(global, action, &args.selection, &args.connect, &args.execution, &args.output).await
}

/// `pab script`.
///
/// # Errors
/// As for [`run`].
pub(crate) async fn script(global: &GlobalArgs, args: &ScriptArgs) -> Result<Exit, Failure> {
    let action = request::script(args, Secrets::Needed)?;
    start(global, action, &args.selection, &args.connect, &args.execution, &args.output).await
}

/// `pab copy up` and `pab copy down`.
///
/// # Errors
/// As for [`run`].
pub(crate) async fn copy(global: &GlobalArgs, command: &CopyCommand) -> Result<Exit, Failure> {
    match command {
        CopyCommand::Up(args) => {
            let action = request::upload(args);
            start(global, action, &args.selection, &args.connect, &args.execution, &args.output).await
        }
        CopyCommand::Down(args) => {
            let action = request::download(args);
            start(global, action, &args.selection, &args.connect, &args.execution, &args.output).await
        }
    }
}

async fn start(
    global: &GlobalArgs,
    action: Action,
    selection: &SelectionArgs,
    connect: &ConnectArgs,
    execution: &ExecutionArgs,
    style: &OutputStyleArgs,
) -> Result<Exit, Failure> {
    let request = request::request(action, open::targets(selection)?, connect, execution)?;
    // Before anything is opened or asked, so that a bad request leaves no trace.
    request.check()?;
    let builder = open::for_run(global, &selection.sources, connect)?;
    let mut limits = rollout::limits(&execution.retry);
    limits.output_memory_bytes = execution.memory.output_memory;
    let builder = builder.limits(limits);
    submit_and_follow(global, builder, style, async |framework, caller| {
        rollout::check_groups(&execution.retry, &framework.inventory(Freshness::Cached).await.inventory)?;
        Ok::<_, Failure>(framework.submit(caller, request).await?)
    })
    .await
}

/// Opens the framework, submits by `submit`, and shows what happens.
///
/// # Errors
/// [`Failure`].
pub(super) async fn submit_and_follow<E: Into<Failure>>(
    global: &GlobalArgs,
    builder: FrameworkBuilder,
    style: &OutputStyleArgs,
    submit: impl AsyncFnOnce(Framework, Caller) -> Result<ExecutionId, E>,
) -> Result<Exit, Failure> {
    if style.format == Format::Ndjson && style.group {
        return Err(Failure::usage("--group: events come one by one; use --format table, json or yaml"));
    }
    let mut sink = Sink::standard(global.no_color);
    let framework = builder.open().await?;
    let followed = submitted_and_followed(&framework, style, submit, &mut sink).await;
    if !matches!(followed, Ok(Followed::Left)) {
        framework.shutdown(open::CLOSING).await;
    }
    match followed? {
        Followed::Left => Ok(Exit::Cancelled),
        Followed::ToTheEnd(exit) => Ok(exit),
    }
}

async fn submitted_and_followed<E: Into<Failure>>(
    framework: &Framework,
    style: &OutputStyleArgs,
    submit: impl AsyncFnOnce(Framework, Caller) -> Result<ExecutionId, E>,
    sink: &mut Sink,
) -> Result<Followed, Failure> {
    write_warnings(framework, sink).await?;
    let caller = open::caller();
    let mut interrupts = Interrupts::new()?;
    let submission = submit(framework.clone(), caller.clone());
    let Some((id, interrupted)) = submitted(submission, &mut interrupts).await? else {
        return Ok(Followed::Left);
    };
    let what = Follow { framework, caller: &caller, id, style, interrupted };
    follow(what, interrupts, sink).await
}

/// Writes what is odd about the inventory, and what failed of it, to standard error.
///
/// # Errors
/// Standard error cannot be written to.
pub(in crate::command) async fn write_warnings(
    framework: &Framework,
    sink: &mut Sink,
) -> Result<(), Failure> {
    write_problems(sink, &framework.inventory(Freshness::Cached).await)
}

/// Waits for the submission. A first signal is remembered, since the execution may be recorded already; after
/// a second one there is no answer.
async fn submitted<E: Into<Failure>>(
    submission: impl Future<Output = Result<ExecutionId, E>>,
    interrupts: &mut Interrupts,
) -> Result<Option<(ExecutionId, bool)>, Failure> {
    let mut submission = std::pin::pin!(submission);
    let mut interrupted = false;
    // Ends with the submission or the second signal.
    loop {
        tokio::select! {
            id = &mut submission => return Ok(Some((id.map_err(Into::into)?, interrupted))),
            () = interrupts.next() => {
                if interrupted {
                    return Ok(None);
                }
                interrupted = true;
            }
        }
    }
}
