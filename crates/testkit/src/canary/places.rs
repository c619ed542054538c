//! Where a secret must not be: [`Places`].

use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::Canary;

/// Files that are longer are no files of ours.
const LONGEST: u64 = 64 * 1024 * 1024;

/// Everything that was said, shown, stored or left behind, by its place.
#[derive(Debug, Default)]
pub struct Places(Vec<(String, Vec<u8>)>);

impl Places {
    /// Adds what was found at a place.
    pub fn add(&mut self, place: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.0.push((place.into(), bytes.into()));
    }

    /// Adds every file below a folder.
    ///
    /// # Panics
    /// When the folder is not there.
    pub fn add_folder(&mut self, folder: &Path) {
        assert!(folder.is_dir(), "{} is not there", folder.display());
        for (path, bytes) in files_below(folder, 8, SystemTime::UNIX_EPOCH, &mut |_, _| true) {
            self.add(format!("file {}", path.display()), bytes);
        }
    }

    /// Where the secret is, one line for each place.
    #[must_use]
    pub fn with(&self, canary: &Canary) -> Vec<String> {
        let found = |(place, bytes): &(String, Vec<u8>)| {
            let form = canary.found_in(bytes)?;
            Some(format!("the {} is in {place} as {form}: {}", canary.name, canary.around(bytes)))
        };
        self.0.iter().filter_map(found).collect()
    }

    /// Whether any place whose name contains the word has the secret.
    #[must_use]
    pub fn has(&self, word: &str, canary: &Canary) -> bool {
        self.0.iter().any(|(place, bytes)| place.contains(word) && canary.found_in(bytes).is_some())
    }

    /// What stands at the places whose name contains the word.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn text(&self, word: &str) -> String {
        let of: Vec<_> = self.0.iter().filter(|(place, _)| place.contains(word)).collect();
        assert!(!of.is_empty(), "there is no {word}");
        of.into_iter().map(|(_, bytes)| String::from_utf8_lossy(bytes)).collect()
    }

    /// How many places whose name contains the word have been looked at, and how many bytes there.
    #[must_use]
    pub fn size(&self, word: &str) -> (usize, usize) {
        let of = self.0.iter().filter(|(place, _)| place.contains(word));
        of.fold((0, 0), |(count, bytes), (_, more)| (count + 1, bytes + more.len()))
    }

    /// Fails where any of the secrets is anywhere.
    ///
    /// # Panics
    /// When one is.
    pub fn are_clean(&self, canaries: &[Canary]) {
        let found: Vec<String> = canaries.iter().flat_map(|canary| self.with(canary)).collect();
        assert!(found.is_empty(), "{} leaks:\n{}", found.len(), found.join("\n"));
    }
}

/// Files below a folder that were changed since then and that `is_wanted` by what it is told of them, with their content. What
/// goes away meanwhile is left out.
pub(super) fn files_below(
    folder: &Path,
    depth: u32,
    since: SystemTime,
    is_wanted: &mut dyn FnMut(&Path, &Metadata) -> bool,
) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, Ok(meta)) = (entry.path(), entry.metadata()) else { continue };
        if meta.is_dir() && depth > 0 {
            found.extend(files_below(&path, depth - 1, since, is_wanted));
            continue;
        }
        let is_ours = meta.is_file() && meta.len() < LONGEST && meta.modified().is_ok_and(|at| at >= since);
        if is_ours && is_wanted(&path, &meta) {
            found.extend(std::fs::read(&path).ok().map(|bytes| (path, bytes)));
        }
    }
    found
}

impl Extend<(String, Vec<u8>)> for Places {
    fn extend<T: IntoIterator<Item = (String, Vec<u8>)>>(&mut self, more: T) {
        self.0.extend(more);
    }
}

impl IntoIterator for Places {
    type Item = (String, Vec<u8>);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
