//! What all lists have in common: [`read`], [`moment`], [`one_node`]. The host has held the parameters against the schema
//! before; what is read here holds also where nobody did.

use jiff::{SignedDuration, Timestamp};
use pabawi_domain::duration::parse_duration;
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::NodeId;
use pabawi_domain::ports::PluginCall;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::refused::Refused;

/// The parameters of a call as a type. What is left out, and what is `null`, is as if it was not there.
pub(super) fn read<T: DeserializeOwned>(mut parameters: Map<String, Value>) -> Result<T, Refused> {
    parameters.retain(|_, value| !value.is_null());
    serde_json::from_value(Value::Object(parameters))
        .map_err(|error| Refused::new(ErrorCode::Validation, format!("parameters: {error}")))
}

/// A time of RFC 3339, or a duration before now: `30m`, `12h`, `7d`.
pub(super) fn moment(name: &str, text: &str, now: Timestamp) -> Result<Timestamp, Refused> {
    if let Ok(at) = text.parse() {
        return Ok(at);
    }
    let fault = || {
        let text =
            "must be a time such as 2026-03-01T12:00:00Z, or a duration before now such as 30m, 12h, 7d";
        Refused::parameter(name, text)
    };
    let ago = parse_duration(text).map_err(|_| fault())?;
    let ago = SignedDuration::try_from(ago).map_err(|_| fault())?;
    now.checked_sub(ago).map_err(|_| fault())
}

/// Since when, and before when.
pub(super) fn span(
    since: Option<&str>,
    until: Option<&str>,
    now: Timestamp,
) -> Result<(Option<Timestamp>, Option<Timestamp>), Refused> {
    let since = since.map(|text| moment("since", text, now)).transpose()?;
    let until = until.map(|text| moment("until", text, now)).transpose()?;
    match (since, until) {
        (Some(since), Some(until)) if until <= since => {
            Err(Refused::parameter("until", format!("must be later than since, which is {since}")))
        }
        span => Ok(span),
    }
}

/// The only node that a call is about.
pub(super) fn one_node(call: &PluginCall) -> Result<&NodeId, Refused> {
    match call.nodes.as_slice() {
        [node] => Ok(node),
        nodes => Err(Refused::new(
            ErrorCode::Validation,
            format!("nodes: {} were given, and {} is about exactly one", nodes.len(), call.capability),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn times_are_absolute_or_before_now() {
        let now = at("2026-03-01T12:00:00Z");
        for (text, expected) in [
            ("2026-02-01T00:00:00Z", "2026-02-01T00:00:00Z"),
            ("2026-02-01T02:00:00+02:00", "2026-02-01T00:00:00Z"),
            ("90s", "2026-03-01T11:58:30Z"),
            ("30m", "2026-03-01T11:30:00Z"),
            ("12h", "2026-03-01T00:00:00Z"),
            ("7d", "2026-02-22T12:00:00Z"),
            ("1d12h", "2026-02-28T00:00:00Z"),
        ] {
            assert_eq!(moment("since", text, now).unwrap(), at(expected), "{text}");
        }
        for text in ["", "h", "1", "1y", "-1h", "1.5h", "é", "2026-02-01", "9999999999d", "yesterday"] {
            let refused = moment("since", text, now).unwrap_err();
            assert!(refused.code == ErrorCode::Validation, "{text}");
            assert!(refused.message.starts_with("parameters.since: must be a time"), "{text}: {refused:?}");
        }
    }

    #[test]
    fn a_span_ends_after_its_beginning() {
        let now = at("2026-03-01T12:00:00Z");
        assert!(span(Some("2h"), Some("1h"), now).is_ok() && span(None, None, now).is_ok());
        let refused = span(Some("1h"), Some("1h"), now).unwrap_err();
        assert_eq!(
            refused.message,
            "parameters.until: must be later than since, which is 2026-03-01T11:00:00Z"
        );
    }
}
