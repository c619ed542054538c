//! What a search finds entries by: [`words`]. Stores index these and not the texts, so that every database finds the same.

use std::collections::HashSet;

use super::entry::NewJournalEntry;

/// Different words of one entry, or of one search, that are looked at.
pub const MOST_WORDS: usize = 2_000;
/// Characters of a word that are looked at.
const LONGEST: usize = 64;

/// The different words of a text in lower case: runs of letters and digits. Everything else only ends a word.
pub fn words(text: &str) -> Vec<String> {
    let mut found = Found::default();
    found.take(text);
    found.words
}

impl NewJournalEntry {
    /// The words that it is found by, separated by blanks: those of its summary, action, user, type, source and status, and of
    /// the texts in its details.
    pub fn search_words(&self) -> String {
        let mut found = Found::default();
        let texts = [
            Some(self.summary.as_str()),
            Some(self.action.as_str()),
            self.user.as_deref(),
            Some(self.event_type.as_str()),
            Some(self.source.as_str()),
            self.result_status.as_deref(),
        ];
        for text in texts.into_iter().flatten() {
            found.take(text);
        }
        for (_, value) in &self.details {
            found.take_value(value, 0);
        }
        found.words.join(" ")
    }
}

/// Words up to which each is compared with the next one; past them a set is quicker.
const FEW: usize = 48;

#[derive(Default)]
struct Found {
    words: Vec<String>,
    /// The same words, where they are more than a few.
    seen: HashSet<String>,
}

impl Found {
    fn take(&mut self, text: &str) {
        for run in text.split(|one: char| !one.is_alphanumeric()) {
            if self.words.len() >= MOST_WORDS {
                return;
            }
            if !run.is_empty() {
                self.add(folded(run));
            }
        }
    }

    fn add(&mut self, word: String) {
        if word.is_empty() {
            return;
        }
        if self.words.len() < FEW {
            if !self.words.contains(&word) {
                self.words.push(word);
            }
            return;
        }
        if self.seen.is_empty() {
            self.seen.extend(self.words.iter().cloned());
        }
        if self.seen.insert(word.clone()) {
            self.words.push(word);
        }
    }

    fn take_value(&mut self, value: &serde_json::Value, depth: usize) {
        use serde_json::Value;
        match value {
            Value::String(text) => self.take(text),
            Value::Array(values) if depth < 16 => {
                values.iter().for_each(|value| self.take_value(value, depth + 1))
            }
            Value::Object(values) if depth < 16 => {
                values.values().for_each(|value| self.take_value(value, depth + 1));
            }
            // Numbers and what else is no text is not searched for.
            _ => {}
        }
    }
}

/// The first letters of a run in lower case.
fn folded(run: &str) -> String {
    if run.is_ascii() {
        return run.get(..LONGEST).unwrap_or(run).to_ascii_lowercase();
    }
    // Letter by letter, so that a beginning folds to a beginning.
    run.chars().take(LONGEST).flat_map(char::to_lowercase).filter(|one| one.is_alphanumeric()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_runs_of_letters_and_digits_once_each() {
        assert_eq!(words("Restarted nginx-1.2 by ADA; nginx"), ["restarted", "nginx", "1", "2", "by", "ada"]);
        assert_eq!(words("\"x\" OR (y*) NEAR/2 %_"), ["x", "or", "y", "near", "2"]);
        assert_eq!(words("%_\"*'\0 ^:"), Vec::<String>::new());
        assert_eq!(words("Straße ΟΔΟΣ"), ["straße", "οδοσ"]);
        assert_eq!(words(&"a".repeat(1000)), ["a".repeat(64)]);
        let twice: String = (0..200).chain(0..200).map(|n| format!("w{n} ")).collect();
        assert_eq!(words(&twice), (0..200).map(|n| format!("w{n}")).collect::<Vec<_>>());
        assert_eq!(words(&(0..5000).map(|n| format!("w{n} ")).collect::<String>()).len(), MOST_WORDS);
    }
}
