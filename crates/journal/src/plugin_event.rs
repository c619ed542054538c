//! Events of plugins: checked, and made into entries (R11.5, R11.12).

use jiff::{SignedDuration, Timestamp};
use pabawi_domain::journal::{
    EntryId, JournalEntry, JournalWeight, MOST_ACTION, MOST_DETAILS, MOST_SUMMARY, NewJournalEntry,
    check_event_type,
};
use pabawi_domain::outcome::NodeOutcome;
use pabawi_domain::ports::PluginEvent;
use pabawi_domain::validation::ValidationError;
use uuid::Uuid;

/// Bytes of a key.
const MOST_KEY: usize = 512;
/// Bytes of the other short texts.
const MOST_WORD: usize = 256;
/// How far ahead of this machine's clock a plugin's may be.
const AHEAD: SignedDuration = SignedDuration::from_hours(24);

/// Words for what did not succeed, beside those of outcomes.
const FAILURES: [&str; 4] = ["failure", "error", "interrupted", "denied"];

/// How much an event matters.
pub(crate) fn weight(event: &PluginEvent) -> JournalWeight {
    match event.result_status.as_deref() {
        Some(word) if NodeOutcome::FAILURES.contains(&word) || FAILURES.contains(&word) => {
            JournalWeight::Failure
        }
        _ => JournalWeight::Change,
    }
}

/// Checks events; what is bad is named by its field.
pub(crate) fn check(events: &[PluginEvent], now: Timestamp) -> Result<(), ValidationError> {
    let mut faults = ValidationError::default();
    for (place, event) in events.iter().enumerate() {
        let mut fault = |field: &str, why: String| faults.push(format!("events[{place}].{field}"), why);
        if let Err(why) = check_event_type(&event.event_type) {
            fault("eventType", why);
        }
        let texts = [
            ("key", event.key.as_deref(), MOST_KEY),
            ("action", Some(event.action.as_str()), MOST_ACTION),
            ("summary", Some(event.summary.as_str()), MOST_SUMMARY),
            ("resultStatus", event.result_status.as_deref(), MOST_WORD),
            ("user", event.user.as_deref(), MOST_WORD),
        ];
        for (field, text, most) in texts {
            let Some(text) = text else { continue };
            if text.trim().is_empty() {
                fault(field, "must not be blank".to_owned());
            } else if text.len() > most {
                fault(field, format!("has {} bytes, at most {most} are taken", text.len()));
            } else if text.contains('\0') {
                fault(field, "holds a NUL character, which no text has".to_owned());
            }
        }
        let long = serde_json::to_string(&event.details).map_or(usize::MAX, |json| json.len());
        if long > MOST_DETAILS {
            fault("details", format!("has {long} bytes as JSON, at most {MOST_DETAILS} are taken"));
        }
        if let Some(at) = event.at {
            let latest = now.checked_add(AHEAD).unwrap_or(Timestamp::MAX);
            if at > latest {
                fault("at", format!("{at} is more than a day ahead of this machine's clock ({now})"));
            } else if at < Timestamp::UNIX_EPOCH {
                fault("at", format!("{at} is before 1970"));
            }
        }
    }
    faults.into_result()
}

/// The entry of an event. One with a key has an id that follows from plugin, node and key, so that it is written once.
pub(crate) fn entry(plugin: &str, event: PluginEvent, now: Timestamp) -> NewJournalEntry {
    let PluginEvent {
        key,
        node,
        event_type,
        action,
        summary,
        result_status,
        user,
        execution_id,
        at,
        details,
    } = event;
    let id = match &key {
        Some(key) => EntryId::derived(&["event", plugin, node.as_str(), key]),
        None => EntryId::from(Uuid::now_v7()),
    };
    NewJournalEntry {
        id,
        node,
        event_type,
        source: plugin.to_owned(),
        execution_id,
        at: at.unwrap_or(now),
        user,
        action,
        result_status,
        summary,
        details,
        supersedes: None,
    }
}

/// A live event as it is shown.
pub(crate) fn live(plugin: &str, event: PluginEvent, now: Timestamp) -> JournalEntry {
    JournalEntry {
        entry: entry(plugin, event, now).fit(),
        seq: None,
        hash: None,
        superseded: false,
        is_live: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(change: impl FnOnce(&mut PluginEvent)) -> PluginEvent {
        let mut event: PluginEvent = serde_json::from_value(json!({
            "nodeId": "web1", "eventType": "start", "action": "start", "summary": "started", "id": "7"
        }))
        .unwrap();
        change(&mut event);
        event
    }

    #[test]
    fn bad_events_are_refused_by_field() {
        let now = Timestamp::UNIX_EPOCH.checked_add(SignedDuration::from_hours(1_000_000 / 3)).unwrap();
        let good = event(|_| {});
        assert!(check(&[good.clone(), good], now).is_ok());
        let cases: Vec<(&str, PluginEvent)> = vec![
            ("eventType", event(|one| one.event_type = "Start VM".into())),
            ("eventType", event(|one| one.event_type = String::new())),
            ("action", event(|one| one.action = " ".into())),
            ("summary", event(|one| one.summary = "x".repeat(10 * 1024 * 1024))),
            ("summary", event(|one| one.summary = "a\0b".into())),
            ("key", event(|one| one.key = Some("k".repeat(513)))),
            ("user", event(|one| one.user = Some(String::new()))),
            ("at", event(|one| one.at = "1969-12-31T23:59:59Z".parse().ok())),
            ("at", event(|one| one.at = "9999-01-01T00:00:00Z".parse().ok())),
            (
                "details",
                event(|one| {
                    one.details.insert("big".into(), json!("y".repeat(MOST_DETAILS)));
                }),
            ),
        ];
        for (field, bad) in cases {
            let error = check(&[event(|_| {}), bad], now).unwrap_err();
            assert_eq!(error.fields[0].path, format!("events[1].{field}"), "{error}");
            assert!(error.to_string().len() < 500);
        }
    }

    #[test]
    fn the_same_key_is_the_same_entry() {
        let now = Timestamp::UNIX_EPOCH;
        let id = |plugin: &str, change: fn(&mut PluginEvent)| entry(plugin, event(change), now).id;
        assert_eq!(id("aws", |_| {}), id("aws", |one| one.summary = "other".into()));
        assert_ne!(id("aws", |_| {}), id("azure", |_| {}));
        assert_ne!(id("aws", |_| {}), id("aws", |one| one.key = Some("8".into())));
        assert_ne!(id("aws", |one| one.key = None), id("aws", |one| one.key = None));
        assert_eq!(weight(&event(|one| one.result_status = Some("failed".into()))), JournalWeight::Failure);
        assert_eq!(weight(&event(|_| {})), JournalWeight::Change);
    }
}
