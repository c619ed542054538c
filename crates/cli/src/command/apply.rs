//! `pab apply`: a plan is carried out.

use pabawi::inventory::Freshness;
use pabawi::{ApplyOptions, Caller, Framework, OutputData, PlanHash, RerunSecrets, StoredPlan};

use crate::args::{ApplyArgs, GlobalArgs};
use crate::command::run::submit_and_follow;
use crate::exit::{Exit, Failure};
use crate::planned::Planned;
use crate::{open, request, rollout};

/// The shortest beginning of a hash.
const SHORTEST: usize = 4;

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
    let secrets = RerunSecrets {
        env: request::secret_env(&args.secrets.secret_env)?,
        run_as_password: request::run_as_password(
            args.secrets.ask_run_as_password,
            args.secrets.run_as_password_file.as_ref(),
        )?,
    };
    let options = ApplyOptions { secrets, again: args.again, request: Some(now) };
    let connect = planned.connect(args.ask_password);
    let builder = open::for_run(global, &planned.selection().sources, &connect)?;
    let builder = builder.limits(rollout::limits(&planned.retry()));
    submit_and_follow(global, builder, &args.output, async |framework, caller| {
        rollout::check_groups(&planned.retry(), &framework.inventory(Freshness::Cached).await.inventory)?;
        Ok::<_, Failure>(framework.apply(caller, plan.hash, options).await?)
    })
    .await
}

/// The plan that is meant: by its hash, the beginning of it, or `last`.
async fn find_plan(framework: &Framework, caller: &Caller, text: &str) -> Result<StoredPlan, Failure> {
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
