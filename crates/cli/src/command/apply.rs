//! `pab apply`: a plan is carried out.

use pabawi::inventory::Freshness;
use pabawi::{ApplyOptions, OutputData};

use crate::args::{ApplyArgs, GlobalArgs};
use crate::command::plans::find_plan;
use crate::command::rerun::secrets;
use crate::command::run::submit_and_follow;
use crate::exit::{Exit, Failure};
use crate::planned::Planned;
use crate::watch::FOLLOWING;
use crate::{open, request, rollout};

/// Applies a plan and shows what happens, as `pab run` does.
///
/// # Errors
/// [`Failure`]; nothing was started then.
pub(crate) async fn apply(global: &GlobalArgs, args: &ApplyArgs) -> Result<Exit, Failure> {
    let plan =
        open::with_history(global, async |framework, caller| find_plan(framework, caller, &args.hash).await)
            .await?;
    // A program that uses the crate may have made it, and then the request says everything.
    let by_pab = !plan.surface.is_null();
    let planned = Planned::read(plan.surface)?;
    if planned.ask_password && !args.ask_password {
        return Err(Failure::usage(
            "--ask-password: the plan was made with it, and passwords are not stored; give it again",
        ));
    }
    // What the plan took from elsewhere is taken from there again, so that a change is seen.
    let mut now = plan.request;
    if by_pab {
        now.targets = open::targets(&planned.selection())?;
    }
    if let (Some(path), pabawi::Action::Script(script)) = (&planned.script, &mut now.action) {
        script.content = OutputData::from(request::script_file(path)?);
    }
    let options = ApplyOptions { secrets: secrets(&args.secrets)?, again: args.again, request: Some(now) };
    let connect = planned.connect(args.ask_password);
    let builder = open::for_run(global, &planned.selection().sources, &connect)?;
    let builder = builder.limits(rollout::limits(&planned.breakers()));
    submit_and_follow(global, builder, &args.output, async |framework, caller| {
        rollout::check_groups(&planned.breakers(), &framework.inventory(Freshness::Cached).await.inventory)?;
        Ok::<_, Failure>(framework.apply_and_follow(caller, plan.hash, options, FOLLOWING).await?)
    })
    .await
}
