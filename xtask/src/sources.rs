//! The Rust files of the workspace, and the tests of the Node package. Main type: [`SourceFile`]. It reads; judging is for
//! those who ask.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// Directories below the workspace that hold source files of ours.
const PLACES: [&str; 4] = ["crates", "tests", "bindings", "xtask"];

/// Directories that hold what others or a build made.
const NOT_OURS: [&str; 3] = ["target", "node_modules", ".git"];

/// Where the tests of the Node package are.
const NODE_TESTS: &str = "bindings/node/test";

/// A file with its text.
#[derive(Debug)]
pub(crate) struct SourceFile {
    /// Path from the workspace's top.
    pub(crate) path: PathBuf,
    /// Content.
    pub(crate) text: String,
}

/// All Rust files of the workspace, sorted by path.
pub(crate) fn rust_files(root: &Path) -> Result<Vec<SourceFile>> {
    files(root, &PLACES, ".rs")
}

/// All tests of the Node package, sorted by path.
pub(crate) fn node_tests(root: &Path) -> Result<Vec<SourceFile>> {
    files(root, &[NODE_TESTS], ".test.mjs")
}

/// All files below these places whose names end so.
fn files(root: &Path, places: &[&str], ending: &str) -> Result<Vec<SourceFile>> {
    let mut files = Vec::new();
    let mut open: Vec<PathBuf> =
        places.iter().map(|place| root.join(place)).filter(|path| path.is_dir()).collect();
    while let Some(directory) = open.pop() {
        let entries = fs::read_dir(&directory).with_context(|| format!("read {}", directory.display()))?;
        for entry in entries {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            // Links are not followed, so the walk ends.
            if path.is_symlink() || NOT_OURS.contains(&name.as_str()) {
                continue;
            }
            if path.is_dir() {
                open.push(path);
            } else if name.ends_with(ending) {
                let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
                files.push(SourceFile { path: path.strip_prefix(root).unwrap_or(&path).to_owned(), text });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}
