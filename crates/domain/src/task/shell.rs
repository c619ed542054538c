//! Where in a command line a value may stand, and how it is written there: [`shell_word`], [`Scanner`].
//!
//! A value is written as one quoted word, which is one word only outside of quotes: within double quotes the
//! shell would still look at what it holds. So a command line is read along as a POSIX shell reads it (Shell
//! Command Language, section 2.2), and a reference that stands anywhere else than where words stand is refused.
//! What this reading is not sure of, it refuses too.

/// A text as one word of a shell, whatever it holds.
///
/// A backslash stands outside of the quotes, since fish(1) looks at it within them; POSIX shells and fish then
/// read the same.
pub fn shell_word(text: &str) -> String {
    let mut word = String::with_capacity(text.len() + 2);
    word.push('\'');
    for c in text.chars() {
        match c {
            '\'' => word.push_str(r"'\''"),
            '\\' => word.push_str(r"'\\'"),
            other => word.push(other),
        }
    }
    word.push('\'');
    word
}

/// Reads a command line along.
#[derive(Debug, Default)]
pub(super) struct Scanner {
    place: Place,
    /// The character before.
    last: char,
    /// How many `<` were just before.
    angles: usize,
    /// The next character is taken as it is.
    escaped: bool,
    /// From here on it is not certain where a word is.
    lost: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    #[default]
    Word,
    SingleQuotes,
    DoubleQuotes,
    Comment,
    Backquotes,
    /// `$(( ))` or `(( ))`, with so many parentheses open.
    Arithmetic(u32),
    /// `${ }` of the shell itself, within double quotes or not.
    Expansion {
        quoted: bool,
    },
}

impl Scanner {
    /// Reads on.
    pub(super) fn read(&mut self, text: &str) {
        for c in text.chars() {
            self.next(c);
            self.last = c;
        }
    }

    /// A value stands here.
    ///
    /// # Errors
    /// Why it may not, as the end of a sentence.
    pub(super) fn value(&mut self) -> Result<(), &'static str> {
        if self.lost || self.angles == 2 {
            return Err(
                "stands behind a here-document, a '$(' within quotes, a $'...' or another thing behind \
                        which it is not certain to be a word; pass it as an environment variable (env)",
            );
        }
        if self.escaped || (self.place == Place::Word && self.last == '$') {
            return Err("stands directly behind a backslash or a '$'");
        }
        match self.place {
            Place::Word => {
                // What follows directly belongs to the same word.
                (self.last, self.angles) = ('\'', 0);
                Ok(())
            }
            Place::SingleQuotes | Place::DoubleQuotes => {
                Err("stands within quotes; it is quoted by itself, so end the quotes before it")
            }
            Place::Comment => Err("stands in a comment"),
            Place::Backquotes => Err("stands within backquotes; use $(...)"),
            Place::Arithmetic(_) => Err(
                "stands within arithmetic, where a shell would run what it holds; pass it as an environment \
                     variable (env) and check it",
            ),
            Place::Expansion { .. } => Err("stands within a ${...} of the shell"),
        }
    }

    fn next(&mut self, c: char) {
        if std::mem::take(&mut self.escaped) {
            return;
        }
        let after_dollar = self.last == '$';
        match self.place {
            Place::Word => self.in_word(c),
            Place::SingleQuotes if c == '\'' => {
                // fish(1) goes on here.
                self.lost |= self.last == '\\';
                self.place = Place::Word;
            }
            Place::DoubleQuotes => match c {
                '"' => self.place = Place::Word,
                '\\' => self.escaped = true,
                '{' if after_dollar => self.place = Place::Expansion { quoted: true },
                '`' => self.lost = true,
                '(' | '[' if after_dollar => self.lost = true,
                _ => {}
            },
            Place::Comment if c == '\n' => self.place = Place::Word,
            Place::Backquotes => match c {
                '`' => self.place = Place::Word,
                '\\' | '\'' | '"' | '<' => self.lost = true,
                _ => {}
            },
            Place::Arithmetic(open) => match c {
                '(' => self.place = Place::Arithmetic(open.saturating_add(1)),
                ')' if open <= 1 => self.place = Place::Word,
                ')' => self.place = Place::Arithmetic(open - 1),
                '\'' | '"' | '`' | '\\' => self.lost = true,
                _ => {}
            },
            Place::Expansion { quoted } => match c {
                '}' => self.place = if quoted { Place::DoubleQuotes } else { Place::Word },
                '\'' | '"' | '`' | '\\' | '$' => self.lost = true,
                _ => {}
            },
            Place::SingleQuotes | Place::Comment => {}
        }
    }

    fn in_word(&mut self, c: char) {
        // Two are a here-document, three give a word as the input.
        if c == '<' {
            self.angles += 1;
            return;
        }
        self.lost |= std::mem::take(&mut self.angles) == 2;
        match c {
            '\\' => self.escaped = true,
            '\'' if self.last == '$' => self.lost = true,
            '\'' => self.place = Place::SingleQuotes,
            '"' => self.place = Place::DoubleQuotes,
            '`' => self.place = Place::Backquotes,
            '#' if self.last == '\0' || self.last.is_whitespace() || ";|&()<>".contains(self.last) => {
                self.place = Place::Comment;
            }
            '(' if self.last == '(' => self.place = Place::Arithmetic(2),
            '[' if self.last == '$' => self.lost = true,
            '{' if self.last == '$' => self.place = Place::Expansion { quoted: false },
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use proptest::prelude::*;

    fn admits(before: &str) -> bool {
        let mut scanner = Scanner::default();
        scanner.read(before);
        scanner.value().is_ok()
    }

    #[test]
    fn a_value_may_stand_only_where_words_stand() {
        for good in [
            "",
            "echo ",
            "echo 'a b' ",
            "echo \"a $x ${y} b\" ",
            "a=",
            "f --x=",
            "a $(b ",
            "a; # c\n b ",
            "cat <<< ",
            "sed 's/\\./x/' ",
            "echo a#b ",
            "echo \\' ",
            "[ ",
            "( a; ",
            "echo $# ",
        ] {
            assert!(admits(good), "{good}");
        }
        for bad in [
            "echo '",
            "echo \"",
            "echo \"$(",
            "echo \"$(echo \"",
            "# ",
            "a; # ",
            "echo `",
            "$((",
            "(( a = ",
            "cat <<EOF\n",
            "cat <<-'E'\n",
            "echo $'",
            "echo $'a\\' ",
            "echo \\",
            "${x:-",
            "${x:-\"}",
            "echo $[",
            "echo $",
            "echo 'a\\' ",
            "cat <<",
            "echo \"`",
            "echo `echo \"`",
        ] {
            assert!(!admits(bad), "{bad}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        /// Whatever a value holds, a real shell makes one word of it.
        #[test]
        fn a_shell_reads_a_word_back(text in "[ -~\n\\\\'\"$`é]{0,30}") {
            let script = format!("printf %s {}", shell_word(&text));
            let output = Command::new("/bin/sh").arg("-c").arg(script).output().unwrap();
            prop_assert_eq!(String::from_utf8_lossy(&output.stdout), text);
        }

        /// Wherever a value is admitted, what it holds is not run.
        #[test]
        fn nothing_that_a_value_holds_is_run(pieces in proptest::collection::vec(prop_oneof![
            Just("'"), Just("\""), Just("\\"), Just("`"), Just("$("), Just(")"), Just("#"), Just(" "), Just("\n"),
            Just("echo "), Just("x"), Just("$"), Just("{"), Just("}"), Just("(("), Just("))"), Just("<<"), Just("E"),
        ], 0..8)) {
            let before = pieces.concat();
            let mut scanner = Scanner::default();
            scanner.read(&before);
            if scanner.value().is_ok() {
                let evil = shell_word("'; echo HIT >&3; $(echo HIT >&3) `echo HIT >&3`\necho HIT >&3\n\" \\");
                let script = format!("{before}{evil}");
                let output = Command::new("/bin/sh").args(["-c", "exec 3>&1 >/dev/null 2>&1; eval \"$1\"", "sh"])
                    .arg(script).stdin(std::process::Stdio::null()).output().unwrap();
                prop_assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{:?}", before);
            }
        }
    }
}
