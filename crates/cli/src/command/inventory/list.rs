//! `pab inventory list`.

use pabawi::inventory::{Freshness, Inventory, View};
use pabawi::{Node, TargetExpression};

use super::view::selected;
use crate::args::{GlobalArgs, InventoryListArgs};
use crate::command::listing::List;
use crate::exit::{Exit, Failure};
use crate::generated::Named;
use crate::text::Table;
use crate::watch::{Sink, write_problems};

/// Shows nodes.
///
/// # Errors
/// [`Failure`].
pub(crate) async fn list(global: &GlobalArgs, args: &InventoryListArgs) -> Result<Exit, Failure> {
    if let Some(plugin) = &args.provider.plugin {
        let question = Named { capability: "inventory.list", plugin, targets: &args.expression };
        return question.ask(global, &args.sources, args.format).await;
    }
    let expression = (!args.expression.is_empty()).then(|| TargetExpression::new(args.expression.join(",")));
    let (view, targets) = selected(global, &args.sources, Freshness::Cached, expression.as_ref()).await?;
    write_problems(&mut Sink::standard(global.no_color), &view)?;
    let nodes: Vec<&Node> = match &targets {
        None => view.inventory.nodes().iter().collect(),
        Some(targets) => {
            targets.iter().filter_map(|target| view.inventory.node(target.node.as_str())).collect()
        }
    };
    List::of_all(&nodes, "the sources know no node").write(global, args.format, |nodes| {
        let mut table = Table::new(&["NODE", "HOST", "TRANSPORT", "SOURCES", "GROUPS"]);
        for node in nodes {
            table.row([
                node.id.to_string(),
                host(node),
                node.endpoint.transport.as_ref().map(ToString::to_string).unwrap_or_default(),
                sources_of(&view.inventory, node),
                node.groups.iter().map(|group| group.as_str()).collect::<Vec<_>>().join(","),
            ]);
        }
        table
    })?;
    Ok(exit_of(&view))
}

/// `[user@]host[:port]` as far as the inventory says it.
fn host(node: &Node) -> String {
    let endpoint = &node.endpoint;
    let user = endpoint.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
    let host = endpoint.host.as_deref().unwrap_or(node.id.as_str());
    match endpoint.port {
        Some(port) if host.contains(':') => format!("{user}[{host}]:{port}"),
        Some(port) => format!("{user}{host}:{port}"),
        None => format!("{user}{host}"),
    }
}

fn sources_of(inventory: &Inventory, node: &Node) -> String {
    let Some(index) = inventory.node_index(node.id.as_str()) else { return String::new() };
    let names: Vec<&str> = inventory.entries(index).map(|(data, _)| data.name.as_str()).collect();
    match (names.as_slice(), &node.source) {
        ([], Some(source)) => source.clone(),
        _ => names.join(","),
    }
}

/// A list that lacks what a source would have told is not the whole one.
pub(super) fn exit_of(view: &View) -> Exit {
    if view.problems().is_empty() { Exit::AllSucceeded } else { Exit::SomeFailed }
}
