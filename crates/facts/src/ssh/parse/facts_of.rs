//! [`facts_of`]: what one file's part makes of an output, for its tests.

use serde_json::Value;

use super::super::sections::Sections;
use crate::tree::Tree;

/// The facts that `put` alone finds in the output of the script.
pub(super) fn facts_of(put: fn(&Sections<'_>, &mut Tree), output: &str) -> Value {
    let mut tree = Tree::default();
    put(&Sections::of(output), &mut tree);
    Value::Object(tree.into_map())
}
