//! `pab inventory groups`.

use pabawi::NodeGroup;
use pabawi::inventory::{Freshness, fold};

use super::list::exit_of;
use super::view::view;
use crate::args::{GlobalArgs, InventoryGroupsArgs};
use crate::command::listing::List;
use crate::exit::{Exit, Failure};
use crate::text::Table;
use crate::watch::{Sink, write_problems};

/// Shows groups.
///
/// # Errors
/// [`Failure`]: no such group.
pub(crate) async fn groups(global: &GlobalArgs, args: &InventoryGroupsArgs) -> Result<Exit, Failure> {
    let view = view(global, &args.sources, Freshness::Cached).await?;
    let inventory = &view.inventory;
    write_problems(&mut Sink::standard(global.no_color), &view)?;
    let mut groups: Vec<&NodeGroup> = Vec::new();
    for name in &args.names {
        let group = inventory.group(name);
        groups.push(group.ok_or_else(|| Failure::usage(format!("GROUP: no source has a group {name}")))?);
    }
    if args.names.is_empty() {
        groups = inventory.groups().iter().collect();
    }
    List::of_all(&groups, "the sources know no group").write(global, args.format, |groups| {
        let mut table = Table::new(&["GROUP", "MEMBERS", "SOURCES", "CHILDREN", "NODES"]);
        for group in groups {
            let members = inventory.members(group);
            table.row([
                group.name.to_string(),
                members.len().to_string(),
                group.sources.join(","),
                group.children.iter().map(|child| child.as_str()).collect::<Vec<_>>().join(","),
                fold(members.iter().map(|node| &node.id)),
            ]);
        }
        table
    })?;
    Ok(exit_of(&view))
}
