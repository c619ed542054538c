//! Globs of the language: `*` for any text, `?` for one character. [`Glob`] matches in time linear in the name,
//! whatever the pattern.

use regex::bytes::Regex;

use crate::expression::name_regex::compile;

/// Whether a text holds a glob character.
pub(crate) fn is_glob(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// Whether a pattern, which may be a plain text, covers the whole name. One that is too long covers nothing.
pub(crate) fn covers(pattern: &str, name: &str) -> bool {
    if is_glob(pattern) { Glob::new(pattern).is_ok_and(|glob| glob.is_match(name)) } else { pattern == name }
}

/// A pattern for whole names.
#[derive(Debug, Clone)]
pub(crate) enum Glob {
    /// `prefix*suffix`, which is what most people write.
    Affixes(String, String),
    /// Everything else.
    Regex(Regex),
}

impl Glob {
    /// Reads it.
    ///
    /// # Errors
    /// A sentence that says what is wrong: it is too long.
    pub(crate) fn new(glob: &str) -> Result<Self, String> {
        match glob.split_once('*') {
            Some((prefix, suffix)) if !is_glob(prefix) && !is_glob(suffix) => {
                Ok(Self::Affixes(prefix.to_owned(), suffix.to_owned()))
            }
            _ => compile(&as_regex(glob)).map(Self::Regex),
        }
    }

    /// Whether the whole name matches.
    pub(crate) fn is_match(&self, name: &str) -> bool {
        match self {
            Self::Affixes(prefix, suffix) => {
                name.strip_prefix(prefix.as_str()).is_some_and(|rest| rest.ends_with(suffix.as_str()))
            }
            Self::Regex(regex) => regex.is_match(name.as_bytes()),
        }
    }
}

fn as_regex(glob: &str) -> String {
    // `.` is one character of UTF-8, as names of groups may be any text.
    let mut text = String::from("(?su)\\A");
    let mut star = false;
    for c in glob.chars() {
        // Several stars are one.
        if c == '*' {
            star = true;
            continue;
        }
        if std::mem::take(&mut star) {
            text.push_str(".*");
        }
        match c {
            '?' => text.push('.'),
            c => text.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    if star {
        text.push_str(".*");
    }
    text.push_str("\\z");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matches(glob: &str, name: &str) -> bool {
        Glob::new(glob).unwrap().is_match(name)
    }

    #[test]
    fn stars_and_question_marks() {
        for (glob, name, expected) in [
            ("web*", "web1", true),
            ("web*", "web", true),
            ("web?", "web", false),
            ("*.example.org", "a.b.example.org", true),
            ("*.example.org", "example.org", false),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("*", "", true),
            ("web1", "web11", false),
            ("größe-?", "größe-ß", true),
            ("w.b*", "web1", false),
        ] {
            assert_eq!(matches(glob, name), expected, "{glob} {name}");
        }
        assert!(!matches(&"*a".repeat(120), &"a".repeat(119)));
    }

    /// The definition, slow and plain.
    fn by_definition(glob: &[char], name: &[char]) -> bool {
        match (glob.split_first(), name.split_first()) {
            (None, None) => true,
            (Some((&'*', rest)), _) => (0..=name.len()).any(|taken| by_definition(rest, &name[taken..])),
            (Some((&'?', rest)), Some((_, name))) => by_definition(rest, name),
            (Some((c, rest)), Some((d, name))) => c == d && by_definition(rest, name),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn the_fast_way_is_the_definition(glob in "[ab*?ü]{0,8}", name in "[abü]{0,10}") {
            let (g, n): (Vec<char>, Vec<char>) = (glob.chars().collect(), name.chars().collect());
            prop_assert_eq!(matches(&glob, &name), by_definition(&g, &n));
        }
    }
}
