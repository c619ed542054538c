//! An answer in one line: [`answer`].

use pabawi_domain::error::ErrorCode;
use serde::Deserialize;
use serde_json::Value;

/// Characters of a line that a message shows.
const SHOWN: usize = 200;

/// What a program says instead of a result.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Said {
    pub(super) code: ErrorCode,
    pub(super) message: String,
    /// Stack and details.
    pub(super) stack: Option<String>,
}

/// The only line with something in it, and its number from 1.
///
/// # Errors
/// There is none, or more than one.
pub(super) fn one_line(stdout: &[u8]) -> Result<(usize, &[u8]), String> {
    let lines = (1..).zip(stdout.split(|byte| *byte == b'\n'));
    let mut lines = lines.filter(|(_, line)| !line.trim_ascii().is_empty());
    let Some(first) = lines.next() else {
        return Err("printed nothing where one line of JSON is expected".to_owned());
    };
    match lines.next() {
        None => Ok(first),
        Some((number, second)) => {
            let all = 2 + lines.count();
            Err(format!("printed {all} lines where one is expected; line {number} is: {}", shown(second)))
        }
    }
}

/// The beginning of a line, for a message.
pub(super) fn shown(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let mut short: String =
        text.trim().chars().take(SHOWN).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.trim().chars().nth(SHOWN).is_some() {
        short.push('…');
    }
    short
}

/// What is wrong with a line, with the column in it; it is always the first line to whoever parses it.
pub(super) fn why(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    match text.strip_suffix(&place) {
        Some(text) => format!("{text} (column {})", error.column()),
        None => text,
    }
}

/// A failure as a program writes it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Failure {
    code: String,
    message: String,
    details: Option<Value>,
    stack: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Line {
    // `null` is a result like any other.
    #[serde(default, deserialize_with = "there")]
    result: Option<Value>,
    error: Option<Failure>,
}

fn there<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// Reads what a program printed.
///
/// # Errors
/// What is wrong with it, with the line.
pub(super) fn answer(stdout: &[u8]) -> Result<Result<Value, Said>, String> {
    let (number, line) = one_line(stdout)?;
    let line: Line = serde_json::from_slice(line).map_err(|error| {
        format!("printed what is no answer: line {number}: {}: {}", why(&error), shown(line))
    })?;
    match line {
        Line { result: Some(result), error: None } => Ok(Ok(result)),
        Line { result: None, error: Some(failure) } => {
            let (code, message) = code_of(&failure.code, failure.message);
            let details = failure.details.map(|details| format!("details: {details}"));
            let parts: Vec<String> = failure.stack.into_iter().chain(details).collect();
            let stack = (!parts.is_empty()).then(|| parts.join("\n"));
            Ok(Err(Said { code, message, stack }))
        }
        _ => Err(format!(
            "printed what is no answer: line {number}: has to have either \"result\" or \"error\""
        )),
    }
}

/// A code by its word. One that nobody knows is a fault of the plugin, and the message says so.
pub(super) fn code_of(word: &str, message: String) -> (ErrorCode, String) {
    match ErrorCode::from_word(word) {
        Some(code) => (code, message),
        None => {
            let word = shown(word.as_bytes());
            (
                ErrorCode::PluginFault,
                format!("{message} (the plugin gives it the code {word:?}, which nobody knows)"),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn results_and_errors_come_back() {
        assert_eq!(answer(b"\n{\"result\": {\"a\": 1}}\n"), Ok(Ok(json!({"a": 1}))));
        assert_eq!(answer(b"{\"result\": null}"), Ok(Ok(Value::Null)));
        let text = json!({"error": {"code": "not_found", "message": "no such key", "details": {"key": "x"},
                                    "stack": "at line 3"}});
        let stack = Some("at line 3\ndetails: {\"key\":\"x\"}".to_owned());
        let said = Said { code: ErrorCode::NotFound, message: "no such key".to_owned(), stack };
        assert_eq!(answer(text.to_string().as_bytes()), Ok(Err(said)));
        let text = json!({"error": {"code": "oops", "message": "broken"}}).to_string();
        let said = answer(text.as_bytes()).unwrap().unwrap_err();
        assert_eq!((said.code, said.stack), (ErrorCode::PluginFault, None));
        assert!(
            said.message.starts_with("broken (") && said.message.contains("\"oops\""),
            "{}",
            said.message
        );
    }

    #[test]
    fn nonsense_is_told_with_its_line() {
        let long = "x".repeat(1_000);
        for (text, part) in [
            ("", "printed nothing"),
            ("hello", "line 1: expected value (column 1): hello"),
            ("\n\n[]", "line 3: "),
            ("{}", "line 1: has to have either"),
            (
                "{\"result\": 1, \"error\": {\"code\": \"x\", \"message\": \"y\"}}",
                "line 1: has to have either",
            ),
            ("{\"result\": 1, \"more\": 2}", "line 1: unknown field `more`"),
            ("{\"error\": \"broken\"}", "line 1: invalid type: string"),
            ("{\"error\": {\"message\": \"broken\"}}", "line 1: missing field `code`"),
            (
                "{\"result\": 1}\n{\"result\": 2}\n3",
                "printed 3 lines where one is expected; line 2 is: {\"result\": 2}",
            ),
            (long.as_str(), "xxx…"),
        ] {
            let error = answer(text.as_bytes()).unwrap_err();
            assert!(error.contains(part) && error.len() < 600, "{text}: {error}");
        }
    }
}
