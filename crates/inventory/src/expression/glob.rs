//! Globs over names: `*` stands for any text, `?` for one character. [`matches`] takes time proportional to
//! the product of the lengths at worst, whatever the pattern.

/// Whether a text holds a glob character.
pub(crate) fn is_glob(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// Whether the whole name matches.
pub(crate) fn matches(glob: &str, name: &str) -> bool {
    let glob: Vec<char> = glob.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut at_glob, mut at_name) = (0, 0);
    // Where the last `*` stands and how much of the name it has taken: the only place to come back to.
    let mut star: Option<(usize, usize)> = None;
    // Each turn moves on in the name or lets the last star take one more character of it.
    while let Some(c) = name.get(at_name) {
        match glob.get(at_glob) {
            Some('*') => {
                star = Some((at_glob, at_name));
                at_glob += 1;
            }
            Some(g) if *g == '?' || g == c => {
                at_glob += 1;
                at_name += 1;
            }
            _ => match star {
                Some((star_at, taken)) => {
                    star = Some((star_at, taken + 1));
                    at_glob = star_at + 1;
                    at_name = taken + 1;
                }
                None => return false,
            },
        }
    }
    glob.get(at_glob..).is_some_and(|rest| rest.iter().all(|c| *c == '*'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
        fn the_fast_way_is_the_definition(glob in "[ab*?]{0,8}", name in "[ab]{0,10}") {
            let (g, n): (Vec<char>, Vec<char>) = (glob.chars().collect(), name.chars().collect());
            prop_assert_eq!(matches(&glob, &name), by_definition(&g, &n));
        }
    }
}
