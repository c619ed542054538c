//! [`Scanner`]: walks through the characters of an expression and knows the column it is at.

use crate::expression::print::ends_word;

pub(super) struct Scanner<'a> {
    text: &'a str,
    /// Byte offset of the next character.
    at: usize,
    /// Its column, from 1.
    pub(super) column: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0, column: 1 }
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        self.column += 1;
        Some(c)
    }

    /// Takes the character if it comes next.
    pub(super) fn take(&mut self, wanted: char) -> bool {
        let is_next = self.peek() == Some(wanted);
        if is_next {
            self.next();
        }
        is_next
    }

    /// Takes the first of these signs that comes next, and tells what it stands for.
    pub(super) fn take_one_of<T: Copy>(&mut self, signs: &[(&str, T)]) -> Option<T> {
        let (sign, meaning) = signs.iter().find(|(sign, _)| self.rest().starts_with(sign))?;
        sign.chars().for_each(|_| {
            self.next();
        });
        Some(*meaning)
    }

    pub(super) fn skip_blanks(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.next();
        }
    }

    /// Takes characters up to the first that `ends`.
    pub(super) fn take_until(&mut self, mut ends: impl FnMut(char) -> bool) -> &'a str {
        let start = self.at;
        while self.peek().is_some_and(|c| !ends(c)) {
            self.next();
        }
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// Everything up to a character that ends a name. Within brackets only `]` ends anything.
    pub(super) fn take_word(&mut self) -> &'a str {
        let mut within = false;
        self.take_until(|c| {
            match c {
                '[' => within = true,
                ']' => within = false,
                _ => {}
            }
            !within && ends_word(c)
        })
    }

    /// A text in double quotes, in which `\"` is a quote and `\\` a backslash. `None` when it is never closed.
    pub(super) fn take_quoted(&mut self) -> Option<String> {
        self.next();
        let mut out = String::new();
        loop {
            match self.next()? {
                '"' => return Some(out),
                '\\' => match self.next()? {
                    escaped @ ('"' | '\\') => out.push(escaped),
                    other => out.extend(['\\', other]),
                },
                c => out.push(c),
            }
        }
    }

    /// A text between tildes; a tilde after a backslash belongs to it. `None` when it is never closed.
    pub(super) fn take_regex(&mut self) -> Option<&'a str> {
        self.next();
        let start = self.at;
        loop {
            let end = self.at;
            match self.next()? {
                '~' => return self.text.get(start..end),
                '\\' => {
                    self.next()?;
                }
                _ => {}
            }
        }
    }

    /// After a fault: passes over everything up to a comma or a closing parenthesis that is not within brackets or
    /// quotes. `open` parentheses are closed before that.
    pub(super) fn recover(&mut self, open: usize) {
        let mut depth = open;
        while let Some(c) = self.peek() {
            match c {
                ',' | ')' if depth == 0 => return,
                '(' | '[' => depth += 1,
                ')' | ']' => depth = depth.saturating_sub(1),
                '"' => {
                    self.take_quoted();
                    continue;
                }
                _ => {}
            }
            self.next();
        }
    }

    /// Leaves the rest unread.
    pub(super) fn give_up(&mut self) {
        self.at = self.text.len();
    }

    /// The beginning of what comes next, to be shown.
    pub(super) fn shown(&self) -> String {
        let rest = self.rest().trim_start();
        let word = rest.split([',', ' ', '\t', '\n']).next().unwrap_or(rest);
        word.chars().take(40).collect()
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }
}
