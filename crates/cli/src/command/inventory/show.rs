//! `pab inventory show`.

use pabawi::StreamKind;
use pabawi::inventory::{Freshness, to_ansible, to_bolt, to_common, to_yaml};

use super::list::exit_of;
use super::view::view;
use crate::args::{GlobalArgs, InventoryForm, InventoryShowArgs};
use crate::exit::{Exit, Failure};
use crate::watch::{Sink, write_problems};

/// Writes the inventory in the form of a tool.
///
/// # Errors
/// [`Failure`].
pub(crate) async fn show(global: &GlobalArgs, args: &InventoryShowArgs) -> Result<Exit, Failure> {
    let view = view(global, &args.sources, Freshness::Cached).await?;
    let mut sink = Sink::standard(global.no_color);
    write_problems(&mut sink, &view)?;
    let text = match args.form {
        InventoryForm::Common => serde_json::to_string_pretty(&to_common(&view.inventory)),
        InventoryForm::Ansible => serde_json::to_string_pretty(&to_ansible(&view.inventory)),
        InventoryForm::Bolt => Ok(to_yaml(&to_bolt(&view.inventory))),
    };
    sink.line(StreamKind::Stdout, text.map_err(Failure::nothing_ran)?.trim_end());
    sink.flush().map_err(|error| Failure::nothing_ran(format!("write the inventory: {error}")))?;
    Ok(exit_of(&view))
}
