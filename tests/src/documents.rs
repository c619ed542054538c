//! Takes the command lines out of a document: [`commands_of`]. It runs none of them.

/// A command line of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The words, with lines that end in a backslash joined.
    pub text: String,
    /// Number of the line, from 1.
    pub number: usize,
    /// The exit status that a comment behind it (`# exit 1`) names, else 0.
    pub exit: i32,
}

/// The lines of all blocks that are marked as `sh`, without comments and empty lines.
#[must_use]
pub fn commands_of(markdown: &str) -> Vec<Line> {
    let mut found = Vec::new();
    let mut inside = false;
    let mut open: Option<(usize, String)> = None;
    for (index, raw) in markdown.lines().enumerate() {
        let line = raw.trim();
        if let Some(mark) = line.strip_prefix("```") {
            inside = !inside && mark == "sh";
            continue;
        }
        if !inside || line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (number, mut text) = open.take().unwrap_or((index + 1, String::new()));
        text.push_str(line);
        if let Some(joined) = text.strip_suffix('\\') {
            open = Some((number, joined.to_owned()));
            continue;
        }
        let (command, comment) = text.split_at(comment_start(&text));
        let exit = comment
            .split_once("exit ")
            .and_then(|(_, rest)| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok())
            .unwrap_or(0);
        found.push(Line { text: command.trim().to_owned(), number, exit });
    }
    found
}

/// Where a comment begins: at a `#` after a space and outside of quotes; the end of the line where there is none.
fn comment_start(line: &str) -> usize {
    let mut quote = None;
    let mut before = ' ';
    for (index, c) in line.char_indices() {
        match quote {
            Some(open) if c == open => quote = None,
            None if c == '\'' || c == '"' => quote = Some(c),
            None if c == '#' && before == ' ' => return index,
            _ => {}
        }
        before = c;
    }
    line.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_marked_blocks_count_and_comments_name_the_exit_status() {
        let text = "pab no\n```sh\n# a remark\npab run 'a # b' \\\n  --hosts web01   # exit 1: it fails\n\
                    pab version\n```\n```text\npab no\n```\n";
        let lines = commands_of(text);
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert_eq!((lines[1].text.as_str(), lines[1].number, lines[1].exit), ("pab version", 6, 0));
        assert_eq!((lines[0].number, lines[0].exit), (4, 1));
    }
}
