//! From text to [`Expression`]. The parser goes on after a fault at the next comma or closing parenthesis, so that
//! all faults are told at once.

use pabawi_domain::node::TargetExpression;

use crate::destination::is_bracketed_address;
use crate::expression::ast::{Expression, GroupRef, MAX_DEPTH, Operator, Selector, Term};
use crate::expression::call::{call, is_call};
use crate::expression::error::{SyntaxError, SyntaxErrors, SyntaxFault};
use crate::expression::glob::is_glob;
use crate::expression::name_regex::NameRegex;
use crate::expression::scan::Scanner;
use crate::nodeset::{Item, Part, Pattern};

/// At most so many faults are told; a megabyte of garbage has as many.
const MAX_FAULTS: usize = 20;
/// At most so many regular expressions stand in one expression, and so many facts, outcomes and foreign terms.
const MAX_COSTLY: usize = 100;

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    /// [`SyntaxErrors`] with every fault, at most 20.
    pub fn parse(text: &str) -> Result<Self, SyntaxErrors> {
        let fault = |fault| SyntaxErrors(vec![SyntaxError { column: 1, fault }]);
        if text.trim().is_empty() {
            return Err(fault(SyntaxFault::Empty));
        }
        if text.len() > TargetExpression::MAX_BYTES {
            return Err(fault(SyntaxFault::TooLong));
        }
        let mut parser = Parser { scanner: Scanner::new(text), faults: Vec::new(), regexes: 0, calls: 0 };
        match parser.sequence(0) {
            Some(expression) if parser.faults.is_empty() => Ok(expression),
            _ => Err(SyntaxErrors(parser.faults)),
        }
    }
}

struct Parser<'a> {
    scanner: Scanner<'a>,
    faults: Vec<SyntaxError>,
    regexes: usize,
    calls: usize,
}

impl Parser<'_> {
    /// Terms and operators up to the end, or to the parenthesis that closes this depth, which is left.
    fn sequence(&mut self, depth: usize) -> Option<Expression> {
        let mut first = None;
        let mut rest = Vec::new();
        let mut before: Option<Operator> = None;
        // Every turn takes at least the operator between two terms.
        loop {
            if let Some(term) = self.term(before, depth) {
                match before {
                    Some(operator) if first.is_some() => rest.push((operator, term)),
                    _ => first = Some(term),
                }
            }
            if self.faults.len() >= MAX_FAULTS {
                self.scanner.give_up();
            }
            match self.operator(depth) {
                Some(operator) => before = Some(operator),
                None => break,
            }
        }
        first.map(|first| Expression { first, rest })
    }

    /// Reads up to what separates it from the next term; `None` when a fault was noted.
    fn term(&mut self, before: Option<Operator>, depth: usize) -> Option<Term> {
        self.scanner.skip_blanks();
        let column = self.scanner.column;
        let selector = match self.scanner.peek() {
            None | Some(')') => {
                let place = match before {
                    Some(operator) => format!("after '{}'", operator.sign()),
                    None if depth > 0 => "after '('".to_owned(),
                    None => "before ')'".to_owned(),
                };
                self.fault(column, SyntaxFault::ExpectedTerm(place))
            }
            Some('!') => {
                // Several in a row are one fault.
                while self.scanner.take('!') {
                    self.scanner.skip_blanks();
                }
                let fault = SyntaxFault::LeadingDifference(self.scanner.shown());
                self.fault::<()>(column, fault);
                // The term is read for its own faults.
                if !self.scanner.peek().is_none_or(|c| c == ')' || Operator::of(c).is_some()) {
                    self.term(before, depth);
                }
                None
            }
            Some(c @ (',' | '&' | '^')) => {
                self.fault(column, SyntaxFault::ExpectedTerm(format!("before '{c}'")))
            }
            Some('(') => self.nested(column, depth),
            Some('"') => self.quoted(column).map(|name| Selector::Names(Pattern::literal(name))),
            Some('~') => self.regex(column),
            Some('@') => {
                self.scanner.next();
                self.group(column)
            }
            Some(_) => self.word(column),
        };
        selector.map(|selector| Term { column, selector })
    }

    /// Takes the operator after a term. `None` at the end of this depth. Everything else is a fault, after which the
    /// text up to the next comma is passed over.
    fn operator(&mut self, depth: usize) -> Option<Operator> {
        // Every turn takes a character or leaves.
        loop {
            self.scanner.skip_blanks();
            let column = self.scanner.column;
            let c = self.scanner.peek()?;
            if let Some(operator) = Operator::of(c) {
                self.scanner.next();
                return Some(operator);
            }
            if c == ')' && depth > 0 {
                return None;
            }
            if c == ')' {
                self.scanner.next();
                self.fault::<()>(column, SyntaxFault::Unopened);
            } else {
                let fault = SyntaxFault::ExpectedOperator(self.scanner.shown());
                self.fault::<()>(column, fault);
                self.scanner.recover(0);
            }
            if self.faults.len() >= MAX_FAULTS {
                return None;
            }
        }
    }

    fn nested(&mut self, column: usize, depth: usize) -> Option<Selector> {
        if depth >= MAX_DEPTH {
            // What follows is most likely as deep.
            self.scanner.give_up();
            return self.fault(column, SyntaxFault::TooDeep);
        }
        self.scanner.next();
        let faults = self.faults.len();
        let inner = self.sequence(depth + 1);
        if !self.scanner.take(')') {
            let is_first = self.faults.len() == faults;
            return if is_first { self.fault(column, SyntaxFault::UnclosedParenthesis) } else { None };
        }
        inner.map(|inner| Selector::Nested(Box::new(inner)))
    }

    fn regex(&mut self, column: usize) -> Option<Selector> {
        self.regexes += 1;
        if self.regexes > MAX_COSTLY {
            let what = "regular expressions";
            self.scanner.give_up();
            return self.fault(column, SyntaxFault::TooMany { what, most: MAX_COSTLY });
        }
        let Some(text) = self.scanner.take_regex() else {
            return self.fault(column, SyntaxFault::UnclosedRegex);
        };
        match NameRegex::new(text) {
            Ok(regex) => Some(Selector::Regex(regex)),
            Err(reason) => self.fault(column, SyntaxFault::Regex(reason)),
        }
    }

    fn word(&mut self, column: usize) -> Option<Selector> {
        let word = self.scanner.take_word();
        if self.scanner.peek() == Some('(') && is_call(word) {
            return self.call(word, column);
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

    fn call(&mut self, word: &str, column: usize) -> Option<Selector> {
        self.calls += 1;
        if self.calls > MAX_COSTLY {
            self.scanner.give_up();
            let what = "terms in the manner of fact(...)";
            return self.fault(column, SyntaxFault::TooMany { what, most: MAX_COSTLY });
        }
        match call(word, &mut self.scanner) {
            Ok(selector) => Some(selector),
            Err(reason) => {
                self.scanner.recover(1);
                self.fault(column, SyntaxFault::Condition(reason))
            }
        }
    }

    /// What follows `@`: a group, or a source, a colon and a group.
    fn group(&mut self, column: usize) -> Option<Selector> {
        if self.scanner.peek() == Some('"') {
            let text = self.quoted(column)?;
            return if self.scanner.take(':') {
                self.group_name(Some(text))
            } else {
                Some(Selector::GroupNamed(GroupRef { source: None, name: text }))
            };
        }
        let start = self.scanner.column;
        let word = self.scanner.take_word();
        match split_at_last_colon(word) {
            None if word.is_empty() => {
                self.fault(start, SyntaxFault::ExpectedTerm("group name after '@'".to_owned()))
            }
            None => self.groups(None, word, start),
            Some(("", _)) => {
                self.fault(start, SyntaxFault::ExpectedTerm("source name between '@' and ':'".to_owned()))
            }
            Some((source, "")) => self.group_name(Some(source.to_owned())),
            Some((source, name)) => {
                let column = start + source.chars().count() + 1;
                self.groups(Some(source.to_owned()), name, column)
            }
        }
    }

    /// The name of a group after its source.
    fn group_name(&mut self, source: Option<String>) -> Option<Selector> {
        let start = self.scanner.column;
        if self.scanner.peek() == Some('"') {
            let name = self.quoted(start)?;
            return Some(Selector::GroupNamed(GroupRef { source, name }));
        }
        let word = self.scanner.take_word();
        if word.is_empty() {
            return self.fault(start, SyntaxFault::ExpectedTerm("group name after ':'".to_owned()));
        }
        if split_at_last_colon(word).is_some() {
            return self.fault(start, SyntaxFault::ColonInGroup);
        }
        self.groups(source, word, start)
    }

    fn groups(&mut self, source: Option<String>, word: &str, column: usize) -> Option<Selector> {
        self.pattern(word, column).map(|name| Selector::Groups(GroupRef { source, name }))
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

    fn quoted(&mut self, column: usize) -> Option<String> {
        match self.scanner.take_quoted() {
            Some(text) => Some(text),
            None => self.fault(column, SyntaxFault::UnclosedQuote),
        }
    }

    fn fault<T>(&mut self, column: usize, fault: SyntaxFault) -> Option<T> {
        self.faults.push(SyntaxError { column, fault });
        None
    }
}

/// The source and the group of `source:group`; a colon within brackets is part of a name.
fn split_at_last_colon(word: &str) -> Option<(&str, &str)> {
    let (mut within, mut last) = (false, None);
    for (at, c) in word.char_indices() {
        match c {
            '[' => within = true,
            ']' => within = false,
            ':' if !within => last = Some(at),
            _ => {}
        }
    }
    let at = last?;
    Some((word.get(..at)?, word.get(at + 1..)?))
}

fn has_glob(pattern: &Pattern) -> bool {
    pattern.parts().iter().any(|part| match part {
        Part::Literal(text) => is_glob(text),
        Part::Choice(items) => items.iter().any(|item| match item {
            Item::Word(word) => is_glob(word),
            Item::Range { .. } => false,
        }),
    })
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
