//! Events as rows: [`push`], and what they are made of: [`event_rows`]. Those that a run has by the thousand are told by their
//! values alone, in an order that both sides know. Names and braces are most of a short event, and JavaScript makes an object of its
//! values in less than half of the time that it takes to read it.

use serde::Serialize;
use serde_json::{Value, json};

/// The events of one kind as rows: which value stands where.
#[derive(Debug, Serialize)]
struct Row {
    /// The `type` of these events.
    #[serde(rename = "type")]
    kind: &'static str,
    /// What they have behind `seq`, `at` and `type`, in the order in which they are written.
    fields: &'static [Field],
}

/// A field: one value, or one for each of those within it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Field {
    name: &'static str,
    /// Whether it may be absent. Then `null` stands in the place of each of its values.
    is_optional: bool,
    /// The fields of an object; the first of them is never absent.
    within: &'static [Field],
}

impl Field {
    const fn always(name: &'static str) -> Self {
        Self { name, is_optional: false, within: &[] }
    }

    const fn perhaps(name: &'static str) -> Self {
        Self { name, is_optional: true, within: &[] }
    }

    const fn of(self, within: &'static [Field]) -> Self {
        Self { within, ..self }
    }
}

/// Every kind of event that has rows, by the number of its rows less 1. Events of other kinds, and those that have other fields than
/// these, are told whole.
static ROWS: [Row; 4] = [
    Row { kind: "nodeStarted", fields: &[Field::always("node"), Field::always("attempt")] },
    Row {
        kind: "nodeConnected",
        fields: &[
            Field::always("node"),
            Field::always("reused"),
            Field::always("phases").of(&[
                Field::always("waitUs"),
                Field::always("dnsUs"),
                Field::always("tcpUs"),
                Field::always("kexUs"),
                Field::always("authUs"),
            ]),
        ],
    },
    Row {
        kind: "output",
        fields: &[
            Field::always("node"),
            Field::always("stream"),
            Field::always("offset"),
            Field::always("data"),
        ],
    },
    Row {
        kind: "nodeFinished",
        fields: &[
            Field::always("node"),
            Field::always("attempt"),
            Field::always("result"),
            Field::always("durationMs"),
            Field::perhaps("phases").of(&[
                Field::always("startUs"),
                Field::perhaps("firstByteUs"),
                Field::always("runUs"),
                Field::always("drainUs"),
            ]),
            Field::perhaps("stdout"),
            Field::perhaps("stderr"),
            Field::always("progress").of(&[
                Field::always("total"),
                Field::always("queued"),
                Field::always("running"),
                Field::always("succeeded"),
                Field::always("failed"),
                Field::always("cancelled"),
                Field::always("skipped"),
                Field::always("interrupted"),
            ]),
        ],
    },
];

/// What the rows of events are made of: a list of `{type, fields: [{name, isOptional, within: [...]}]}`, the first of which is that
/// of the rows with the number 1. Behind the number stand `seq`, `at` and the values of the fields, those of an object one by one,
/// and `null` for each that is absent; behind the number 0 stands an event whose `executionId` is 0.
#[must_use]
pub fn event_rows() -> Value {
    json!(ROWS)
}

/// Appends an event that is given as JSON with the number 0 for its execution: the number of its row, its `seq`, its `at` and its
/// other values; or 0 and the whole of it.
pub(super) fn push(event: &[u8], to: &mut Vec<u8>) {
    let begun = to.len();
    if push_row(event, to).is_none() {
        to.truncate(begun);
        to.extend_from_slice(b"0,");
        to.extend_from_slice(event);
    }
}

/// Appends it as a row. Where it has none, some of it may have been appended.
fn push_row(event: &[u8], to: &mut Vec<u8>) -> Option<()> {
    let (seq, rest) = value(event.strip_prefix(b"{\"executionId\":0,\"seq\":")?)?;
    let (at, rest) = value(rest.strip_prefix(b",\"at\":")?)?;
    let (kind, mut rest) = value(rest.strip_prefix(b",\"type\":")?)?;
    let kind = kind.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    let (number, row) = (1_u8..).zip(&ROWS).find(|(_, row)| row.kind.as_bytes() == kind)?;
    to.extend_from_slice(number.to_string().as_bytes());
    for part in [seq, at] {
        to.push(b',');
        to.extend_from_slice(part);
    }
    for field in row.fields {
        rest = push_field(field, true, rest, to)?;
    }
    (rest == b"}").then_some(())
}

/// Appends the values of the field that a text begins with, and tells what stands behind it.
fn push_field<'a>(
    field: &Field,
    is_behind_another: bool,
    text: &'a [u8],
    to: &mut Vec<u8>,
) -> Option<&'a [u8]> {
    let comma: &[u8] = if is_behind_another { b"," } else { b"" };
    let name = |text: &'a [u8]| {
        let text = text.strip_prefix(comma)?.strip_prefix(b"\"")?.strip_prefix(field.name.as_bytes())?;
        text.strip_prefix(b"\":")
    };
    let Some(text) = name(text) else {
        for _ in 0..field.within.len().max(1) {
            to.extend_from_slice(b",null");
        }
        return field.is_optional.then_some(text);
    };
    if field.within.is_empty() {
        let (value, rest) = value(text)?;
        to.push(b',');
        to.extend_from_slice(value);
        return Some(rest);
    }
    let mut rest = text.strip_prefix(b"{")?;
    for (nth, field) in field.within.iter().enumerate() {
        rest = push_field(field, nth > 0, rest, to)?;
    }
    rest.strip_prefix(b"}")
}

/// The value that a JSON text begins with, and what stands behind it.
fn value(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (mut depth, mut at) = (0_usize, 0);
    loop {
        match text.get(at)? {
            b'"' => at += length_of_string(text.get(at..)?)?,
            b'{' | b'[' => {
                depth += 1;
                at += 1;
            }
            b'}' | b']' if depth > 0 => {
                depth -= 1;
                at += 1;
            }
            b',' | b'}' | b']' if depth == 0 => return Some(text.split_at(at)),
            _ => at += 1,
        }
    }
}

/// Bytes of the string that a JSON text begins with, its quotes with it.
fn length_of_string(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        match text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::{
        ContentHash, EventKind, ExecutionEvent, ExecutionId, NodeOutcome, OutputData, Progress, StreamKind,
    };
    use pabawi_domain::phases::RunPhases;
    use pabawi_domain::ports::ConnectPhases;

    fn event(kind: EventKind) -> ExecutionEvent {
        ExecutionEvent {
            execution_id: ExecutionId::from_parts(0, [0; 10]),
            seq: 7,
            at: Timestamp::UNIX_EPOCH,
            kind,
        }
    }

    fn row(event: &ExecutionEvent) -> Vec<Value> {
        let (mut text, mut row) = (Vec::new(), vec![b'[']);
        event.write_unnamed(&mut text).unwrap();
        push(&text, &mut row);
        row.push(b']');
        serde_json::from_slice(&row).unwrap()
    }

    /// The event of a row, as whoever reads it makes it.
    fn read(row: &[Value]) -> Value {
        let Value::Array(kinds) = event_rows() else { panic!() };
        let kind = &kinds[usize::try_from(row[0].as_u64().unwrap()).unwrap() - 1];
        let mut event = json!({"executionId": 0, "seq": row[1], "at": row[2], "type": kind["type"]});
        let mut values = row[3..].iter();
        fields(&kind["fields"], &mut values, &mut event);
        assert_eq!(values.next(), None);
        event
    }

    fn fields<'a>(of: &Value, values: &mut impl Iterator<Item = &'a Value>, to: &mut Value) {
        for field in of.as_array().unwrap() {
            let name = field["name"].as_str().unwrap();
            let mut value = Value::Null;
            if field["within"] == json!([]) {
                value = values.next().unwrap().clone();
            } else {
                fields(&field["within"], values, &mut value);
            }
            if !value.is_null() {
                to[name] = value;
            }
        }
    }

    fn finished(
        phases: Option<RunPhases>,
        hashes: [Option<ContentHash>; 2],
        result: NodeOutcome,
    ) -> EventKind {
        let [stdout, stderr] = hashes;
        let progress = Progress { succeeded: 1, interrupted: 2, ..Progress::of_targets(9) };
        let node = "n".parse().unwrap();
        EventKind::NodeFinished { node, attempt: 1, result, duration_ms: 3, phases, stdout, stderr, progress }
    }

    /// R9.3
    #[test]
    fn an_event_is_told_by_its_values_in_the_order_of_its_fields() {
        let node = || r#"web-1"#.parse().unwrap();
        let hostile = r#"\",{"node":[]}]\\"#;
        let hash: ContentHash = "ab".repeat(32).parse().unwrap();
        let phases = |first_byte_us| RunPhases { start_us: 1, first_byte_us, run_us: 2, drain_us: 3 };
        let mut events = vec![
            EventKind::NodeStarted { node: node(), attempt: 2 },
            EventKind::NodeConnected { node: node(), reused: true, phases: ConnectPhases::default() },
            EventKind::Output {
                node: node(),
                stream: StreamKind::Stderr,
                offset: 1 << 60,
                data: OutputData::from(hostile.as_bytes().to_vec()),
            },
            EventKind::Output {
                node: node(),
                stream: StreamKind::Stdout,
                offset: 0,
                data: OutputData::from(vec![0xff, b'"']),
            },
        ];
        for result in [NodeOutcome::Succeeded, NodeOutcome::Signalled { signal: hostile.to_owned() }] {
            for phases in [None, Some(phases(None)), Some(phases(Some(4)))] {
                for hashes in [[None, None], [Some(hash), None], [None, Some(hash)], [Some(hash), Some(hash)]]
                {
                    events.push(finished(phases, hashes, result.clone()));
                }
            }
        }
        for kind in events {
            let event = event(kind);
            let row = row(&event);
            assert_ne!(row[0], 0, "{event:?}");
            let mut whole = json!(event);
            whole["executionId"] = 0.into();
            assert_eq!(read(&row), whole);
        }
    }

    #[test]
    fn what_has_no_row_is_told_whole() {
        let started = event(EventKind::Started);
        let mut whole = json!(started);
        whole["executionId"] = 0.into();
        assert_eq!(row(&started), [json!(0), whole]);
        // Fields that another version has, or has not, or in another order; and what is no event.
        let known = r#"{"executionId":0,"seq":1,"at":"t","type":"nodeStarted","node":"n","attempt":1}"#;
        let others = [
            known.replace("\"attempt\":1", "\"attempt\":1,\"more\":{}"),
            known.replace(",\"attempt\":1", ""),
            known.replace("\"node\":\"n\",\"attempt\":1", "\"attempt\":1,\"node\":\"n\""),
            known.replace("\"at\":\"t\"", "\"at\" :\"t\""),
            known.replace("nodeStarted", "nodeParked"),
            known[..known.len() - 1].to_owned(),
            known[..known.len() - 9].to_owned(),
            "{\"executionId\":0,\"seq\":\"\\".to_owned(),
            String::new(),
        ];
        let told = |text: &str| {
            let mut row = b"1,".to_vec();
            push(text.as_bytes(), &mut row);
            String::from_utf8(row).unwrap()
        };
        assert_eq!(told(known), "1,1,1,\"t\",\"n\",1");
        for other in others {
            assert_eq!(told(&other), format!("1,0,{other}"));
        }
    }
}
