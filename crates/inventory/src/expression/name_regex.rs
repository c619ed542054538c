//! [`NameRegex`]: a regular expression over names of nodes. Matching takes time linear in the name whatever the
//! expression; its compiled size is limited.

use regex::bytes::{Regex, RegexBuilder};

/// The longest expression in bytes.
pub const MAX_REGEX_BYTES: usize = 4096;
/// The most memory one compiled expression may take, in bytes; `(a{1000}){1000}` does not fit.
const MAX_COMPILED: usize = 512 * 1024;

/// A regular expression, in the syntax of the crate [`regex`](https://docs.rs/regex/1/regex/#syntax) without
/// Unicode classes: node names are ASCII. It is found anywhere in a name unless it is anchored.
#[derive(Debug, Clone)]
pub struct NameRegex {
    text: String,
    compiled: Regex,
}

impl NameRegex {
    /// Reads it. `\~` means `~`.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn new(text: &str) -> Result<Self, String> {
        let text = without_escaped_tildes(text);
        let compiled = compile(&text)?;
        Ok(Self { text, compiled })
    }

    /// The expression as it was written, without the tildes around it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is found in the name.
    pub fn is_match(&self, name: &str) -> bool {
        self.compiled.is_match(name.as_bytes())
    }
}

impl PartialEq for NameRegex {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for NameRegex {}

/// Compiles within the limits.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub(crate) fn compile(text: &str) -> Result<Regex, String> {
    if text.len() > MAX_REGEX_BYTES {
        return Err(format!("has more than {MAX_REGEX_BYTES} bytes"));
    }
    let built = RegexBuilder::new(text)
        .unicode(false)
        .size_limit(MAX_COMPILED)
        .dfa_size_limit(2 * MAX_COMPILED)
        .nest_limit(64)
        .build();
    built.map_err(|error| reason(&error))
}

/// Whether a regular expression over facts, which may hold any text, is good.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub(crate) fn check_for_facts(text: &str) -> Result<(), String> {
    if text.len() > MAX_REGEX_BYTES {
        return Err(format!("has more than {MAX_REGEX_BYTES} bytes"));
    }
    let built = regex::RegexBuilder::new(text).size_limit(2 * MAX_COMPILED).nest_limit(64).build();
    built.map(|_| ()).map_err(|error| reason(&error))
}

/// The last line says what is wrong; those before it draw an arrow below the text.
fn reason(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => {
            "is too large when it is compiled; use smaller counts in {...}".to_owned()
        }
        other => {
            let text = other.to_string();
            let last = text.lines().last().unwrap_or_default();
            last.strip_prefix("error: ").unwrap_or(last).to_owned()
        }
    }
}

fn without_escaped_tildes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('~') => out.push('~'),
            Some(escaped) => out.extend(['\\', escaped]),
            None => out.push('\\'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn it_is_found_anywhere_and_tildes_are_escaped() {
        let regex = NameRegex::new(r"eb\d+\~\.").unwrap();
        assert_eq!(regex.as_str(), r"eb\d+~\.");
        assert!(regex.is_match("web12~.x") && !regex.is_match("web12~x"));
        assert!(!NameRegex::new("^db").unwrap().is_match("web-db"));
    }

    #[test]
    fn bombs_and_faults_are_refused_at_once() {
        let started = Instant::now();
        for (bad, part) in [
            ("(a{1000}){1000}", "too large"),
            ("((a{100}){100}){100}", "too large"),
            ("(", "unclosed group"),
            ("a**?+{", "repetition"),
            (r"\p{Greek}", ""),
            (r"(?=x)", "look-around"),
        ] {
            let reason = NameRegex::new(bad).unwrap_err();
            assert!(reason.contains(part), "{bad}: {reason}");
        }
        assert!(NameRegex::new(&"(".repeat(4000)).is_err());
        assert!(NameRegex::new(&"a".repeat(4097)).unwrap_err().contains("4096"));
        assert!(check_for_facts("(a{1000}){1000}").is_err());
        // The classical bomb of backtracking engines.
        assert!(!NameRegex::new("^(a+)+$").unwrap().is_match(&format!("{}!", "a".repeat(250))));
        assert!(started.elapsed() < Duration::from_secs(10));
    }
}
