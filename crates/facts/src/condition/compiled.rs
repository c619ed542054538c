//! A condition that is ready to be asked about many nodes: [`Condition`], made of a [`FactCondition`].

use std::cmp::Ordering;

use pabawi_domain::condition::{FactCondition, FactPath, FactTest};
use pabawi_domain::id::InvalidName;
use regex::{Regex, RegexBuilder};
use serde_json::{Map, Value};

use super::version;

/// Why a condition is not understood.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidCondition {
    /// Its path.
    #[error(transparent)]
    Path(#[from] InvalidName),
    /// Its regular expression.
    #[error("the regular expression {pattern:?} is not understood: {reason}")]
    Pattern {
        /// The expression, shortened.
        pattern: String,
        /// Why.
        reason: String,
    },
}

/// The most bytes of a compiled regular expression. Its time is linear in the text it looks at.
const MAX_REGEX_BYTES: usize = 1024 * 1024;

/// A condition that is ready to be asked about many nodes.
#[derive(Debug, Clone)]
pub struct Condition {
    path: FactPath,
    test: Test,
}

#[derive(Debug, Clone)]
enum Test {
    Present,
    Equals(String),
    Differs(String),
    Matches(Regex),
    Order(String, fn(Ordering) -> bool),
    /// A kind of test that this crate does not know yet: nothing meets it.
    Unknown,
}

impl Condition {
    /// Makes it ready.
    ///
    /// # Errors
    /// [`InvalidCondition::Pattern`].
    pub fn new(condition: &FactCondition) -> Result<Self, InvalidCondition> {
        let test = match &condition.test {
            FactTest::Present => Test::Present,
            FactTest::Equals(text) => Test::Equals(text.clone()),
            FactTest::Differs(text) => Test::Differs(text.clone()),
            FactTest::Matches(pattern) => Test::Matches(regex(pattern)?),
            FactTest::Less(text) => Test::Order(text.clone(), Ordering::is_lt),
            FactTest::AtMost(text) => Test::Order(text.clone(), Ordering::is_le),
            FactTest::Greater(text) => Test::Order(text.clone(), Ordering::is_gt),
            FactTest::AtLeast(text) => Test::Order(text.clone(), Ordering::is_ge),
            _ => Test::Unknown,
        };
        Ok(Self { path: condition.path.clone(), test })
    }

    /// Which fact it asks about.
    pub fn path(&self) -> &FactPath {
        &self.path
    }

    /// Whether the facts meet it.
    pub fn holds(&self, facts: &Map<String, Value>) -> bool {
        self.path.find(facts).is_some_and(|value| self.holds_for(value))
    }

    /// Whether the value at its path meets it. `null` is no value.
    pub fn holds_for(&self, value: &Value) -> bool {
        match (&self.test, value) {
            (_, Value::Null) | (Test::Unknown, _) => false,
            (Test::Present, value) => *value != Value::Bool(false),
            (Test::Equals(text), value) => any(value, |one| equals(one, text)),
            (Test::Differs(text), value) => !any(value, |one| equals(one, text)),
            (Test::Matches(regex), value) => any(value, |one| matches(one, regex)),
            (Test::Order(text, wanted), value) => any(value, |one| compare(one, text).is_some_and(wanted)),
        }
    }
}

fn regex(pattern: &str) -> Result<Regex, InvalidCondition> {
    RegexBuilder::new(pattern).size_limit(MAX_REGEX_BYTES).build().map_err(|error| {
        InvalidCondition::Pattern {
            pattern: pattern.chars().take(80).collect(),
            reason: match error {
                // The message repeats the expression with a mark below; the last line says what is wrong.
                regex::Error::Syntax(text) => text.lines().last().unwrap_or_default().trim().to_owned(),
                regex::Error::CompiledTooBig(limit) => format!("it needs more than {limit} bytes"),
                other => other.to_string(),
            },
        }
    })
}

/// Asks about the items of a list, or about the value itself.
fn any(value: &Value, test: impl Fn(&Value) -> bool) -> bool {
    match value {
        Value::Array(items) => items.iter().any(test),
        one => test(one),
    }
}

fn equals(value: &Value, text: &str) -> bool {
    match value {
        Value::String(own) => own == text,
        Value::Bool(own) => text == if *own { "true" } else { "false" },
        Value::Number(own) => {
            own.to_string() == text
                || own.as_f64().zip(text.parse().ok()).is_some_and(|(own, text): (f64, f64)| own == text)
        }
        _ => false,
    }
}

fn matches(value: &Value, regex: &Regex) -> bool {
    match value {
        Value::String(own) => regex.is_match(own),
        Value::Number(_) | Value::Bool(_) => regex.is_match(&value.to_string()),
        _ => false,
    }
}

/// As numbers where the fact is a number and the text too, as versions otherwise: of texts nobody knows whether `12.10`
/// is more than twelve and a tenth.
fn compare(value: &Value, text: &str) -> Option<Ordering> {
    match value {
        Value::Number(own) => match own.as_f64().zip(text.parse::<f64>().ok()) {
            Some((own, text)) => own.partial_cmp(&text),
            None => Some(version::compare(&own.to_string(), text)),
        },
        Value::String(own) => Some(version::compare(own, text)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::condition::parse_condition;
    use serde_json::json;

    fn holds(condition: &str, facts: &Value) -> bool {
        let condition = parse_condition(condition).unwrap();
        Condition::new(&condition).unwrap().holds(facts.as_object().unwrap())
    }

    #[test]
    fn every_kind_of_test_is_answered() {
        let facts = json!({
            "os": {"family": "Debian", "release": {"full": "12.10"}},
            "n": 8, "f": 2.5, "yes": true, "no": false, "nothing": null, "empty": "",
            "roles": ["web", "db"], "ports": [80, 443], "map": {"a": 1},
        });
        for good in [
            "os.family=Debian",
            "os.family!=RedHat",
            "os.family~^Deb",
            "os",
            "yes",
            "empty",
            "n=8",
            "n=8.0",
            "f=2.50",
            "yes=true",
            "no=false",
            "roles=db",
            "roles~^w",
            "roles!=mail",
            "ports>=443",
            "ports<81",
            "n>7",
            "n<10",
            "n<=8",
            "n>=8",
            "os.release.full>12.9",
            "os.release.full<12.11",
            "os.release.full<=12.10",
            "roles.1=db",
            "map.a=1",
            "map!=x",
        ] {
            assert!(holds(good, &facts), "{good}");
        }
        for bad in [
            "os.family=debian",
            "os.family!=Debian",
            "no",
            "nothing",
            "missing",
            "missing!=x",
            "nothing!=x",
            "n=9",
            "roles!=web",
            "ports>443",
            "n>8",
            "os.release.full>12.10",
            "yes>0",
            "map=1",
            "roles.7=db",
            "map~1",
        ] {
            assert!(!holds(bad, &facts), "{bad}");
        }
    }

    #[test]
    fn a_bad_expression_is_told_with_its_reason() {
        let condition = parse_condition("os.family~(").unwrap();
        let error = Condition::new(&condition).unwrap_err().to_string();
        assert!(error.contains("unclosed group"), "{error}");
        let condition = parse_condition("a~(?:a{1000}){1000}").unwrap();
        let error = Condition::new(&condition).unwrap_err().to_string();
        assert!(error.contains("more than 1048576 bytes"), "{error}");
    }
}
