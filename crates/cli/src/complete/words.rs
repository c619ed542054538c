//! The words of a command line that is being typed: [`typed`] takes them from what the scripts of the shells pass on.

/// The words up to the cursor.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Typed {
    /// Those that are complete, without the program.
    pub(crate) before: Vec<String>,
    /// The one that is being typed.
    pub(crate) current: String,
    /// How much of it the shell keeps by itself, in bytes: bash replaces only what stands behind `=`, `:` or `@`.
    pub(crate) kept: usize,
}

/// Reads what a script passes on: for bash the word as bash sees it and the line, for the others all words.
pub(crate) fn typed(arguments: &[String]) -> Option<Typed> {
    match arguments {
        [shell, word, line] if shell == "bash" => {
            let mut words = split(line);
            let current = words.pop()?;
            // Bash takes the marks at which it breaks words for words, and replaces none of them.
            let word =
                if word.chars().all(|letter| "=:@><;|&(".contains(letter)) { "" } else { word.as_str() };
            let kept = if current.ends_with(word) { current.len() - word.len() } else { 0 };
            let mut before = words.into_iter();
            before.next()?;
            Some(Typed { before: before.collect(), current, kept })
        }
        [_, words @ ..] => {
            let (current, before) = words.split_last()?;
            let before = before.get(1..)?.to_vec();
            Some(Typed { before, current: current.clone(), kept: 0 })
        }
        [] => None,
    }
}

/// Splits a line as a shell does, as far as quotation marks and backslashes go. The last word is the one that is being typed,
/// which is empty behind a blank.
fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    let mut has_begun = false;
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match (letter, quote) {
            (letter, Some(mark)) if letter == mark => quote = None,
            ('\\', None | Some('"')) => word.extend(letters.next()),
            (letter, Some(_)) => word.push(letter),
            ('\'' | '"', None) => {
                quote = Some(letter);
                has_begun = true;
            }
            (' ' | '\t', None) => {
                if has_begun || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                has_begun = false;
            }
            (letter, None) => word.push(letter),
        }
    }
    words.push(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_split_as_the_shell_does_it() {
        for (line, words) in [
            ("pab ", vec!["pab", ""]),
            ("pab  run 'a b' --x", vec!["pab", "run", "a b", "--x"]),
            (r#"pab "a\"b" c\ d ''"#, vec!["pab", "a\"b", "c d", ""]),
            ("pab '' x", vec!["pab", "", "x"]),
        ] {
            assert_eq!(split(line), words, "{line}");
        }
    }

    #[test]
    fn what_bash_keeps_is_known() {
        let of = |word: &str, line: &str| {
            let arguments = ["bash", word, line].map(str::to_owned);
            typed(&arguments).map(|typed| (typed.before, typed.current, typed.kept)).unwrap()
        };
        assert_eq!(of("we", "pab -t @we"), (vec!["-t".to_owned()], "@we".to_owned(), 1));
        assert_eq!(of("@", "pab -t @"), (vec!["-t".to_owned()], "@".to_owned(), 1));
        assert_eq!(of("js", "pab --format=js"), (vec![], "--format=js".to_owned(), 9));
        assert_eq!(of("ex", "pab ex"), (vec![], "ex".to_owned(), 0));
        let words = ["zsh", "pab", "run", ""].map(str::to_owned);
        assert_eq!(typed(&words).unwrap().before, ["run"]);
        assert_eq!(typed(&["fish".to_owned()]), None);
    }
}
