//! `pab executions rerun`.

use pabawi::inventory::Freshness;
use pabawi::{Framework, Login, RerunOptions, RerunSecrets, RerunSelection, SecretValue};

use crate::args::{BreakerArgs, GlobalArgs, LoginArgs, RerunArgs, RerunSecretArgs};
use crate::command::find::{find, nodes};
use crate::command::run::submit_and_follow;
use crate::exit::{Exit, Failure};
use crate::generated::SecretParameter;
use crate::{open, request, rollout};

/// Runs an execution again.
///
/// # Errors
/// [`Failure`].
pub(crate) async fn rerun(global: &GlobalArgs, args: &RerunArgs) -> Result<Exit, Failure> {
    let selection = match nodes(&args.node)? {
        Some(nodes) => RerunSelection::Nodes(nodes),
        None if args.all => RerunSelection::All,
        None if args.not_started => RerunSelection::NotStarted,
        None if args.not_succeeded => RerunSelection::NotSucceeded,
        None => RerunSelection::Failed,
    };
    let secrets = secrets(&args.secrets)?;
    let id =
        open::with_history(global, async |framework, caller| Ok(find(framework, caller, &args.id).await?.id))
            .await?;
    let builder =
        open::for_rerun(global, &args.sources, &args.login, &args.trust, &args.memory, &args.breakers)?;
    let LoginArgs { user, port, identity } = args.login.clone();
    let options = RerunOptions { secrets, login: Login { user, port, identity_files: identity } };
    submit_and_follow(global, builder, &args.output, async |framework, caller| {
        check_groups(&framework, &args.breakers).await?;
        Ok::<_, Failure>(framework.rerun(caller, id, selection, options).await?)
    })
    .await
}

/// Whether there are the groups before which breakers are to stand.
///
/// # Errors
/// As for [`rollout::check_groups`].
pub(super) async fn check_groups(framework: &Framework, breakers: &BreakerArgs) -> Result<(), Failure> {
    rollout::check_groups(breakers, &framework.inventory(Freshness::Cached).await.inventory)
}

/// The secrets that were not stored.
///
/// # Errors
/// A secret that could not be asked for, or a file that cannot be read.
pub(in crate::command) fn secrets(args: &RerunSecretArgs) -> Result<RerunSecrets, Failure> {
    let password = request::run_as_password(args.ask_run_as_password, args.run_as_password_file.as_ref())?;
    let env = request::secret_env(&args.secret_env)?;
    let parameters = SecretParameter::all(&args.secret_param)?
        .into_iter()
        .map(|secret| Ok((secret.pointer.clone(), SecretValue::from(secret.value()?))))
        .collect::<Result<_, Failure>>()?;
    let stdin = request::secret_stdin(args.secret_stdin.as_deref())?;
    Ok(RerunSecrets { env, run_as_password: password, stdin, parameters })
}
