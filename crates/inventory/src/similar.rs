//! Names that look like a mistyped one: [`similar`].

/// At most so many suggestions.
const SUGGESTIONS: usize = 3;
/// At most so many known names are compared, so that an error stays cheap in a large inventory.
const COMPARED: usize = 200_000;

/// The known names closest to `wanted`, the closest first, none that would be a mere guess.
pub(crate) fn similar<'a>(wanted: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let most = match wanted.chars().count() {
        0..=1 => 1,
        2..=8 => 2,
        _ => 3,
    };
    let mut found: Vec<(usize, &str)> = known
        .into_iter()
        .take(COMPARED)
        .filter_map(|name| {
            // A short name for a long one: `web1` for `web1.example.org`.
            let qualified = name.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('.'))
                || wanted.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
            if qualified {
                return Some((0, name));
            }
            let distance = distance_within(wanted, name, most)?;
            Some((distance, name))
        })
        .collect();
    found.sort_unstable();
    found.dedup();
    found.into_iter().take(SUGGESTIONS).map(|(_, name)| name).collect()
}

/// Part of a sentence: `; did you mean web1 or web2?`, empty when nothing is close.
pub(crate) fn suggestion<'a>(wanted: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let names = similar(wanted, known);
    if names.is_empty() { String::new() } else { format!("; did you mean {}?", names.join(" or ")) }
}

/// The edit distance (Levenshtein, letter case aside) when it is at most `most`.
fn distance_within(a: &str, b: &str, most: usize) -> Option<usize> {
    if a.len().abs_diff(b.len()) > most * 4 {
        return None;
    }
    let b: Vec<char> = b.chars().map(|c| c.to_ascii_lowercase()).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (index, left) in a.chars().map(|c| c.to_ascii_lowercase()).enumerate() {
        let mut diagonal = index;
        let mut last = index + 1;
        let mut least = last;
        if let Some(first) = row.first_mut() {
            *first = last;
        }
        for (cell, right) in row.iter_mut().skip(1).zip(&b) {
            let next = (diagonal + usize::from(left != *right)).min(*cell + 1).min(last + 1);
            diagonal = std::mem::replace(cell, next);
            last = next;
            least = least.min(next);
        }
        if least > most {
            return None;
        }
    }
    row.last().copied().filter(|distance| *distance <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_names_are_found_and_guesses_are_not() {
        let known = ["web01", "web02", "db1.example.org", "mail"];
        assert_eq!(similar("wbe01", known), ["web01"]);
        assert_eq!(similar("wev01", known), ["web01", "web02"]);
        assert_eq!(similar("web03", known), ["web01", "web02"]);
        assert_eq!(similar("db1", known), ["db1.example.org"]);
        assert_eq!(similar("MAIL", known), ["mail"]);
        assert!(similar("something-else", known).is_empty());
        assert_eq!(suggestion("bo", known), "");
        assert_eq!(suggestion("mai", known), "; did you mean mail?");
    }

    #[test]
    fn the_distance_is_that_of_levenshtein() {
        assert_eq!(distance_within("kitten", "sitting", 3), Some(3));
        assert_eq!(distance_within("kitten", "sitting", 2), None);
        assert_eq!(distance_within("", "ab", 3), Some(2));
        assert_eq!(distance_within("abc", "abc", 0), Some(0));
    }
}
