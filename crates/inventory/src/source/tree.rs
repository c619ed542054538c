//! [`below`]: files and directories below a path, for a source that consists of many.

use std::path::{Path, PathBuf};

/// So many files and directories are found; what lies beyond goes unnoticed.
const MAX_FILES: usize = 200_000;
/// How deep directories are followed.
const MAX_DEPTH: usize = 16;

/// The path and, where it is a directory, all below it, in the order of their names. What cannot be listed has nothing
/// below it.
pub(crate) fn below(path: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    walk(path, MAX_DEPTH, &mut found);
    found
}

fn walk(path: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    if found.len() >= MAX_FILES {
        return;
    }
    found.push(path.to_owned());
    if depth > 0 {
        let listed = std::fs::read_dir(path).into_iter().flatten();
        let mut entries: Vec<_> = listed.filter_map(|entry| Some(entry.ok()?.path())).collect();
        entries.sort_unstable();
        for entry in entries {
            walk(&entry, depth - 1, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_below_is_found_and_links_in_circles_end() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        std::fs::create_dir_all(path.join("b/c")).unwrap();
        std::fs::write(path.join("b/c/d"), "").unwrap();
        std::fs::write(path.join("a"), "").unwrap();
        let expected = ["", "a", "b", "b/c", "b/c/d"].map(|name| path.join(name));
        assert_eq!(
            below(path).iter().map(|path| path.components().collect::<PathBuf>()).collect::<Vec<_>>(),
            expected.map(|path| path.components().collect::<PathBuf>())
        );
        std::os::unix::fs::symlink(path, path.join("circle")).unwrap();
        assert!(below(path).len() < 200);
        assert_eq!(below(&path.join("none")).len(), 1);
    }
}
