//! `pab plan`: what `run`, `script` and `copy` would do.

use std::path::Path;

use pabawi::StreamKind;
use pabawi::inventory::Freshness;
use pabawi::plugin::RiskLevel;

use crate::args::{CopyCommand, Format, GlobalArgs, PlanCommand};
use crate::command::listing::write_value;
use crate::command::plans;
use crate::command::preview::write_preview;
use crate::command::run::{Doing, write_warnings};
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
    let doing = match command {
        PlanCommand::Run(args) => Doing {
            action: request::command(args, Secrets::StoodIn)?,
            by: args.provider.plugin.as_ref(),
            script: None,
            selection: &args.selection,
            connect: &args.connect,
            execution: &args.execution,
            care: args.care,
            risk: RiskLevel::Execute,
            style: &args.output,
        },
        PlanCommand::Script(args) => Doing {
            action: request::script(args, Secrets::StoodIn)?,
            by: args.provider.plugin.as_ref(),
            script: (args.file != Path::new("-")).then_some(&args.file),
            selection: &args.selection,
            connect: &args.connect,
            execution: &args.execution,
            care: args.care,
            risk: RiskLevel::Execute,
            style: &args.output,
        },
        PlanCommand::Copy(copy) => match &**copy {
            CopyCommand::Up(args) => Doing {
                action: request::upload(args),
                by: args.provider.plugin.as_ref(),
                script: None,
                selection: &args.selection,
                connect: &args.connect,
                execution: &args.execution,
                care: args.care,
                risk: RiskLevel::Execute,
                style: &args.output,
            },
            CopyCommand::Down(args) => Doing {
                action: request::download(args),
                by: args.provider.plugin.as_ref(),
                script: None,
                selection: &args.selection,
                connect: &args.connect,
                execution: &args.execution,
                care: args.care,
                risk: RiskLevel::Execute,
                style: &args.output,
            },
        },
        PlanCommand::List(args) => return plans::list(global, args).await,
        PlanCommand::Show(args) => return plans::show(global, args).await,
    };
    make(global, doing).await
}

/// Makes a plan and shows it.
///
/// # Errors
/// [`Failure`]; what would not be accepted is not planned.
pub(super) async fn make(global: &GlobalArgs, doing: Doing<'_>) -> Result<Exit, Failure> {
    let request = doing.request()?;
    let Doing { script, selection, connect, execution, style, .. } = doing;
    let planned = Planned::of(selection, connect, &execution.retry.breakers, script);
    let surface = planned.write()?;
    // From what is remembered, so that the plan is applied with what it was made with. Nobody logs in, so that no
    // password is asked for.
    let builder = open::for_run(global, &planned.selection().sources, &planned.connect(false))?;
    let framework = builder.limits(rollout::limits(&planned.breakers())).open().await?;
    let mut sink = Sink::standard(global.no_color);
    let made = async {
        write_warnings(&framework, &mut sink).await?;
        rollout::check_groups(
            &execution.retry.breakers,
            &framework.inventory(Freshness::Cached).await.inventory,
        )?;
        Ok::<_, Failure>(framework.preview(open::caller(), request, surface).await?)
    };
    let made = made.await;
    open::close(global, &framework).await;
    let preview = made?;
    match style.format {
        Format::Table if style.quiet => sink.line(StreamKind::Stdout, &preview.hash.to_string()),
        Format::Table => write_preview(&preview, &mut sink),
        format => write_value(&preview, format, &mut sink)?,
    }
    sink.flush().map_err(|error| Failure::nothing_ran(format!("write the plan: {error}")))?;
    Ok(Exit::AllSucceeded)
}
