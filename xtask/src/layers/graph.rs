//! The dependencies that the crates of this workspace declare. Main type: [`Graph`]. It does not judge them.

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::shell;

/// How a crate depends on another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Part of what is shipped.
    Normal,
    /// Used by its build script.
    Build,
    /// Used by its tests, examples and benchmarks.
    Dev,
}

/// One declared dependency.
#[derive(Debug, Clone)]
pub(crate) struct Arrow {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) kind: Kind,
}

/// All crates of the workspace and all dependencies they declare.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    pub(crate) crates: Vec<String>,
    pub(crate) arrows: Vec<Arrow>,
}

impl Graph {
    /// Asks cargo.
    pub(crate) fn of_workspace() -> Result<Self> {
        let arguments = ["metadata", "--no-deps", "--format-version", "1"];
        Self::from_metadata(&shell::output(&mut shell::cargo(&arguments))?)
    }

    /// Reads what `cargo metadata` prints.
    fn from_metadata(json: &str) -> Result<Self> {
        let metadata: Value = serde_json::from_str(json).context("read cargo metadata")?;
        let mut graph = Self::default();
        for package in list(&metadata, "packages") {
            let from = name(package).context("a package without a name")?;
            for dependency in list(package, "dependencies") {
                graph.arrows.push(Arrow {
                    from: from.clone(),
                    to: name(dependency).context("a dependency without a name")?,
                    kind: match dependency.get("kind").and_then(Value::as_str) {
                        Some("dev") => Kind::Dev,
                        Some("build") => Kind::Build,
                        _ => Kind::Normal,
                    },
                });
            }
            graph.crates.push(from);
        }
        Ok(graph)
    }
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn name(value: &Value) -> Option<String> {
    value.get("name").and_then(Value::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_read_with_all_kinds() {
        let json = r#"{"packages": [{"name": "a", "dependencies": [
            {"name": "b", "kind": null}, {"name": "c", "kind": "dev"}, {"name": "d", "kind": "build"}]},
            {"name": "b", "dependencies": []}]}"#;
        let graph = Graph::from_metadata(json).expect("reads");
        assert_eq!(graph.crates, ["a", "b"]);
        let arrows: Vec<_> = graph.arrows.iter().map(|arrow| (arrow.to.as_str(), arrow.kind)).collect();
        assert_eq!(arrows, [("b", Kind::Normal), ("c", Kind::Dev), ("d", Kind::Build)]);
        assert!(Graph::from_metadata("nonsense").is_err());
    }
}
