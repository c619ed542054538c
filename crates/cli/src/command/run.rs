//! `pab run`, `pab script`, `pab copy`: something is done on nodes.

use std::path::{Path, PathBuf};

use pabawi::inventory::Freshness;
use pabawi::plugin::RiskLevel;
use pabawi::{Action, Caller, ExecutionRequest, Framework, FrameworkBuilder, PluginName, StreamKind};

use crate::args::{
    CareArgs, ConnectArgs, CopyCommand, DownArgs, ExecutionArgs, Format, GlobalArgs, OutputStyleArgs,
    RunArgs, ScriptArgs, SelectionArgs, UpArgs,
};
use crate::command::plan;
use crate::exit::{Exit, Failure};
use crate::generated::Tool;
use crate::request::Secrets;
use crate::signals::Interrupts;
use crate::watch::{FOLLOWING, Follow, Followed, Sink, Started, follow, write_problems};
use crate::{care, open, request, rollout};

/// `pab run`.
///
/// # Errors
/// [`Failure`]; nothing was started then.
pub(crate) async fn run(global: &GlobalArgs, args: &RunArgs) -> Result<Exit, Failure> {
    let action = request::command(args, secrets(args.care))?;
    Doing {
        action,
        by: args.provider.plugin.as_ref(),
        script: None,
        selection: &args.selection,
        connect: &args.connect,
        execution: &args.execution,
        care: args.care,
        risk: RiskLevel::Execute,
        style: &args.output,
    }
    .start(global)
    .await
}

/// `pab script`.
///
/// # Errors
/// As for [`run`].
pub(crate) async fn script(global: &GlobalArgs, args: &ScriptArgs) -> Result<Exit, Failure> {
    let action = request::script(args, secrets(args.care))?;
    Doing {
        action,
        by: args.provider.plugin.as_ref(),
        script: (args.file != Path::new("-")).then_some(&args.file),
        selection: &args.selection,
        connect: &args.connect,
        execution: &args.execution,
        care: args.care,
        risk: RiskLevel::Execute,
        style: &args.output,
    }
    .start(global)
    .await
}

/// `pab copy up` and `pab copy down`.
///
/// # Errors
/// As for [`run`].
pub(crate) async fn copy(global: &GlobalArgs, command: &CopyCommand) -> Result<Exit, Failure> {
    match command {
        CopyCommand::Up(args) => up(global, args).await,
        CopyCommand::Down(args) => down(global, args).await,
    }
}

/// `pab copy up`.
///
/// # Errors
/// As for [`run`].
pub(crate) async fn up(global: &GlobalArgs, args: &UpArgs) -> Result<Exit, Failure> {
    Doing {
        action: request::upload(args),
        by: args.provider.plugin.as_ref(),
        script: None,
        selection: &args.selection,
        connect: &args.connect,
        execution: &args.execution,
        care: args.care,
        risk: RiskLevel::Execute,
        style: &args.output,
    }
    .start(global)
    .await
}

/// `pab copy down`.
///
/// # Errors
/// As for [`run`].
pub(crate) async fn down(global: &GlobalArgs, args: &DownArgs) -> Result<Exit, Failure> {
    Doing {
        action: request::download(args),
        by: args.provider.plugin.as_ref(),
        script: None,
        selection: &args.selection,
        connect: &args.connect,
        execution: &args.execution,
        care: args.care,
        // It changes this side only.
        risk: RiskLevel::Read,
        style: &args.output,
    }
    .start(global)
    .await
}

/// What a tool does: `pab task` and the like, and the same of one plugin.
///
/// # Errors
/// As for [`run`].
pub(crate) async fn tool(global: &GlobalArgs, tool: Tool) -> Result<Exit, Failure> {
    let Tool { args, action, risk } = tool;
    Doing {
        action,
        // It stands in the action.
        by: None,
        script: None,
        selection: &args.selection,
        connect: &args.connect,
        execution: &args.execution,
        care: args.care,
        risk,
        style: &args.output,
    }
    .start(global)
    .await
}

/// Nothing is run by a dry run, so that it needs no secret.
fn secrets(care: CareArgs) -> Secrets {
    if care.dry_run { Secrets::StoodIn } else { Secrets::Needed }
}

/// Something that is to be done on nodes.
pub(super) struct Doing<'a> {
    /// What.
    pub(super) action: Action,
    /// The plugin or transport of a command, a script or a copy.
    pub(super) by: Option<&'a PluginName>,
    /// The file of a script.
    pub(super) script: Option<&'a PathBuf>,
    /// Where.
    pub(super) selection: &'a SelectionArgs,
    /// How nodes are reached.
    pub(super) connect: &'a ConnectArgs,
    /// Within which limits.
    pub(super) execution: &'a ExecutionArgs,
    /// Whether it is to be looked at or asked for first.
    pub(super) care: CareArgs,
    /// How much harm it can do.
    pub(super) risk: RiskLevel,
    /// How it is shown.
    pub(super) style: &'a OutputStyleArgs,
}

impl Doing<'_> {
    /// The request, checked.
    ///
    /// # Errors
    /// Everything that is wrong with it, by the options.
    pub(super) fn request(&self) -> Result<ExecutionRequest, Failure> {
        let targets = open::targets(self.selection)?;
        let mut request = request::request(self.action.clone(), targets, self.connect, self.execution)?;
        if let Some(plugin) = self.by {
            if self.connect.transport.is_some() {
                return Err(Failure::usage("--plugin: --transport says by what already; give one of them"));
            }
            request.transport = Some(plugin.clone());
        }
        request.check()?;
        Ok(request)
    }

    async fn start(self, global: &GlobalArgs) -> Result<Exit, Failure> {
        if self.care.dry_run {
            return plan::make(global, self).await;
        }
        // Before anything is opened or asked, so that a bad request leaves no trace.
        let request = self.request()?;
        let what = format!("{} {}", request.action.kind(), request.action.text());
        care::ask(&what, self.risk, self.care, self.selection)?;
        if self.execution.debug
            && let Some(id) = &request.correlation_id
        {
            tell(global, &format!("correlation id {id}"))?;
        }
        let Self { selection, connect, execution, style, .. } = self;
        let builder = open::for_run(global, &selection.sources, connect)?;
        let mut limits = rollout::limits(&execution.retry.breakers);
        limits.output_memory_bytes = execution.memory.output_memory;
        let builder = builder.limits(limits);
        submit_and_follow(global, builder, style, async |framework, caller| {
            rollout::check_groups(
                &execution.retry.breakers,
                &framework.inventory(Freshness::Cached).await.inventory,
            )?;
            Ok::<_, Failure>(framework.submit_and_follow(caller, request, FOLLOWING).await?)
        })
        .await
    }
}

/// A line on standard error.
fn tell(global: &GlobalArgs, text: &str) -> Result<(), Failure> {
    let mut sink = Sink::standard(global.no_color);
    sink.line(StreamKind::Stderr, text);
    sink.flush().map_err(|error| Failure::nothing_ran(format!("write to standard error: {error}")))
}

/// Opens the framework, submits by `submit`, and shows what happens.
///
/// # Errors
/// [`Failure`].
pub(super) async fn submit_and_follow<S: Into<Started>, E: Into<Failure>>(
    global: &GlobalArgs,
    builder: FrameworkBuilder,
    style: &OutputStyleArgs,
    submit: impl AsyncFnOnce(Framework, Caller) -> Result<S, E>,
) -> Result<Exit, Failure> {
    if style.format == Format::Ndjson && style.group {
        return Err(Failure::usage("--group: events come one by one; use --format table, json or yaml"));
    }
    let mut sink = Sink::standard(global.no_color);
    let framework = builder.open().await?;
    let followed = submitted_and_followed(&framework, style, submit, &mut sink).await;
    if !matches!(followed, Ok(Followed::Left)) {
        open::close(global, &framework).await;
    }
    match followed? {
        Followed::Left => Ok(Exit::Cancelled),
        Followed::ToTheEnd(exit) => Ok(exit),
    }
}

async fn submitted_and_followed<S: Into<Started>, E: Into<Failure>>(
    framework: &Framework,
    style: &OutputStyleArgs,
    submit: impl AsyncFnOnce(Framework, Caller) -> Result<S, E>,
    sink: &mut Sink,
) -> Result<Followed, Failure> {
    write_warnings(framework, sink).await?;
    let caller = open::caller();
    let mut interrupts = Interrupts::new()?;
    let submission = submit(framework.clone(), caller.clone());
    let Some((started, interrupted)) = submitted(submission, &mut interrupts).await? else {
        return Ok(Followed::Left);
    };
    let what = Follow { framework, caller: &caller, started, style, interrupted };
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
async fn submitted<S: Into<Started>, E: Into<Failure>>(
    submission: impl Future<Output = Result<S, E>>,
    interrupts: &mut Interrupts,
) -> Result<Option<(Started, bool)>, Failure> {
    let mut submission = std::pin::pin!(submission);
    let mut interrupted = false;
    // Ends with the submission or the second signal.
    loop {
        tokio::select! {
            started = &mut submission => {
                return Ok(Some((started.map_err(Into::into)?.into(), interrupted)));
            }
            () = interrupts.next() => {
                if interrupted {
                    return Ok(None);
                }
                interrupted = true;
            }
        }
    }
}
