//! Who may do what: by Pabawi's own tables, by a policy file, or by both; and which commands may be run at all.

use pabawi_inventory::expression::Expression;

pub use pabawi_domain::command_policy::{CommandPolicy, MatchMode, NotAllowed, Refused};
pub use pabawi_domain::ports::{Memberships, PermissionName, PermissionTables, TableAnswer};
pub use pabawi_permissions::{
    DEFAULTS, DefaultRow, Instead, PermissionAuthorizer, PermissionMap, Permissions, Policy, PolicyError,
    Resource,
};
pub use pabawi_store::pabawi_tables::PabawiTables;

/// Reads a policy in YAML or JSON, whose conditions name nodes by target expressions. `name` names it in messages.
///
/// # Errors
/// [`PolicyError`] with every fault, each with its line and field.
pub fn parse_policy(name: &str, text: &str) -> Result<Policy, PolicyError> {
    Policy::parse(name, text, &|nodes| Expression::parse(nodes).map(drop).map_err(|error| error.to_string()))
}
