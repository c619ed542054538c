//! A secret that is looked for afterwards: [`Canary`]. What it looks like in other encodings is worked out here once more,
//! independently of the redaction that is tested.

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// A secret, and by what it is known wherever it stands.
#[derive(Debug, Clone)]
pub struct Canary {
    /// What kind of secret it is.
    pub name: &'static str,
    /// The secret itself.
    pub text: String,
    needles: Vec<(String, Vec<u8>)>,
    search: AhoCorasick,
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
        let search = AhoCorasick::new(needles.iter().map(|(_, needle)| needle)).expect("a search");
        Self { name, text, needles, search }
    }

    /// In which form it stands in these bytes.
    #[must_use]
    pub fn found_in(&self, bytes: &[u8]) -> Option<&str> {
        let found = self.search.find(bytes)?;
        Some(&self.needles[found.pattern().as_usize()].0)
    }

    /// What stands around it.
    pub(super) fn around(&self, bytes: &[u8]) -> String {
        const AROUND: usize = 80;
        let Some(found) = self.search.find(bytes) else { return String::new() };
        let (from, to) = (found.start().saturating_sub(AROUND), (found.end() + AROUND).min(bytes.len()));
        bytes[from..to].escape_ascii().to_string()
    }
}

/// Several secrets, looked for at once: it is quick to see that none of them is there.
#[derive(Debug, Clone)]
pub struct Canaries {
    all: Vec<Canary>,
    search: AhoCorasick,
}

impl Canaries {
    /// These.
    ///
    /// # Panics
    /// Never with as many as a test has.
    #[must_use]
    pub fn new(all: &[Canary]) -> Self {
        let needles = all.iter().flat_map(|canary| &canary.needles).map(|(_, needle)| needle);
        Self { search: AhoCorasick::new(needles).expect("a search"), all: all.to_vec() }
    }

    /// Which of them are there, in which form and between what.
    #[must_use]
    pub fn found_in(&self, bytes: &[u8]) -> Vec<String> {
        if !self.search.is_match(bytes) {
            return Vec::new();
        }
        let found = |canary: &Canary| {
            let form = canary.found_in(bytes)?;
            Some(format!("the {} as {form}: {}", canary.name, canary.around(bytes)))
        };
        self.all.iter().filter_map(found).collect()
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

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::canary::{Places, forms};

    /// A canary that is not found would prove nothing.
    #[test]
    fn a_canary_is_found_in_every_form() {
        let canary = Canary::new("token");
        let text = &canary.text;
        let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        let mut forms: Vec<String> = forms(text).into_iter().map(|(_, said)| said).collect();
        // As a document in a document has it.
        forms.push(Value::from(Value::from(text.as_str()).to_string()).to_string());
        forms.extend([hex.to_uppercase(), hex]);
        for form in forms {
            assert!(canary.found_in(format!("before {form} after").as_bytes()).is_some(), "{form}");
        }
        let (head, _) = text.split_once(' ').unwrap();
        assert!(canary.found_in(head.as_bytes()).is_some() && canary.found_in(b"nothing of it").is_none());
        assert!(canary.found_in(&head.as_bytes()[1..]).is_none());
        let other = Canary::new("other");
        let both = Canaries::new(&[other, canary.clone()]);
        let found = both.found_in(format!("a {text}").as_bytes());
        assert!(found.len() == 1 && found[0].starts_with("the token as plain: a "), "{found:?}");
        assert!(both.found_in(b"nothing of it").is_empty());
        let mut places = Places::default();
        places.add("log", "fine");
        places.add("events", text.as_str());
        assert!(places.has("events", &canary) && !places.has("log", &canary));
        let found = places.with(&canary);
        assert!(found.len() == 1 && found[0].starts_with("the token is in events as plain: "), "{found:?}");
    }
}
