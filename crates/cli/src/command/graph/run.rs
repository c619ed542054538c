//! `pab graph run` and `pab graph resume`.

use pabawi::graph::{GraphError, GraphEvents, Graphs, ResumeOptions};
use pabawi::{Caller, FrameworkBuilder};

use crate::args::{GlobalArgs, GraphOutputArgs, GraphResumeArgs, GraphRunArgs};
use crate::command::graph::file;
use crate::command::graph::follow::{Ended, follow};
use crate::command::graph::status::find;
use crate::command::rerun::secrets;
use crate::command::run::write_warnings;
use crate::exit::{Exit, Failure};
use crate::open;
use crate::signals::Interrupts;
use crate::watch::Sink;

/// Runs a graph.
///
/// # Errors
/// [`Failure`]; nothing was started then.
pub(crate) async fn run(global: &GlobalArgs, args: &GraphRunArgs) -> Result<Exit, Failure> {
    // Before anything is opened or asked, so that a bad graph leaves no trace.
    let graph = file::prepared(&file::read(&args.file)?, &args.file, &args.connect)?;
    let builder = open::for_run(global, &args.sources, &args.connect)?;
    start(global, builder, &args.output, async |graphs, caller| {
        graphs.submit(caller, graph).await.map(|(_, events)| events)
    })
    .await
}

/// Goes on with a run whose process died.
///
/// # Errors
/// [`Failure`]; nothing was started then.
pub(crate) async fn resume(global: &GlobalArgs, args: &GraphResumeArgs) -> Result<Exit, Failure> {
    let options = ResumeOptions { rerun_unknown: args.rerun_unknown, secrets: secrets(&args.secrets)? };
    let id =
        open::with_history(global, async |framework, caller| Ok(find(framework, caller, &args.id).await?.id))
            .await?;
    let builder = open::for_run(global, &args.sources, &args.connect)?;
    start(global, builder, &args.output, async |graphs, caller| graphs.resume(caller, id, options).await)
        .await
}

async fn start(
    global: &GlobalArgs,
    builder: FrameworkBuilder,
    style: &GraphOutputArgs,
    submit: impl AsyncFnOnce(Graphs, Caller) -> Result<GraphEvents, GraphError>,
) -> Result<Exit, Failure> {
    let mut sink = Sink::standard(global.no_color);
    let framework = builder.open().await?;
    let followed = async {
        write_warnings(&framework, &mut sink).await?;
        let caller = open::caller();
        let interrupts = Interrupts::new()?;
        let events = submit(framework.graphs().clone(), caller.clone()).await?;
        follow(&framework, &caller, events, style, interrupts, &mut sink).await
    }
    .await;
    if !matches!(followed, Ok(Ended::Left)) {
        open::close(global, &framework).await;
    }
    match followed? {
        Ended::Left => Ok(Exit::Cancelled),
        Ended::ToTheEnd(exit) => Ok(exit),
    }
}
