//! Secrets that are looked for afterwards: [`Canary`], and the places where they must not be: [`Places`]. What they look
//! like in other encodings is worked out here once more, independently of the redaction that is tested.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// Files that are longer are no files of ours.
const LONGEST: u64 = 64 * 1024 * 1024;

/// A secret, and by what it is known wherever it stands.
#[derive(Debug, Clone)]
pub struct Canary {
    /// What kind of secret it is.
    pub name: &'static str,
    /// The secret itself.
    pub text: String,
    forms: Vec<String>,
    search: aho_corasick::AhoCorasick,
}

impl Canary {
    /// A secret nobody has used before. Between two plain words it has characters that quoting, JSON and URLs change; where
    /// one of the words is found, so is the secret, however the rest of it is written.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        let (head, tail) = (word(), word());
        Self::of_words(name, format!("{head} '\"/+\u{e9}\\&{tail}"), &[&head, &tail])
    }

    /// The same without anything that is quoted, for a secret that a file or another program takes.
    #[must_use]
    pub fn plain(name: &'static str) -> Self {
        let text = word() + &word();
        Self::of(name, &text)
    }

    /// A secret that somebody else has made.
    #[must_use]
    pub fn of(name: &'static str, text: &str) -> Self {
        Self::of_words(name, text.to_owned(), &[text])
    }

    fn of_words(name: &'static str, text: String, words: &[&str]) -> Self {
        let mut needles = Vec::new();
        for word in words {
            let hex: String = word.bytes().map(|byte| format!("{byte:02x}")).collect();
            needles.push(("plain".to_owned(), word.as_bytes().to_vec()));
            needles.push(("HEX".to_owned(), hex.to_uppercase().into_bytes()));
            needles.push(("hex".to_owned(), hex.into_bytes()));
            for before in 0..3 {
                // The digits that only depend on the word, wherever it stands in a longer text.
                let digits = STANDARD_NO_PAD.encode([&vec![0; before][..], word.as_bytes()].concat());
                let (from, to) = ((before * 8).div_ceil(6), (before + word.len()) * 8 / 6);
                let digits = &digits[from..to];
                needles.push((format!("base64 after {before}"), digits.as_bytes().to_vec()));
                let for_urls = digits.replace('+', "-").replace('/', "_");
                needles.push((format!("base64url after {before}"), for_urls.into_bytes()));
            }
        }
        let (forms, needles): (Vec<String>, Vec<Vec<u8>>) = needles.into_iter().unzip();
        let search = aho_corasick::AhoCorasick::new(needles).expect("a search");
        Self { name, text, forms, search }
    }

    /// In which form it stands in these bytes.
    #[must_use]
    pub fn found_in(&self, bytes: &[u8]) -> Option<&str> {
        let found = self.search.find(bytes)?;
        Some(&self.forms[found.pattern().as_usize()])
    }

    /// What stands around it.
    fn around(&self, bytes: &[u8]) -> String {
        const AROUND: usize = 80;
        let Some(found) = self.search.find(bytes) else { return String::new() };
        let (from, to) = (found.start().saturating_sub(AROUND), (found.end() + AROUND).min(bytes.len()));
        bytes[from..to].escape_ascii().to_string()
    }
}

fn word() -> String {
    use std::hash::{BuildHasher, Hasher};
    let random = || std::hash::RandomState::new().build_hasher().finish();
    // Longer than what anybody writes by chance.
    format!("{:016x}", random())
        .chars()
        .map(|c| char::from(b'g' + u8::try_from(c.to_digit(16).unwrap()).unwrap()))
        .collect()
}

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
        for (path, bytes) in files_below(folder, 8, SystemTime::UNIX_EPOCH) {
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

/// Files below a folder that were changed since then, with their content. What goes away meanwhile is left out.
fn files_below(folder: &Path, depth: u32, since: SystemTime) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(meta) = entry.metadata() else { continue };
        if meta.is_dir() && depth > 0 {
            found.extend(files_below(&entry.path(), depth - 1, since));
        } else if meta.is_file() && meta.len() < LONGEST && meta.modified().is_ok_and(|at| at >= since) {
            found.extend(std::fs::read(entry.path()).ok().map(|bytes| (entry.path(), bytes)));
        }
    }
    found
}

/// Looks again and again at the command lines of all processes of this machine and at the files in some folders, until it is
/// asked what it has seen.
#[derive(Debug)]
pub struct Lookout {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Places>,
}

impl Lookout {
    /// Begins to look, for these secrets, in these folders and in all for temporary files of ours. Paths that contain
    /// `except` are the tester's own.
    #[must_use]
    pub fn start(folders: Vec<PathBuf>, except: &'static str, canaries: Vec<Canary>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let since = SystemTime::now();
            let (mut lines, mut places) = (BTreeSet::new(), Places::default());
            let mut known = BTreeSet::new();
            // Ends when it is told to.
            while !stopped.load(Ordering::Relaxed) {
                lines.extend(command_lines());
                let folders = folders.iter().cloned().chain(of_ours());
                for (path, bytes) in folders.flat_map(|folder| files_below(&folder, 4, since)) {
                    let own = path.to_string_lossy().contains(except) || known.contains(&path);
                    if !own && canaries.iter().any(|canary| canary.found_in(&bytes).is_some()) {
                        places.add(format!("temporary file {}", path.display()), bytes);
                        known.insert(path);
                    }
                }
                // The rhythm of the looks, not a wait for anything.
                std::thread::sleep(Duration::from_millis(20));
            }
            places.add("ps", lines.into_iter().flatten().collect::<Vec<u8>>());
            places
        });
        Self { stop, thread }
    }

    /// What it has seen: every command line, and those files that had a secret in them.
    ///
    /// # Panics
    /// When it could not look.
    #[must_use]
    pub fn seen(self) -> Places {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("it looked")
    }
}

/// Folders for temporary files that have our name; those of other programs are nobody's business.
fn of_ours() -> Vec<PathBuf> {
    let all = std::fs::read_dir(std::env::temp_dir()).expect("a folder for temporary files").flatten();
    all.filter(|entry| entry.file_name().to_string_lossy().contains("pab"))
        .map(|entry| entry.path())
        .collect()
}

/// What ps(1) shows.
fn command_lines() -> Vec<Vec<u8>> {
    let all = std::fs::read_dir("/proc").expect("/proc").flatten();
    all.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok())
        .filter(|line| !line.is_empty())
        .collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};

    /// A canary that is not found would prove nothing.
    #[test]
    fn a_canary_is_found_in_every_form() {
        let canary = Canary::new("token");
        let text = &canary.text;
        let json = serde_json::to_string(text).unwrap();
        let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        let url: String = text
            .bytes()
            .map(|byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            })
            .collect();
        let mut forms = vec![
            text.clone(),
            text.replace('\'', "'\\''"),
            serde_json::to_string(&json).unwrap(),
            json,
            url,
            hex.to_uppercase(),
            hex,
        ];
        for before in ["", "a", "ab", "abc"] {
            forms.push(STANDARD.encode(format!("{before}{text} and more")));
            forms.push(URL_SAFE.encode(format!("{before}{text}")));
        }
        for form in forms {
            assert!(canary.found_in(format!("before {form} after").as_bytes()).is_some(), "{form}");
        }
        let (head, _) = text.split_once(' ').unwrap();
        assert!(canary.found_in(head.as_bytes()).is_some() && canary.found_in(b"nothing of it").is_none());
        assert!(canary.found_in(&head.as_bytes()[1..]).is_none());
        let mut places = Places::default();
        places.add("log", "fine");
        places.add("events", text.as_str());
        assert!(places.has("events", &canary) && !places.has("log", &canary));
        let found = places.with(&canary);
        assert!(found.len() == 1 && found[0].starts_with("the token is in events as plain: "), "{found:?}");
    }
}
