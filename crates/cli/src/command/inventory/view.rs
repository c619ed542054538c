//! What the sources know, with those of plugins: [`view`].

use pabawi::inventory::{Freshness, View};
use pabawi::ports::TargetResolver as _;
use pabawi::{FrameworkError, Target, TargetExpression};

use crate::args::{GlobalArgs, SourceArgs};
use crate::exit::Failure;
use crate::open;
use crate::sources::resolver;

/// Asks the sources.
///
/// # Errors
/// A source that is not valid, or none at all.
pub(super) async fn view(
    global: &GlobalArgs,
    args: &SourceArgs,
    freshness: Freshness,
) -> Result<View, Failure> {
    Ok(selected(global, args, freshness, None).await?.0)
}

/// Asks the sources, and which nodes an expression selects.
///
/// # Errors
/// As for [`view`]; also an expression that is not understood.
pub(super) async fn selected(
    global: &GlobalArgs,
    args: &SourceArgs,
    freshness: Freshness,
    expression: Option<&TargetExpression>,
) -> Result<(View, Option<Vec<Target>>), Failure> {
    let tell_nodes = global.plugins.tell_nodes();
    // Plugins live in a framework, and so does who decides.
    if tell_nodes || global.guard.decides() {
        if !tell_nodes {
            resolver(args)?;
        }
        return open::with_sources_of(global, args, async |framework, caller| {
            let targets = match expression {
                Some(expression) => Some(framework.resolve_for(caller, expression).await?),
                None => None,
            };
            Ok((framework.inventory_for(caller, freshness).await?, targets))
        })
        .await;
    }
    let resolver = resolver(args)?;
    let targets = match expression {
        Some(expression) => Some(resolver.resolve(expression).await.map_err(FrameworkError::from)?),
        None => None,
    };
    Ok((resolver.catalog().read(freshness).await, targets))
}
