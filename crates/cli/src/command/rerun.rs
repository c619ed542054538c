//! `pab executions rerun`.

use pabawi::{Login, RerunOptions, RerunSecrets, RerunSelection};

use crate::args::{GlobalArgs, LoginArgs, RerunArgs, RerunSecretArgs};
use crate::command::find::{find, nodes};
use crate::command::run::submit_and_follow;
use crate::exit::{Exit, Failure};
use crate::{open, request};

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
    let builder = open::for_rerun(global, &args.sources, &args.login, &args.trust, &args.memory)?;
    let LoginArgs { user, port, identity } = args.login.clone();
    let options = RerunOptions { secrets, login: Login { user, port, identity_files: identity } };
    submit_and_follow(global, builder, &args.output, async |framework, caller| {
        framework.rerun(caller, id, selection, options).await
    })
    .await
}

/// The secrets that were not stored.
///
/// # Errors
/// A secret that could not be asked for, or a file that cannot be read.
pub(in crate::command) fn secrets(args: &RerunSecretArgs) -> Result<RerunSecrets, Failure> {
    let password = request::run_as_password(args.ask_run_as_password, args.run_as_password_file.as_ref())?;
    let env = request::secret_env(&args.secret_env)?;
    Ok(RerunSecrets { env, run_as_password: password, ..RerunSecrets::default() })
}
