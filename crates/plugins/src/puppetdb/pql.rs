//! A look at a user's PQL: [`check`], [`own_paging`]. It is not parsed: PuppetDB does that.

/// The longest query, in bytes.
const MAX_BYTES: usize = 64 * 1024;

/// Whether it can be PQL at all.
///
/// # Errors
/// What is wrong with it.
pub(super) fn check(pql: &str) -> Result<(), String> {
    let text = pql.trim_start();
    if text.is_empty() {
        Err("must not be empty; write PQL such as nodes[certname] { certname ~ \"web\" }".to_owned())
    } else if pql.len() > MAX_BYTES {
        Err(format!("is {} bytes long, at most {MAX_BYTES} are allowed", pql.len()))
    } else if text.starts_with('[') {
        // PuppetDB would take it, and its paging could not be seen.
        Err("must be PQL such as nodes[certname] { certname ~ \"web\" }, not the language with brackets"
            .to_owned())
    } else {
        Ok(())
    }
}

/// The paging that a query brings itself, outside of its subqueries: `limit` or `offset`.
///
/// Queries are read page by page, and PuppetDB lets the request's paging take the place of the query's own without a
/// word, so such a query would give more nodes than it says.
pub(super) fn own_paging(pql: &str) -> Option<&'static str> {
    let mut depth = 0usize;
    let mut quote: Option<char> = None;
    let mut escaped = false;
    let mut word = String::new();
    let mut last: Option<&'static str> = None;
    for c in pql.chars().chain(std::iter::once(' ')) {
        if let Some(mark) = quote {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                _ if c == mark => quote = None,
                _ => {}
            }
            continue;
        }
        if c.is_alphanumeric() || matches!(c, '_' | '.' | '-') {
            // The number after the word makes it a clause and not a name.
            if word.is_empty() && c.is_ascii_digit() && last.is_some() {
                return last;
            }
            word.push(c);
            continue;
        }
        if !word.is_empty() {
            last = match word.as_str() {
                "limit" if depth == 1 => Some("limit"),
                "offset" if depth == 1 => Some("offset"),
                _ => None,
            };
            word.clear();
        }
        match c {
            '"' | '\'' => quote = Some(c),
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if !c.is_whitespace() {
            last = None;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paging_of_the_query_itself_is_seen_and_that_of_subqueries_is_not() {
        for (pql, found) in [
            ("nodes { limit 5 }", Some("limit")),
            ("nodes[certname] { certname ~ 'a' order by certname limit 10 offset 20 }", Some("limit")),
            ("nodes {offset\n3}", Some("offset")),
            ("nodes { certname in resources[certname] { type = 'A' limit 10 } }", None),
            ("nodes { certname = \"limit 5\" }", None),
            ("nodes { certname = \"a\\\" limit 5\" }", None),
            ("inventory { facts.limit = 5 }", None),
            ("facts { name = 'x' and value > 5 order by certname }", None),
            ("limit 5", None),
            ("", None),
        ] {
            assert_eq!(own_paging(pql), found, "{pql}");
        }
    }
}
