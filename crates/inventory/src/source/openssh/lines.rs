//! Lines of an ssh_config(5): [`keyword`], [`arguments`], [`groups_comment`].

/// What stands behind `Groups:`.
pub(super) fn groups_comment(comment: &str) -> Option<&str> {
    let comment = comment.trim_start_matches('#').trim_start();
    let (word, names) = comment.split_once(':')?;
    word.trim_end().eq_ignore_ascii_case("groups").then_some(names)
}

/// The keyword in lower case, and what follows it behind white space or one `=`.
pub(super) fn keyword(line: &str) -> Option<(String, &str)> {
    if line.is_empty() {
        return None;
    }
    let (keyword, rest) = line.split_at(line.find([' ', '\t', '=']).unwrap_or(line.len()));
    let rest = rest.trim_start_matches([' ', '\t']);
    let rest = rest.strip_prefix('=').unwrap_or(rest);
    Some((keyword.trim_matches('"').to_ascii_lowercase(), rest.trim_start_matches([' ', '\t'])))
}

/// Words with quotes resolved, up to a comment; nothing where a quote is not closed.
pub(super) fn arguments(text: &str) -> Option<Vec<String>> {
    let mut arguments = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next().filter(|first| *first != '#') {
        let (word, after) = if let '"' | '\'' = first {
            rest.get(1..)?.split_once(first)?
        } else {
            rest.split_at(rest.find([' ', '\t']).unwrap_or(rest.len()))
        };
        arguments.push(word.to_owned());
        rest = after.trim_start();
    }
    Some(arguments)
}
