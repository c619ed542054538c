//! `pab plan`: what `run`, `script` and `copy` would do.

use std::path::{Path, PathBuf};

use pabawi::inventory::Freshness;
use pabawi::{Action, ExecutionRequest, StreamKind};

use crate::args::{
    ConnectArgs, CopyCommand, ExecutionArgs, Format, GlobalArgs, OutputStyleArgs, PlanCommand, SelectionArgs,
};
use crate::command::listing::write_value;
use crate::command::plans;
use crate::command::preview::write_preview;
use crate::command::run::write_warnings;
use crate::exit::{Exit, Failure};
use crate::planned::Planned;
use crate::request::Secrets;
use crate::watch::Sink;
use crate::{open, request, rollout};

/// Shows what would be done.
///
/// # Errors
/// [`Failure`]; what would not be accepted is not planned.
pub(crate) async fn plan(global: &GlobalArgs, command: &PlanCommand) -> Result<Exit, Failure> {
    match command {
        PlanCommand::Run(args) => {
            let action = request::command(args, Secrets::StoodIn)?;
            make(global, action, None, &args.selection, &args.connect, &args.execution, &args.output).await
        }
        PlanCommand::Script(args) => {
            let action = request::script(args, Secrets::StoodIn)?;
            let file = (args.file != Path::new("-")).then_some(&args.file);
            make(global, action, file, &args.selection, &args.connect, &args.execution, &args.output).await
        }
        PlanCommand::Copy(copy) => match &**copy {
            CopyCommand::Up(args) => {
                let action = request::upload(args);
                make(global, action, None, &args.selection, &args.connect, &args.execution, &args.output)
                    .await
            }
            CopyCommand::Down(args) => {
                let action = request::download(args);
                make(global, action, None, &args.selection, &args.connect, &args.execution, &args.output)
                    .await
            }
        },
        PlanCommand::List(args) => plans::list(global, args).await,
        PlanCommand::Show(args) => plans::show(global, args).await,
    }
}

async fn make(
    global: &GlobalArgs,
    action: Action,
    script: Option<&PathBuf>,
    selection: &SelectionArgs,
    connect: &ConnectArgs,
    execution: &ExecutionArgs,
    style: &OutputStyleArgs,
) -> Result<Exit, Failure> {
    let request: ExecutionRequest = request::request(action, open::targets(selection)?, connect, execution)?;
    request.check()?;
    let planned = Planned::of(selection, connect, &execution.retry, script);
    let surface = planned.write()?;
    // From what is remembered, so that the plan is applied with what it was made with. Nobody logs in, so that no
    // password is asked for.
    let builder = open::for_run(global, &planned.selection().sources, &planned.connect(false))?;
    let framework = builder.limits(rollout::limits(&planned.retry())).open().await?;
    let mut sink = Sink::standard(global.no_color);
    let made = async {
        write_warnings(&framework, &mut sink).await?;
        rollout::check_groups(&execution.retry, &framework.inventory(Freshness::Cached).await.inventory)?;
        Ok::<_, Failure>(framework.preview(open::caller(), request, surface).await?)
    };
    let made = made.await;
    framework.shutdown(open::CLOSING).await;
    let preview = made?;
    match style.format {
        Format::Table if style.quiet => sink.line(StreamKind::Stdout, &preview.hash.to_string()),
        Format::Table => write_preview(&preview, &mut sink),
        format => write_value(&preview, format, &mut sink)?,
    }
    sink.flush().map_err(|error| Failure::nothing_ran(format!("write the plan: {error}")))?;
    Ok(Exit::AllSucceeded)
}
