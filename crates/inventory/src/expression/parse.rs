//! From text to [`Expression`]. The parser goes on after a fault at the next comma, so that all faults are
//! told at once.

use crate::destination::is_bracketed_address;
use crate::expression::ast::{Expression, Operator, Selector, Term};
use crate::expression::error::{SyntaxError, SyntaxErrors, SyntaxFault};
use crate::expression::glob::is_glob;
use crate::nodeset::{Part, Pattern};

/// At most so many faults are told; a megabyte of garbage has as many.
const MAX_FAULTS: usize = 20;

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    /// [`SyntaxErrors`] with every fault, at most 20.
    pub fn parse(text: &str) -> Result<Self, SyntaxErrors> {
        Parser { text, at: 0, column: 1, faults: Vec::new() }.expression()
    }
}

struct Parser<'a> {
    text: &'a str,
    /// Byte offset of the next character.
    at: usize,
    /// Its column, from 1.
    column: usize,
    faults: Vec<SyntaxError>,
}

impl<'a> Parser<'a> {
    fn expression(mut self) -> Result<Expression, SyntaxErrors> {
        if self.text.trim().is_empty() {
            return Err(SyntaxErrors(vec![SyntaxError { column: 1, fault: SyntaxFault::Empty }]));
        }
        let mut terms = Vec::new();
        // Every turn takes at least the comma that separates two terms.
        loop {
            if let Some(term) = self.term() {
                terms.push(term);
            }
            if self.faults.len() >= MAX_FAULTS || !self.separator() {
                break;
            }
        }
        let mut terms = terms.into_iter();
        match terms.next() {
            Some(first) if self.faults.is_empty() => {
                Ok(Expression { first, rest: terms.map(|term| (Operator::Union, term)).collect() })
            }
            _ => Err(SyntaxErrors(self.faults)),
        }
    }

    /// Reads up to the next separator; `None` when a fault was noted.
    fn term(&mut self) -> Option<Term> {
        self.skip_blanks();
        let column = self.column;
        let selector = match self.peek() {
            None => self.fault(column, SyntaxFault::ExpectedTerm("after ','")),
            Some(',') => self.fault(column, SyntaxFault::ExpectedTerm("before ','")),
            Some('"') => self.quoted().map(|name| Selector::Names(Pattern::literal(name))),
            Some('@') => {
                self.next();
                self.group(column)
            }
            Some('~') => self.unsupported("a regular expression ~...~"),
            Some('(') | Some(')') => self.unsupported("a parenthesis"),
            Some('!') => self.unsupported("'!' (difference)"),
            Some('&') => self.unsupported("'&' (intersection)"),
            Some('^') => self.unsupported("'^' (symmetric difference)"),
            Some(_) => self.word(column),
        };
        selector.map(|selector| Term { column, selector })
    }

    /// Takes the comma after a term. `false` at the end. Everything else is a fault, after which the text up
    /// to the next comma is passed over.
    fn separator(&mut self) -> bool {
        self.skip_blanks();
        let Some(c) = self.peek() else { return false };
        if c != ',' {
            let column = self.column;
            match c {
                '&' => self.unsupported("'&' (intersection)"),
                '!' => self.unsupported("'!' (difference)"),
                '^' => self.unsupported("'^' (symmetric difference)"),
                '(' | ')' => self.unsupported("a parenthesis"),
                _ => {
                    let rest = self.rest();
                    let next = rest.split([',', ' ', '\t', '\n']).next().unwrap_or(rest);
                    let shown = next.chars().take(40).collect();
                    self.fault(column, SyntaxFault::ExpectedComma(shown))
                }
            };
            self.skip_to_comma();
        }
        self.next().is_some()
    }

    fn word(&mut self, column: usize) -> Option<Selector> {
        let word = self.take_word();
        if self.peek() == Some('(') {
            match word {
                "fact" => return self.unsupported("fact(...)"),
                "last" => return self.unsupported("last(...)"),
                _ => {}
            }
        }
        if word == "all" || word == "*" {
            return Some(Selector::All);
        }
        if is_bracketed_address(word) {
            return Some(Selector::Destination(word.to_owned()));
        }
        let pattern = self.pattern(word, column)?;
        Some(if has_glob(&pattern) { Selector::Glob(pattern) } else { Selector::Names(pattern) })
    }

    fn group(&mut self, column: usize) -> Option<Selector> {
        if self.peek() == Some('"') {
            return self.quoted().map(Selector::GroupNamed);
        }
        let start = self.column;
        let word = self.take_word();
        if word.is_empty() {
            return self.fault(column, SyntaxFault::ExpectedTerm("group name after '@'"));
        }
        self.pattern(word, start).map(Selector::Groups)
    }

    fn pattern(&mut self, word: &str, column: usize) -> Option<Pattern> {
        match Pattern::parse(word) {
            Ok(pattern) => Some(pattern),
            Err(error) => {
                let error = error.shifted(column - 1);
                self.fault(error.column().unwrap_or(column), SyntaxFault::NodeSet(error))
            }
        }
    }

    /// Everything up to a character that ends a name. Within brackets only `]` ends anything.
    fn take_word(&mut self) -> &'a str {
        let start = self.at;
        let mut within = false;
        while let Some(c) = self.peek() {
            match c {
                '[' => within = true,
                ']' => within = false,
                ',' | '&' | '!' | '^' | '(' | ')' if !within => break,
                c if c.is_whitespace() && !within => break,
                _ => {}
            }
            self.next();
        }
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// A text in double quotes, in which `\"` is a quote and `\\` a backslash.
    fn quoted(&mut self) -> Option<String> {
        let column = self.column;
        self.next();
        let mut out = String::new();
        while let Some(c) = self.next() {
            match c {
                '"' => return Some(out),
                '\\' => match self.next() {
                    Some(escaped @ ('"' | '\\')) => out.push(escaped),
                    Some(other) => {
                        out.push('\\');
                        out.push(other);
                    }
                    None => break,
                },
                c => out.push(c),
            }
        }
        self.fault(column, SyntaxFault::UnclosedQuote)
    }

    fn unsupported(&mut self, what: &'static str) -> Option<Selector> {
        let column = self.column;
        self.skip_to_comma();
        self.fault(column, SyntaxFault::Unsupported(what))
    }

    fn fault<T>(&mut self, column: usize, fault: SyntaxFault) -> Option<T> {
        self.faults.push(SyntaxError { column, fault });
        None
    }

    fn skip_blanks(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.next();
        }
    }

    /// Passes over everything up to a comma outside of brackets of either kind.
    fn skip_to_comma(&mut self) {
        let mut depth = 0usize;
        while let Some(c) = self.peek() {
            match c {
                ',' if depth == 0 => return,
                '(' | '[' => depth += 1,
                ')' | ']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            self.next();
        }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        self.column += 1;
        Some(c)
    }
}

fn has_glob(pattern: &Pattern) -> bool {
    pattern.parts().iter().any(|part| match part {
        Part::Literal(text) => is_glob(text),
        Part::Choice(items) => items.iter().any(|item| match item {
            crate::nodeset::Item::Word(word) => is_glob(word),
            crate::nodeset::Item::Range { .. } => false,
        }),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn faults(text: &str) -> Vec<(usize, String)> {
        let errors = Expression::parse(text).unwrap_err();
        errors.0.iter().map(|error| (error.column, error.to_string())).collect()
    }

    #[test]
    fn terms_stand_apart_with_their_columns() {
        let parsed =
            Expression::parse("web[1,2], @db , all,\"odd,name\",w*,@\"a, b\",root@[::1]:22").unwrap();
        let terms: Vec<&Term> =
            std::iter::once(&parsed.first).chain(parsed.rest.iter().map(|(_, t)| t)).collect();
        let columns: Vec<usize> = terms.iter().map(|term| term.column).collect();
        assert_eq!(columns, [1, 11, 17, 21, 32, 35, 43]);
        assert!(matches!(terms[0].selector, Selector::Names(_)));
        assert!(matches!(terms[1].selector, Selector::Groups(_)));
        assert!(matches!(terms[2].selector, Selector::All));
        assert_eq!(terms[3].selector, Selector::Names(Pattern::literal("odd,name")));
        assert!(matches!(terms[4].selector, Selector::Glob(_)));
        assert_eq!(terms[5].selector, Selector::GroupNamed("a, b".into()));
        assert_eq!(terms[6].selector, Selector::Destination("root@[::1]:22".into()));
    }

    #[test]
    fn what_is_not_there_yet_is_refused_at_its_column() {
        for (text, column, what) in [
            ("web1&@db", 5, "'&' (intersection)"),
            ("web1!web2", 5, "'!' (difference)"),
            ("!web2", 1, "'!' (difference)"),
            ("web1 ^ @db", 6, "'^' (symmetric difference)"),
            ("a,(b,c)", 3, "a parenthesis"),
            ("a,~web.*~", 3, "a regular expression"),
            ("fact(os.family=Debian)", 5, "fact(...)"),
            ("last(failed, 24h)", 5, "last(...)"),
        ] {
            let found = faults(text);
            assert_eq!(found.len(), 1, "{text}: {found:?}");
            assert_eq!(found[0].0, column, "{text}: {found:?}");
            assert!(found[0].1.contains(what) && found[0].1.contains("not supported yet"), "{found:?}");
        }
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let found = faults("web[9-1], ,a b,web1&x,@");
        let columns: Vec<usize> = found.iter().map(|(column, _)| *column).collect();
        assert_eq!(columns, [5, 11, 14, 20, 23], "{found:?}");
        assert_eq!(faults("a,")[0].0, 3);
        assert!(faults("   ")[0].1.contains("no targets"));
        assert!(faults("\"abc")[0].1.contains("closing"));
        assert!(faults(&"&,".repeat(100_000)).len() <= MAX_FAULTS);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_or_run_on(text in "[a-c0-9\\[\\],@~&!^()*?\"\\\\ /:-]{0,40}|\\PC{0,20}") {
            let _ = Expression::parse(&text);
        }
    }
}
