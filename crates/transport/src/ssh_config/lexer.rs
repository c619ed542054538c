//! One line of a configuration file into a keyword and its arguments, as `readconf.c` and `misc.c` do it.
//!
//! Main function: [`split_line`]. It knows quoting, comments and `key=value`; it must not know keywords.

/// A line that has a keyword.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// In lower case: keywords do not depend on letter case.
    pub(super) keyword: String,
    /// The text after the keyword, untouched: `ProxyCommand` takes it whole.
    pub(super) rest: &'a str,
    /// The arguments with quotes resolved and a trailing comment cut off.
    pub(super) arguments: Vec<String>,
}

/// Why a line could not be split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineFault {
    /// A quotation mark is not closed.
    UnclosedQuote,
    /// The keyword stands alone.
    NoArgument,
}

impl LineFault {
    /// A fragment for an error message.
    pub(super) fn message(self) -> &'static str {
        match self {
            Self::UnclosedQuote => "a quotation mark is not closed",
            Self::NoArgument => "the keyword has no argument",
        }
    }
}

/// Splits one line; `None` for an empty line or a comment.
///
/// Line ends of any system are accepted: trailing white space, which includes a carriage return, is cut off.
pub(super) fn split_line(line: &str) -> Result<Option<Line<'_>>, LineFault> {
    let text = line.trim_matches([' ', '\t', '\r', '\n', '\x0c']);
    if text.is_empty() || text.starts_with('#') {
        return Ok(None);
    }
    let (keyword, rest) = take_keyword(text)?;
    if rest.is_empty() {
        return Err(LineFault::NoArgument);
    }
    let arguments = split_arguments(rest)?;
    Ok(Some(Line { keyword: keyword.to_ascii_lowercase(), rest, arguments }))
}

/// The keyword ends at white space or at one `=`, which may have white space on both sides.
fn take_keyword(text: &str) -> Result<(&str, &str), LineFault> {
    let (keyword, rest) = if let Some(quoted) = text.strip_prefix('"') {
        quoted.split_once('"').ok_or(LineFault::UnclosedQuote)?
    } else {
        text.split_at(text.find([' ', '\t', '=']).unwrap_or(text.len()))
    };
    let rest = rest.trim_start_matches([' ', '\t']);
    let rest = rest.strip_prefix('=').unwrap_or(rest);
    Ok((keyword, rest.trim_start_matches([' ', '\t'])))
}

/// Splits at white space, with `'` and `"` as quotes and `\` before a quote, a backslash or (outside quotes)
/// a space as escape; an unquoted `#` at the start of a word ends the line. Source: `argv_split()` in
/// OpenSSH's `misc.c`.
pub(super) fn split_arguments(text: &str) -> Result<Vec<String>, LineFault> {
    let mut arguments = Vec::new();
    let mut chars = text.chars().peekable();
    loop {
        while chars.next_if(|c| matches!(c, ' ' | '\t')).is_some() {}
        match chars.peek() {
            None | Some('#') => return Ok(arguments),
            Some(_) => {}
        }
        let mut word = String::new();
        let mut quote: Option<char> = None;
        while let Some(c) = chars.next() {
            match (c, quote) {
                ('\\', _) => {
                    let escaped = chars.next_if(|next| {
                        matches!(next, '\'' | '"' | '\\') || (quote.is_none() && *next == ' ')
                    });
                    word.push(escaped.unwrap_or('\\'));
                }
                (' ' | '\t', None) => break,
                ('"' | '\'', None) => quote = Some(c),
                (c, Some(open)) if c == open => quote = None,
                (c, _) => word.push(c),
            }
        }
        if quote.is_some() {
            return Err(LineFault::UnclosedQuote);
        }
        arguments.push(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(line: &str) -> (String, Vec<String>) {
        let line = split_line(line).unwrap().unwrap();
        (line.keyword, line.arguments)
    }

    #[test]
    fn keyword_forms() {
        for text in [
            "Port 22",
            "port=22",
            "PORT = 22",
            "\tPort\t22\r",
            "Port  \"22\"",
            "port 22 # why",
            "\"Port\" 22",
        ] {
            assert_eq!(words(text), ("port".into(), vec!["22".into()]), "{text:?}");
        }
    }

    #[test]
    fn quotes_and_escapes() {
        let (_, arguments) = words(r#"identityfile "a b" 'c d' e\ f "g\"h" i#j \k"#);
        assert_eq!(arguments, ["a b", "c d", "e f", "g\"h", "i#j", r"\k"]);
    }

    #[test]
    fn only_one_equals_sign_is_skipped() {
        assert_eq!(words("user==x"), ("user".into(), vec!["=x".into()]));
    }

    #[test]
    fn nothing_and_faults() {
        assert_eq!(split_line("   "), Ok(None));
        assert_eq!(split_line(" # Port 22"), Ok(None));
        assert_eq!(split_line("Port"), Err(LineFault::NoArgument));
        assert_eq!(split_line("Port \"22"), Err(LineFault::UnclosedQuote));
    }

    proptest! {
        #[test]
        fn a_quoted_argument_comes_back_whole(text in "[a-zA-Z0-9 #=%~/.\t'-]{0,20}") {
            let line = format!("identityfile \"{text}\"");
            prop_assert_eq!(words(&line).1, vec![text]);
        }

        #[test]
        fn no_line_makes_it_panic(text in any::<String>()) {
            let _ = split_line(&text);
        }
    }
}
