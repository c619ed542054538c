//! What is written like a call: `fact(os.family=Debian)`, `last(failed, 24h)`, `ansible("web:&prod")`.

use pabawi_domain::condition::{FactCondition, FactPath, FactTest, LastCondition, LastOutcome};
use pabawi_domain::duration::parse_duration;

use crate::dialect::Dialect;
use crate::expression::ast::Selector;
use crate::expression::name_regex::check_for_facts;
use crate::expression::scan::Scanner;

/// Characters by which tests begin.
const SIGNS: [char; 5] = ['=', '!', '~', '<', '>'];

/// Whether a word before a parenthesis is a call.
pub(super) fn is_call(word: &str) -> bool {
    matches!(word, "fact" | "last") || Dialect::of_word(word).is_some()
}

/// Reads the call of that name from its opening parenthesis to its closing one.
///
/// # Errors
/// A sentence that says what is wrong.
pub(super) fn call(word: &str, scanner: &mut Scanner<'_>) -> Result<Selector, String> {
    scanner.next();
    let selector = match (word, Dialect::of_word(word)) {
        (_, Some(dialect)) => foreign(dialect, scanner)?,
        ("last", _) => Selector::Last(last(scanner)?),
        _ => Selector::Fact(fact(scanner)?),
    };
    scanner.skip_blanks();
    if scanner.take(')') {
        Ok(selector)
    } else {
        Err(format!("{word}(...) has no ')' where it should end; a text that holds ')' stands in quotes"))
    }
}

fn fact(scanner: &mut Scanner<'_>) -> Result<FactCondition, String> {
    let path = match argument(scanner, |c| SIGNS.contains(&c))? {
        path if path.is_empty() => {
            return Err("fact() needs a fact, for example fact(os.family=Debian)".to_owned());
        }
        path => FactPath::new(&path).map_err(|error| error.to_string())?,
    };
    let test = match scanner.take_one_of(&FactTest::SIGNS) {
        Some(test) => test,
        None if scanner.peek() == Some('!') => {
            return Err("'!' in fact(...) is written '!=', for example fact(os.family!=Debian)".to_owned());
        }
        None => return Ok(FactCondition { path, test: FactTest::Present }),
    };
    scanner.skip_blanks();
    let is_quoted = scanner.peek() == Some('"');
    let value = argument(scanner, |_| false)?;
    if !is_quoted && (value.is_empty() || value.contains(['"', '(']) || value.contains(SIGNS)) {
        return Err(format!("the value {value:?} in fact(...) stands in quotes: fact({path}=\"...\")"));
    }
    let test = test(value);
    if let FactTest::Matches(regex) = &test {
        check_for_facts(regex).map_err(|reason| format!("bad regular expression in fact(...): {reason}"))?;
    }
    Ok(FactCondition { path, test })
}

fn last(scanner: &mut Scanner<'_>) -> Result<LastCondition, String> {
    let text = scanner.take_until(|c| c == ')');
    let (word, within) = match text.split_once(',') {
        Some((word, within)) => (word.trim(), Some(within)),
        None => (text.trim(), None),
    };
    let Some(outcome) = LastOutcome::ALL.into_iter().find(|outcome| outcome.as_str() == word) else {
        let known = LastOutcome::ALL.map(LastOutcome::as_str).join(", ");
        return Err(format!("unknown outcome {:?} in last(...); known are {known}", shortened(word)));
    };
    let within = within
        .map(|text| {
            parse_duration(text)
                .map_err(|reason| format!("duration {:?} in last(...) {reason}", shortened(text.trim())))
        })
        .transpose()?;
    Ok(LastCondition { outcome, within })
}

fn foreign(dialect: Dialect, scanner: &mut Scanner<'_>) -> Result<Selector, String> {
    let word = dialect.as_str();
    scanner.skip_blanks();
    if scanner.peek() != Some('"') {
        return Err(format!("{word}(...) takes its targets in quotes: {word}(\"web*\")"));
    }
    let text = argument(scanner, |_| false)?;
    dialect.check(&text).map_err(|reason| format!("{word}(...): {reason}"))?;
    Ok(Selector::Foreign(dialect, text))
}

/// A text in quotes, or one without that ends at a parenthesis or where `ends` says; blanks around it are left out.
fn argument(scanner: &mut Scanner<'_>, ends: impl Fn(char) -> bool) -> Result<String, String> {
    scanner.skip_blanks();
    let text = if scanner.peek() == Some('"') {
        scanner.take_quoted().ok_or("'\"' has no closing '\"'")?
    } else {
        scanner.take_until(|c| c == ')' || ends(c)).trim_end().to_owned()
    };
    scanner.skip_blanks();
    Ok(text)
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::expression::Expression;

    fn read(text: &str) -> Selector {
        Expression::parse(text).unwrap().first.selector
    }

    fn reason(text: &str) -> String {
        Expression::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn facts_with_every_test() {
        let fact =
            |path: &str, test| Selector::Fact(FactCondition { path: FactPath::new(path).unwrap(), test });
        for (text, path, test) in [
            ("fact(os.family=Debian)", "os.family", FactTest::Equals("Debian".into())),
            ("fact( os.name = Red Hat )", "os.name", FactTest::Equals("Red Hat".into())),
            ("fact(a!=b)", "a", FactTest::Differs("b".into())),
            ("fact(kernel~\"^5\\.(4|10)\")", "kernel", FactTest::Matches("^5\\.(4|10)".into())),
            ("fact(cpus<8)", "cpus", FactTest::Less("8".into())),
            ("fact(cpus<=8)", "cpus", FactTest::AtMost("8".into())),
            ("fact(cpus>8)", "cpus", FactTest::Greater("8".into())),
            ("fact(os.release.major >= 12)", "os.release.major", FactTest::AtLeast("12".into())),
            ("fact(is_virtual)", "is_virtual", FactTest::Present),
            ("fact(\"a = b\"=\"\")", "a = b", FactTest::Equals(String::new())),
        ] {
            assert_eq!(read(text), fact(path, test), "{text}");
        }
    }

    #[test]
    fn last_outcomes_with_and_without_a_time() {
        let last = |outcome, within| Selector::Last(LastCondition { outcome, within });
        assert_eq!(read("last(failed)"), last(LastOutcome::Failed, None));
        for (text, seconds) in [("90s", 90), ("15m", 900), ("24h", 86_400), ("7d", 604_800)] {
            let wanted = last(LastOutcome::Unreachable, Some(Duration::from_secs(seconds)));
            assert_eq!(read(&format!("last( unreachable , {text} )")), wanted);
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_what_to_write() {
        for (text, part) in [
            ("fact()", "fact(os.family=Debian)"),
            ("fact(a..b=c)", "empty key"),
            ("fact(a=)", "stands in quotes"),
            ("fact(a==b)", "stands in quotes"),
            ("fact(a!b)", "'!='"),
            ("fact(a=b", "no ')'"),
            ("fact(a=\"b)", "closing"),
            ("fact(a~\"(\")", "unclosed group"),
            ("last(broken)", "known are succeeded, failed"),
            ("last(failed, soon)", "is no duration"),
            ("last(failed,)", "is empty"),
            ("ansible(web)", "in quotes: ansible(\"web*\")"),
            ("bolt(\"\")", "bolt(...)"),
        ] {
            assert!(reason(text).contains(part), "{text}: {}", reason(text));
        }
    }
}
