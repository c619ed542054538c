//! An [`Expression`] as text. Reading the text gives the same expression again.

use std::fmt::{self, Display, Formatter, Write as _};

use pabawi_domain::condition::{FactCondition, LastCondition};
use pabawi_domain::duration::exact_duration;
use pabawi_domain::id::NodeId;

use crate::expression::ast::{Expression, GroupRef, Selector, Term};
use crate::expression::glob::is_glob;
use crate::nodeset::{Part, Pattern, fold_terms};

impl Display for Expression {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (operator, term) in self.terms() {
            if let Some(operator) = operator {
                f.write_char(operator.sign())?;
            }
            term.fmt(f)?;
        }
        Ok(())
    }
}

impl Display for Term {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.selector {
            Selector::Names(pattern) => names(pattern, f),
            Selector::Destination(text) => f.write_str(text),
            Selector::Glob(pattern) => pattern.fmt(f),
            Selector::Regex(regex) => {
                f.write_char('~')?;
                escaped(regex.as_str(), '~', f)?;
                f.write_char('~')
            }
            Selector::Groups(group) => {
                source(group, f)?;
                group.name.fmt(f)
            }
            Selector::GroupNamed(group) => {
                source(group, f)?;
                quoted(&group.name, f)
            }
            Selector::All => f.write_str("all"),
            Selector::Fact(condition) => fact(condition, f),
            Selector::Last(condition) => last(condition, f),
            Selector::Foreign(dialect, text) => {
                write!(f, "{}(", dialect.as_str())?;
                quoted(text, f)?;
                f.write_char(')')
            }
            Selector::Nested(inner) => write!(f, "({inner})"),
        }
    }
}

/// The expression that names these nodes and no others, in its shortest form: `web[01-20],db1`. Names that would mean
/// something else in an expression stand in quotes at its end.
pub fn fold_expression<'a>(nodes: impl IntoIterator<Item = &'a NodeId>) -> String {
    let (plain, special): (Vec<&NodeId>, Vec<&NodeId>) =
        nodes.into_iter().partition(|node| is_plain_name(node.as_str()));
    let mut terms = fold_terms(plain);
    terms.extend(special.into_iter().map(|node| format!("\"{node}\"")));
    terms.join(",")
}

/// Whether a name means that node, written as it is, and nothing else.
fn is_plain_name(name: &str) -> bool {
    !name.is_empty()
        && name != "all"
        && !name.starts_with(['@', '~'])
        && !is_glob(name)
        && !name.chars().any(ends_word)
        && !name.contains(['[', ']'])
}

/// Whether a character ends a name that is not quoted.
pub(super) fn ends_word(c: char) -> bool {
    c.is_whitespace() || matches!(c, ',' | '&' | '!' | '^' | '(' | ')' | '"')
}

fn names(pattern: &Pattern, f: &mut Formatter<'_>) -> fmt::Result {
    match pattern.parts() {
        [Part::Literal(name)] if !is_plain_name(name) => quoted(name, f),
        [] => quoted("", f),
        _ => pattern.fmt(f),
    }
}

fn source<T>(group: &GroupRef<T>, f: &mut Formatter<'_>) -> fmt::Result {
    f.write_char('@')?;
    let Some(source) = &group.source else { return Ok(()) };
    let is_plain = !source.is_empty() && !source.contains(['[', ']']) && !source.chars().any(ends_word);
    if is_plain {
        f.write_str(source)?;
    } else {
        quoted(source, f)?;
    }
    f.write_char(':')
}

fn fact(FactCondition { path, test }: &FactCondition, f: &mut Formatter<'_>) -> fmt::Result {
    f.write_str("fact(")?;
    argument(path.as_str(), f)?;
    if let Some((sign, value)) = test.sign_and_value() {
        f.write_str(sign)?;
        argument(value, f)?;
    }
    f.write_char(')')
}

fn last(condition: &LastCondition, f: &mut Formatter<'_>) -> fmt::Result {
    write!(f, "last({}", condition.outcome.as_str())?;
    if let Some(within) = condition.within {
        write!(f, ", {}", exact_duration(within))?;
    }
    f.write_char(')')
}

/// The path or value of a fact, in quotes where it needs them.
fn argument(text: &str, f: &mut Formatter<'_>) -> fmt::Result {
    let is_plain = !text.is_empty()
        && text.trim() == text
        && !text.contains(['"', '(', ')', '=', '!', '~', '<', '>'])
        && !text.chars().any(char::is_control);
    if is_plain { f.write_str(text) } else { quoted(text, f) }
}

/// In double quotes.
fn quoted(text: &str, f: &mut Formatter<'_>) -> fmt::Result {
    f.write_char('"')?;
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            f.write_char('\\')?;
        }
        f.write_char(c)?;
    }
    f.write_char('"')
}

/// The text with a backslash before each `end` that has none.
fn escaped(text: &str, end: char, f: &mut Formatter<'_>) -> fmt::Result {
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == end {
            f.write_char('\\')?;
        }
        f.write_char(c)?;
        if c == '\\'
            && let Some(next) = chars.next()
        {
            f.write_char(next)?;
        }
    }
    Ok(())
}
