//! [`words`]: splits a host line as Python's `shlex.split(line, comments=True)` does, which Ansible uses.

/// The words of a line, without quotes and comment.
///
/// # Errors
/// A quote that is not closed, or a backslash at the end.
pub(super) fn words(line: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            // With `comments`, shlex ends the line at a '#' also within a word.
            '#' => break,
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '\\' => word.get_or_insert_default().push(chars.next().ok_or("a backslash at the end")?),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next().ok_or("a quote is not closed")? {
                        '\'' => break,
                        other => word.push(other),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next().ok_or("a quote is not closed")? {
                        '"' => break,
                        '\\' => match chars.next().ok_or("a quote is not closed")? {
                            escaped @ ('"' | '\\') => word.push(escaped),
                            other => word.extend(['\\', other]),
                        },
                        other => word.push(other),
                    }
                }
            }
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The expected values are what Python 3.11 gives.
    #[test]
    fn words_are_those_of_shlex() {
        for (line, expected) in [
            ("a b=1  c", &["a", "b=1", "c"][..]),
            ("a k='x y' j=\"1 '2'\"", &["a", "k=x y", "j=1 '2'"]),
            ("a b=#c d", &["a", "b="]),
            ("a b='#c' # d", &["a", "b=#c"]),
            (r#"a b=\"x\" c="\"q\" \n""#, &["a", "b=\"x\"", "c=\"q\" \\n"]),
            (r"a b='\n' c=\n", &["a", r"b=\n", "c=n"]),
            ("a ''", &["a", ""]),
            ("a''b", &["ab"]),
        ] {
            assert_eq!(words(line).unwrap(), expected, "{line}");
        }
        for bad in ["a 'b", "a \"b", "a \\", "a \"b\\"] {
            assert!(words(bad).is_err(), "{bad}");
        }
    }
}
