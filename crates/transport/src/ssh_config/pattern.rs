//! Wildcard patterns and pattern lists as OpenSSH's `match.c` understands them (`ssh_config(5)`, PATTERNS).
//!
//! Main functions: [`matches_pattern`] and [`pattern_list_verdict`]. They compare bytes and must not know
//! what the text means; the caller decides about letter case.

/// What a comma-separated pattern list says about a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PatternVerdict {
    /// No pattern of the list matches.
    NoMatch,
    /// At least one pattern matches and no negated one does.
    Match,
    /// A pattern with a leading `!` matches, which overrules every other pattern of the list.
    Negated,
}

/// Whether `pattern`, in which `*` stands for any run of characters and `?` for exactly one, covers `text`.
///
/// Runs in `O(text * pattern)` at worst: it remembers only the last star, so a hostile pattern cannot make
/// it exponential.
pub(crate) fn matches_pattern(text: &str, pattern: &str) -> bool {
    let (text, pattern) = (text.as_bytes(), pattern.as_bytes());
    let (mut t, mut p) = (0, 0);
    // Where to resume when the text after a star does not fit: (pattern after the star, text tried so far).
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                p += 1;
                star = Some((p, t));
            }
            Some(b'?') => {
                p += 1;
                t += 1;
            }
            Some(byte) if Some(byte) == text.get(t) => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((after_star, tried)) => {
                    p = after_star;
                    t = tried + 1;
                    star = Some((after_star, t));
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
}

/// Whether `pattern` contains a wildcard.
pub(crate) fn is_wild(pattern: &str) -> bool {
    pattern.contains(['*', '?'])
}

/// Checks `text` against a comma-separated list of patterns, of which some may be negated with `!`.
///
/// A list with only negated patterns never matches, as in OpenSSH.
pub(crate) fn pattern_list_verdict(text: &str, list: &str) -> PatternVerdict {
    let mut verdict = PatternVerdict::NoMatch;
    for pattern in list.split(',').map(str::trim) {
        if let Some(negated) = pattern.strip_prefix('!') {
            if matches_pattern(text, negated) {
                return PatternVerdict::Negated;
            }
        } else if !pattern.is_empty() && matches_pattern(text, pattern) {
            verdict = PatternVerdict::Match;
        }
    }
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn wildcards_match_as_in_openssh() {
        for (text, pattern, expected) in [
            ("web01", "web01", true),
            ("web01", "web0?", true),
            ("web01", "web?", false),
            ("web01", "*", true),
            ("", "*", true),
            ("", "?", false),
            ("web01.example.com", "*.example.com", true),
            ("example.com", "*.example.com", false),
            ("aaa", "*a*a*a*", true),
            ("aaab", "*a", false),
            ("WEB", "web", false),
        ] {
            assert_eq!(matches_pattern(text, pattern), expected, "{text} against {pattern}");
        }
    }

    #[test]
    fn a_negated_pattern_overrules_the_list() {
        assert_eq!(pattern_list_verdict("a.b", "*.b,!a.*"), PatternVerdict::Negated);
        assert_eq!(pattern_list_verdict("c.b", "*.b,!a.*"), PatternVerdict::Match);
        assert_eq!(pattern_list_verdict("c.d", "!a.*"), PatternVerdict::NoMatch);
        assert_eq!(pattern_list_verdict("x", ""), PatternVerdict::NoMatch);
    }

    /// The obvious recursive definition, to compare the fast one with.
    fn by_definition(text: &[u8], pattern: &[u8]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some((b'*', rest)) => (0..=text.len()).any(|skip| by_definition(&text[skip..], rest)),
            Some((b'?', rest)) => !text.is_empty() && by_definition(&text[1..], rest),
            Some((byte, rest)) => text.first() == Some(byte) && by_definition(&text[1..], rest),
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(text in "[ab.]{0,8}", pattern in "[ab.*?]{0,6}") {
            prop_assert_eq!(
                matches_pattern(&text, &pattern),
                by_definition(text.as_bytes(), pattern.as_bytes())
            );
        }
    }
}
