//! [`Glob`]s of Python's `fnmatch` and of Ruby's `File.fnmatch`, which know `[abc]` beside `*` and `?`. They become regular
//! expressions, so that matching takes time linear in the name.

use regex::bytes::Regex;

use crate::expression::name_regex::compile;

/// Whose globs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rules {
    /// `fnmatch.translate` of Python: `[!a]`, a bracket that is not closed is itself, letter case counts.
    Python,
    /// `File.fnmatch` of Ruby with `FNM_CASEFOLD`: `[!a]` and `[^a]`, `\` escapes, nothing matches a bracket that is not
    /// closed, and a dot at the beginning of a name has to be written.
    Ruby,
}

/// A pattern for whole names.
#[derive(Debug, Clone)]
pub(super) struct Glob {
    regex: Regex,
    /// A dot at the beginning of a name is matched by nothing but a dot.
    hides_dot: bool,
}

impl Glob {
    /// Reads it.
    ///
    /// # Errors
    /// A sentence that says what is wrong: it is too long.
    pub(super) fn new(text: &str, rules: Rules) -> Result<Self, String> {
        let hides_dot = rules == Rules::Ruby && !text.trim_start_matches('\\').starts_with('.');
        Ok(Self { regex: compile(&as_regex(text, rules))?, hides_dot })
    }

    /// Whether the whole name matches.
    pub(super) fn is_match(&self, name: &str) -> bool {
        !(self.hides_dot && name.starts_with('.')) && self.regex.is_match(name.as_bytes())
    }
}

fn as_regex(text: &str, rules: Rules) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::from(match rules {
        Rules::Python => "(?su)\\A",
        Rules::Ruby => "(?isu)\\A",
    });
    let mut at = 0;
    // Every turn takes at least one character.
    while let Some(c) = chars.get(at).copied() {
        at += 1;
        match c {
            '*' => {
                // Several stars are one.
                while chars.get(at) == Some(&'*') {
                    at += 1;
                }
                out.push_str(".*");
            }
            '?' => out.push('.'),
            '[' => match class(&chars, at, rules) {
                Some((class, after)) => {
                    out.push_str(&class);
                    at = after;
                }
                None if rules == Rules::Python => out.push_str("\\["),
                None => out.push_str(NEVER),
            },
            '\\' if rules == Rules::Ruby => {
                push_escaped(chars.get(at).copied().unwrap_or('\\'), &mut out);
                at += 1;
            }
            c => push_escaped(c, &mut out),
        }
    }
    out.push_str("\\z");
    out
}

/// Matches no name.
const NEVER: &str = "[^\\x00-\\x{10FFFF}]";

fn push_escaped(c: char, out: &mut String) {
    out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
}

/// The class whose content begins at a place, and the place after its bracket.
fn class(chars: &[char], start: usize, rules: Rules) -> Option<(String, usize)> {
    let negated = match chars.get(start) {
        Some('!') => true,
        Some('^') => rules == Rules::Ruby,
        _ => false,
    };
    let body = start + usize::from(negated);
    // A bracket that closes at once is a character of the class, for both.
    let mut end = body + usize::from(chars.get(body) == Some(&']'));
    loop {
        match chars.get(end)? {
            ']' => break,
            '\\' if rules == Rules::Ruby => end += 2,
            _ => end += 1,
        }
    }
    let mut ranges = Vec::new();
    let mut at = body;
    // Every turn takes at least one character of the class.
    while at < end {
        let low = member(chars, &mut at, rules)?;
        let is_range = chars.get(at) == Some(&'-') && at + 1 < end;
        if is_range {
            at += 1;
            ranges.push((low, member(chars, &mut at, rules)?));
        } else {
            ranges.push((low, low));
        }
    }
    ranges.retain(|(low, high)| low <= high);
    let out = match (ranges.is_empty(), negated) {
        (true, false) => NEVER.to_owned(),
        (true, true) => ".".to_owned(),
        (false, _) => {
            let mut out = String::from(if negated { "[^" } else { "[" });
            for (low, high) in ranges {
                out.push_str(&format!("\\x{{{:X}}}-\\x{{{:X}}}", u32::from(low), u32::from(high)));
            }
            out.push(']');
            out
        }
    };
    Some((out, end + 1))
}

/// Takes one character of a class.
fn member(chars: &[char], at: &mut usize, rules: Rules) -> Option<char> {
    if rules == Rules::Ruby && chars.get(*at) == Some(&'\\') {
        *at += 1;
    }
    *at += 1;
    chars.get(*at - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(rules: Rules, text: &str, name: &str) -> bool {
        Glob::new(text, rules).unwrap().is_match(name)
    }

    #[test]
    fn classes_of_both_languages() {
        for (text, name, python, ruby) in [
            ("web[12]", "web1", true, true),
            ("web[1-3]", "web2", true, true),
            ("web[!1-3]", "web2", false, false),
            ("web[^1-3]", "web7", false, true),
            ("web[^1-3]", "web^", true, true),
            ("web[3-1]", "web2", false, false),
            ("web[!3-1]", "web2", true, true),
            ("web[]]", "web]", true, true),
            ("web[a-]", "web-", true, true),
            ("web[", "web[", true, false),
            ("WEB*", "web1", false, true),
            ("web\\*", "web*", false, true),
            ("w.b", "web", false, false),
            ("*", "", true, true),
            ("*", ".web", true, false),
            ("?web", ".web", true, false),
            ("[.]web", ".web", true, false),
            ("[!x]web", ".web", true, false),
            (".*", ".web", true, true),
            ("*.web", "a.web", true, true),
            ("größe-?", "größe-ß", true, true),
            ("a[~&|]b", "a|b", true, true),
        ] {
            assert_eq!(matches(Rules::Python, text, name), python, "python {text} {name}");
            assert_eq!(matches(Rules::Ruby, text, name), ruby, "ruby {text} {name}");
        }
    }
}
