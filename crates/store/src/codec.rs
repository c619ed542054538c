//! How values of the domain are written in columns: times, states, outcomes, endpoints. The same for every
//! database; nothing here knows SQL.

use jiff::Timestamp;
use pabawi_domain::node::Endpoint;
use pabawi_domain::outcome::NodeOutcome;
use pabawi_domain::ports::StoreError;
use pabawi_domain::record::TargetState;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Nanoseconds since the Unix epoch. Times outside the years 1677 to 2262 become the nearest that fits.
pub(crate) fn nanos(at: Timestamp) -> i64 {
    let nanos = at.as_nanosecond();
    i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX })
}

/// The time of so many nanoseconds since the Unix epoch. Every `i64` is one.
pub(crate) fn timestamp(nanos: i64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(nanos)).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// A count as a column holds it; no count comes near the limit.
pub(crate) fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// How many items a page holds: what was asked for, within 1 and `most`. A number outside is not refused but
/// brought to the nearest good one; the engine is where requests are validated.
pub(crate) fn page_size(asked: Option<u32>, usual: u32, most: u32) -> i64 {
    i64::from(asked.unwrap_or(usual).clamp(1, most))
}

/// A count read back; a negative one cannot have been written.
pub(crate) fn unsigned(count: i64, what: &str) -> Result<u64, StoreError> {
    u64::try_from(count).map_err(|_| StoreError::Corrupt(format!("{what} is negative")))
}

/// An attempt number read back.
pub(crate) fn attempt(number: i64) -> Result<u32, StoreError> {
    u32::try_from(number).map_err(|_| StoreError::Corrupt(format!("attempt number {number} is out of range")))
}

/// The number of a target's state in its column.
pub(crate) fn state_code(state: TargetState) -> i64 {
    match state {
        TargetState::Queued => 0,
        TargetState::Running => 1,
        TargetState::Finished => 2,
        TargetState::Interrupted => 3,
    }
}

/// The state of that number.
pub(crate) fn state_of(code: i64) -> Result<TargetState, StoreError> {
    match code {
        0 => Ok(TargetState::Queued),
        1 => Ok(TargetState::Running),
        2 => Ok(TargetState::Finished),
        3 => Ok(TargetState::Interrupted),
        other => Err(StoreError::Corrupt(format!("unknown target state {other}"))),
    }
}

/// JSON text of a value of ours.
pub(crate) fn to_json<T: Serialize>(value: &T, what: &str) -> Result<String, StoreError> {
    serde_json::to_string(value)
        .map_err(|error| StoreError::Unavailable(format!("{what} cannot be written as JSON: {error}")))
}

/// A value of ours read back.
pub(crate) fn from_json<T: DeserializeOwned>(text: &str, what: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Corrupt(format!("{what} cannot be read: {error}")))
}

/// The word of an enum whose JSON is a plain string.
pub(crate) fn to_word<T: Serialize>(value: &T, what: &str) -> Result<String, StoreError> {
    let json = to_json(value, what)?;
    Ok(json.trim_matches('"').to_owned())
}

/// The enum of that word.
pub(crate) fn from_word<T: DeserializeOwned>(word: &str, what: &str) -> Result<T, StoreError> {
    serde_json::from_value(serde_json::Value::String(word.to_owned()))
        .map_err(|error| StoreError::Corrupt(format!("{what} cannot be read: {error}")))
}

/// What an outcome says beyond its word; `None` when the word says all.
pub(crate) fn outcome_detail(outcome: &NodeOutcome) -> Result<Option<String>, StoreError> {
    match outcome {
        NodeOutcome::Succeeded => Ok(None),
        other => to_json(other, "an outcome").map(Some),
    }
}

/// The outcome of a word and what it says beyond it.
pub(crate) fn outcome_of(
    word: Option<&str>,
    detail: Option<&str>,
) -> Result<Option<NodeOutcome>, StoreError> {
    match (word, detail) {
        (None, _) => Ok(None),
        (Some(_), Some(detail)) => from_json(detail, "an outcome").map(Some),
        (Some("succeeded"), None) => Ok(Some(NodeOutcome::Succeeded)),
        (Some(word), None) => Err(StoreError::Corrupt(format!("outcome {word:?} has no detail"))),
    }
}

/// An endpoint's JSON; `None` when it says nothing. Its password becomes `***` on the way.
pub(crate) fn endpoint_json(endpoint: &Endpoint) -> Result<Option<String>, StoreError> {
    if *endpoint == Endpoint::default() {
        return Ok(None);
    }
    to_json(endpoint, "an endpoint").map(Some)
}

/// The endpoint of its column.
pub(crate) fn endpoint_of(json: Option<&str>) -> Result<Endpoint, StoreError> {
    json.map_or_else(|| Ok(Endpoint::default()), |json| from_json(json, "an endpoint"))
}

/// Lower case letter by letter, so that a part of a text folds to a part of the folded text (a final sigma
/// would not, with [`str::to_lowercase`]).
pub(crate) fn fold_case(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// The folded text where it differs from the text.
pub(crate) fn folded_if_different(text: &str) -> Option<String> {
    let folded = fold_case(text);
    (folded != text).then_some(folded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn times_and_text_survive(nanos in any::<i64>(), text in "\\PC{0,40}", from in 0usize..40, len in 0usize..40) {
            prop_assert_eq!(super::nanos(timestamp(nanos)), nanos);
            let part: String = text.chars().skip(from).take(len).collect();
            prop_assert!(fold_case(&text).contains(&fold_case(&part)));
        }
    }

    #[test]
    fn states_read_back() {
        for state in
            [TargetState::Queued, TargetState::Running, TargetState::Finished, TargetState::Interrupted]
        {
            assert_eq!(state_of(state_code(state)).unwrap(), state);
        }
        assert!(state_of(4).is_err());
    }
}
