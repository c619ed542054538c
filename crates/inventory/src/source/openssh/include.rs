//! [`expand`]: the files that an `Include` names.

use std::path::{Path, PathBuf};

use crate::expression::glob;

/// The files that a path with `*` and `?` names, by name, at most so many; none is no fault (ssh_config(5) Include).
pub(super) fn expand(pattern: &Path, most: usize) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for part in pattern.components() {
        let text = part.as_os_str().to_string_lossy();
        if !glob::is_glob(&text) {
            found.iter_mut().for_each(|path| path.push(part));
            continue;
        }
        let mut next = Vec::new();
        for directory in &found {
            let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
            let mut names: Vec<String> = entries
                .filter_map(|entry| entry.file_name().into_string().ok())
                .filter(|name| glob::covers(&text, name) && (!name.starts_with('.') || text.starts_with('.')))
                .collect();
            names.sort_unstable();
            next.extend(names.into_iter().map(|name| directory.join(name)));
        }
        next.truncate(most);
        found = next;
    }
    found.retain(|path: &PathBuf| path.exists() && !path.as_os_str().is_empty());
    found
}
