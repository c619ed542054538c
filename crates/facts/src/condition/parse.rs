//! The text form of a condition: `os.family=Debian`. Main function: [`parse_condition`].

use pabawi_domain::condition::{FactCondition, FactPath, FactTest};

use super::InvalidCondition;

/// Reads `path`, `path=value`, `path!=value`, `path~regex`, `path<value`, `path<=value`, `path>value` or `path>=value`.
/// Blanks around path and value do not count.
///
/// # Errors
/// [`InvalidCondition::Path`].
pub fn parse_condition(text: &str) -> Result<FactCondition, InvalidCondition> {
    let found = text.char_indices().find_map(|(at, _)| {
        let rest = text.get(at..)?;
        // The first sign in the text counts.
        let (sign, kind) = FactTest::SIGNS.iter().find(|(sign, _)| rest.starts_with(sign))?;
        Some((text.get(..at)?, rest.get(sign.len()..)?, kind))
    });
    let (path, test) = match found {
        Some((path, value, kind)) => (path, kind(value.trim().to_owned())),
        None => (text, FactTest::Present),
    };
    Ok(FactCondition { path: FactPath::new(path.trim())?, test })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn conditions_fall_into_path_sign_and_value() {
        let read = |text: &str| {
            let condition = parse_condition(text).unwrap();
            (condition.path.as_str().to_owned(), condition.test)
        };
        assert_eq!(read("os.family = Debian"), ("os.family".into(), FactTest::Equals("Debian".into())));
        assert_eq!(read("a!=b=c"), ("a".into(), FactTest::Differs("b=c".into())));
        assert_eq!(read("a~^x=y$"), ("a".into(), FactTest::Matches("^x=y$".into())));
        assert_eq!(read("a>=1"), ("a".into(), FactTest::AtLeast("1".into())));
        assert_eq!(read("a>1"), ("a".into(), FactTest::Greater("1".into())));
        assert_eq!(read("a<=1"), ("a".into(), FactTest::AtMost("1".into())));
        assert_eq!(read("is_virtual"), ("is_virtual".into(), FactTest::Present));
        let error = parse_condition("=x").unwrap_err().to_string();
        assert!(error.contains("must not be empty"), "{error}");
        assert!(parse_condition("a..b=x").unwrap_err().to_string().contains("empty key"));
    }

    proptest! {
        #[test]
        fn nothing_that_is_typed_panics(text in "\\PC{0,60}") {
            let _ = parse_condition(&text);
        }
    }
}
