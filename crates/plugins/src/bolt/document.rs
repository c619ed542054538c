//! The JSON of a run, taken apart while it comes: [`Document`]. Bolt prints `{ "items": [`, a result as soon as a target is
//! done, and the rest at its end; what a node printed may be longer than fits in memory, so that such texts are handed on
//! in pieces and a result is kept without them.

use bytes::Bytes;
use pabawi_domain::output::StreamKind;
use serde_json::{Map, Value};

use super::text::TextDecoder;

/// The most bytes that are kept of one result, or of all beside results.
pub(super) const LONGEST: usize = 16 * 1024 * 1024;
/// Bytes of the name of a member that are looked at.
const LONGEST_NAME: usize = 1024;
/// Values in values.
const DEEPEST: usize = 120;

/// What is in the JSON.
#[derive(Debug, PartialEq)]
pub(super) enum Found {
    /// A piece of what a target printed.
    Text {
        /// The target.
        target: String,
        /// The stream.
        stream: StreamKind,
        /// The bytes.
        data: Bytes,
    },
    /// A result, without what came in pieces.
    Item(Map<String, Value>),
    /// A result that is longer than is kept, by its target.
    TooLong(Option<String>),
    /// All beside the results. The JSON is over.
    Rest(Value),
}

/// How it is taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Results of commands and scripts: `value.stdout` and `value.stderr` come in pieces.
    Printed,
    /// Results of tasks: `value._output` comes in pieces.
    Values,
    /// Any JSON as a whole.
    Whole,
}

/// A value that is open.
#[derive(Debug)]
struct Open {
    is_object: bool,
    /// A name comes next.
    wants_name: bool,
    /// The member that is being read.
    name: Vec<u8>,
}

/// A text that is being read.
#[derive(Debug)]
enum Text {
    /// The name of a member.
    Name(TextDecoder),
    /// The name of the target.
    Target(TextDecoder, Vec<u8>),
    /// Something that a target printed.
    Live(TextDecoder, StreamKind),
    /// Something that stands elsewhere, too.
    Passed(TextDecoder),
    /// Any other.
    Kept {
        /// A backslash stands before.
        is_escaped: bool,
    },
}

/// Takes a JSON apart.
#[derive(Debug)]
pub(super) struct Document {
    form: Form,
    stack: Vec<Open>,
    text: Option<Text>,
    /// What is kept of the result that is being read.
    item: Vec<u8>,
    /// What is kept of all else.
    rest: Vec<u8>,
    target: Option<String>,
    /// The result is longer than is kept.
    is_too_long: bool,
    /// What of a text in pieces is still here.
    piece: Vec<u8>,
    is_over: bool,
    has_begun: bool,
}

impl Document {
    pub(super) fn new(form: Form) -> Self {
        Self {
            form,
            stack: Vec::new(),
            text: None,
            item: Vec::new(),
            rest: Vec::new(),
            target: None,
            is_too_long: false,
            piece: Vec::new(),
            is_over: false,
            has_begun: false,
        }
    }

    /// Takes bytes, however they are cut.
    ///
    /// # Errors
    /// They are no JSON; nothing more can be found then.
    pub(super) fn push(&mut self, bytes: &[u8], found: &mut Vec<Found>) -> Result<(), String> {
        let mut left = bytes;
        while let Some((byte, after)) = left.split_first() {
            if let Some((run, after)) = self.run(left).and_then(|length| left.split_at_checked(length)) {
                self.take_run(run)?;
                left = after;
                continue;
            }
            match self.text.take() {
                Some(text) => self.in_text(text, *byte, found)?,
                None => self.outside(*byte, found)?,
            }
            left = after;
        }
        self.hand_on(found);
        Ok(())
    }

    /// How many bytes stand for themselves, where some do: nearly all of a flood.
    fn run(&self, left: &[u8]) -> Option<usize> {
        let is_plain = match &self.text {
            Some(Text::Live(decoder, _) | Text::Passed(decoder)) => decoder.is_plain(),
            Some(Text::Kept { is_escaped }) => !is_escaped,
            Some(Text::Name(_) | Text::Target(..)) | None => false,
        };
        let length =
            || left.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20)).unwrap_or(left.len());
        is_plain.then(length).filter(|length| *length > 0)
    }

    fn take_run(&mut self, run: &[u8]) -> Result<(), String> {
        match &self.text {
            Some(Text::Live(..)) => self.piece.extend_from_slice(run),
            Some(Text::Kept { .. }) => self.keep(run)?,
            _ => {}
        }
        Ok(())
    }

    /// There is nothing more.
    ///
    /// # Errors
    /// Something is missing.
    pub(super) fn end(&mut self, found: &mut Vec<Found>) -> Result<(), String> {
        if self.is_over {
            return Ok(());
        }
        if !self.stack.is_empty() || self.text.is_some() {
            return Err("the JSON breaks off".to_owned());
        }
        if !self.has_begun {
            return Err("there is no JSON".to_owned());
        }
        // A number or a word, whose end nothing shows.
        self.finish(found)
    }

    /// Whether the value at hand is a result: `items[n]` of the topmost object.
    fn is_item(&self) -> bool {
        self.form != Form::Whole
            && self.stack.len() >= 2
            && self.stack.first().is_some_and(|top| top.is_object && top.name == b"items")
            && self.stack.get(1).is_some_and(|items| !items.is_object)
    }

    fn in_item(&self) -> bool {
        self.stack.len() >= 3 && self.is_item()
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), String> {
        let kept = if self.in_item() { &mut self.item } else { &mut self.rest };
        if kept.len() + bytes.len() <= LONGEST {
            kept.extend_from_slice(bytes);
        } else if self.in_item() {
            self.is_too_long = true;
        } else {
            return Err(format!("more than {LONGEST} bytes of JSON"));
        }
        Ok(())
    }

    fn outside(&mut self, byte: u8, found: &mut Vec<Found>) -> Result<(), String> {
        if byte.is_ascii_whitespace() {
            return Ok(());
        }
        if self.is_over {
            return Err("something behind the JSON".to_owned());
        }
        self.has_begun = true;
        match byte {
            b'{' | b'[' => {
                if self.stack.len() >= DEEPEST {
                    return Err(format!("JSON of more than {DEEPEST} levels"));
                }
                let is_object = byte == b'{';
                self.stack.push(Open { is_object, wants_name: is_object, name: Vec::new() });
                self.keep(&[byte])
            }
            b'}' | b']' => self.close(byte, found),
            b',' => {
                // Between results there is nothing to keep.
                let is_between = self.stack.len() == 2 && self.is_item();
                if let Some(open) = self.stack.last_mut() {
                    open.wants_name = open.is_object;
                    return if is_between { Ok(()) } else { self.keep(&[byte]) };
                }
                Err("a comma at its beginning".to_owned())
            }
            b':' => self.keep(&[byte]),
            b'"' => self.open_text(),
            b'-' | b'+' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'E' => self.keep(&[byte]),
            _ => Err("something that is no JSON".to_owned()),
        }
    }

    fn close(&mut self, byte: u8, found: &mut Vec<Found>) -> Result<(), String> {
        let fits = self.stack.last().is_some_and(|open| open.is_object == (byte == b'}'));
        if !fits {
            return Err("an end of something that was not begun".to_owned());
        }
        self.keep(&[byte])?;
        let is_item = self.stack.len() == 3 && self.is_item();
        self.stack.pop();
        if is_item {
            return self.take_item(found);
        }
        if self.stack.is_empty() {
            return self.finish(found);
        }
        Ok(())
    }

    fn take_item(&mut self, found: &mut Vec<Found>) -> Result<(), String> {
        let item = std::mem::take(&mut self.item);
        let target = self.target.take();
        if std::mem::take(&mut self.is_too_long) {
            found.push(Found::TooLong(target));
            return Ok(());
        }
        let item = serde_json::from_slice(&item).map_err(|error| format!("a result: {error}"))?;
        found.push(Found::Item(item));
        Ok(())
    }

    fn finish(&mut self, found: &mut Vec<Found>) -> Result<(), String> {
        self.is_over = true;
        let rest = std::mem::take(&mut self.rest);
        let rest = serde_json::from_slice(&rest).map_err(|error| error.to_string())?;
        found.push(Found::Rest(rest));
        Ok(())
    }

    fn open_text(&mut self) -> Result<(), String> {
        let depth = self.stack.len();
        let in_item = self.in_item();
        if let Some(open) = self.stack.last_mut().filter(|open| open.wants_name) {
            open.wants_name = false;
            open.name.clear();
            self.text = Some(Text::Name(TextDecoder::default()));
            return self.keep(b"\"");
        }
        let name_at = |depth: usize| self.stack.get(depth).map(|open| open.name.as_slice());
        let text = if in_item && depth == 3 && name_at(2) == Some(b"target") {
            Text::Target(TextDecoder::default(), Vec::new())
        } else if in_item && depth == 4 && name_at(2) == Some(b"value") && self.target.is_some() {
            match (self.form, name_at(3)) {
                (Form::Printed, Some(b"stdout")) | (Form::Values, Some(b"_output")) => {
                    Text::Live(TextDecoder::default(), StreamKind::Stdout)
                }
                (Form::Printed, Some(b"stderr")) => Text::Live(TextDecoder::default(), StreamKind::Stderr),
                // Both of the others once more.
                (Form::Printed, Some(b"merged_output")) => Text::Passed(TextDecoder::default()),
                _ => Text::Kept { is_escaped: false },
            }
        } else {
            Text::Kept { is_escaped: false }
        };
        self.text = Some(text);
        self.keep(b"\"")
    }

    /// A byte of a text. Of those that are handed on or passed over only the quotes are kept.
    fn in_text(&mut self, mut text: Text, byte: u8, found: &mut Vec<Found>) -> Result<(), String> {
        let nonsense = |what: &str| what.to_owned();
        let is_over = match &mut text {
            Text::Kept { is_escaped } => {
                self.keep(&[byte])?;
                let is_over = byte == b'"' && !*is_escaped;
                *is_escaped = byte == b'\\' && !*is_escaped;
                if !is_over {
                    self.text = Some(text);
                }
                return Ok(());
            }
            Text::Name(decoder) => {
                self.keep(&[byte])?;
                let Some(open) = self.stack.last_mut() else { return Ok(()) };
                let is_over = decoder.byte(byte, &mut open.name).map_err(nonsense)?;
                open.name.truncate(LONGEST_NAME);
                if !is_over {
                    self.text = Some(text);
                }
                return Ok(());
            }
            Text::Target(decoder, name) => {
                self.keep(&[byte])?;
                let is_over = decoder.byte(byte, name).map_err(nonsense)?;
                name.truncate(LONGEST_NAME);
                if is_over {
                    self.target = Some(String::from_utf8_lossy(name).into_owned());
                } else {
                    self.text = Some(text);
                }
                return Ok(());
            }
            Text::Live(decoder, _) => decoder.byte(byte, &mut self.piece).map_err(nonsense)?,
            Text::Passed(decoder) => {
                let is_over = decoder.byte(byte, &mut self.piece).map_err(nonsense)?;
                self.piece.clear();
                is_over
            }
        };
        self.text = Some(text);
        if is_over {
            self.hand_on(found);
            self.text = None;
            self.keep(b"\"")?;
        }
        Ok(())
    }

    /// Hands on what is here of a text in pieces.
    fn hand_on(&mut self, found: &mut Vec<Found>) {
        if let (Some(Text::Live(_, stream)), Some(target)) = (&self.text, &self.target)
            && !self.piece.is_empty()
        {
            let data = Bytes::from(std::mem::take(&mut self.piece));
            found.push(Found::Text { target: target.clone(), stream: *stream, data });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    /// What is found, with pieces of a text joined.
    fn all(form: Form, json: &[u8], cut: usize) -> Result<Vec<Found>, String> {
        let mut document = Document::new(form);
        let mut found = Vec::new();
        for part in json.chunks(cut.max(1)) {
            document.push(part, &mut found)?;
        }
        document.end(&mut found)?;
        let mut joined: Vec<Found> = Vec::new();
        for one in found {
            match (joined.last_mut(), one) {
                (Some(Found::Text { stream: last, data: whole, .. }), Found::Text { stream, data, .. })
                    if *last == stream =>
                {
                    *whole = Bytes::from([whole.as_ref(), data.as_ref()].concat())
                }
                (_, one) => joined.push(one),
            }
        }
        Ok(joined)
    }

    fn text(target: &str, stream: StreamKind, text: &str) -> Found {
        Found::Text { target: target.to_owned(), stream, data: Bytes::copy_from_slice(text.as_bytes()) }
    }

    fn item(value: &Value) -> Found {
        Found::Item(value.as_object().unwrap().clone())
    }

    const PRINTED: &str = r#"{ "items": [
{"target":"web1","action":"command","object":"x \"stdout\": {","status":"success","value":{"stdout":"a\nb \u00e4","stderr":"w","merged_output":"a\nbw","exit_code":0}}
,
{"target":"web2","action":"command","object":"x","status":"failure","value":{"_error":{"kind":"k","msg":"m","details":{"stdout":"no"}}}}
],
"target_count": 2, "elapsed_time": 1 }
"#;

    #[test]
    fn results_come_with_what_was_printed_before_them() {
        for cut in [1, 2, 3, 7, 50, 10_000] {
            assert_eq!(
                all(Form::Printed, PRINTED.as_bytes(), cut).unwrap(),
                [
                    text("web1", StreamKind::Stdout, "a\nb \u{e4}"),
                    text("web1", StreamKind::Stderr, "w"),
                    item(
                        &json!({"target": "web1", "action": "command", "object": "x \"stdout\": {", "status": "success",
                                 "value": {"stdout": "", "stderr": "", "merged_output": "", "exit_code": 0}})
                    ),
                    item(&json!({"target": "web2", "action": "command", "object": "x", "status": "failure",
                                 "value": {"_error": {"kind": "k", "msg": "m", "details": {"stdout": "no"}}}})),
                    Found::Rest(json!({"items": [], "target_count": 2, "elapsed_time": 1})),
                ],
                "cut into {cut}"
            );
        }
    }

    #[test]
    fn a_result_whose_target_comes_last_is_whole() {
        let json = r#"{"items": [{"value": {"stdout": "a"}, "target": "web1"}]}"#;
        let found = all(Form::Printed, json.as_bytes(), 5).unwrap();
        assert_eq!(found[0], item(&json!({"value": {"stdout": "a"}, "target": "web1"})));
        let tasks = r#"{"items": [{"target": "web1", "value": {"stdout": "a", "_output": "b", "x": [{"_output": 1}]}}]}"#;
        let found = all(Form::Values, tasks.as_bytes(), 3).unwrap();
        assert_eq!(found[0], text("web1", StreamKind::Stdout, "b"));
        let value = json!({"stdout": "a", "_output": "", "x": [{"_output": 1}]});
        assert_eq!(found[1], item(&json!({"target": "web1", "value": value})));
        let error = r#"{ "items": [ ], "_error": {"kind": "k"} }"#;
        let found = all(Form::Values, error.as_bytes(), 4).unwrap();
        assert_eq!(found, [Found::Rest(json!({"items": [], "_error": {"kind": "k"}}))]);
    }

    #[test]
    fn a_result_that_is_too_long_spoils_no_other() {
        let long = "x".repeat(LONGEST);
        let json = format!(
            r#"{{"items": [{{"target": "web1", "value": {{"a": "{long}"}}}}, {{"target": "web2", "value": {{}}}}]}}"#
        );
        let found = all(Form::Values, json.as_bytes(), 1 << 20).unwrap();
        assert_eq!(found[0], Found::TooLong(Some("web1".to_owned())));
        assert_eq!(found[1], item(&json!({"target": "web2", "value": {}})));
        let rest = format!(r#"{{"a": "{long}"}}"#);
        assert!(all(Form::Values, rest.as_bytes(), 1 << 20).unwrap_err().contains("more than"));
    }

    #[test]
    fn what_is_no_json_is_said() {
        for (json, part) in [
            ("", "there is no JSON"),
            ("Could not find bolt", "no JSON"),
            (r#"{"items": [{"target": "web1""#, "breaks off"),
            (r#"{"items": ["#, "breaks off"),
            (r#"{"items": [}"#, "not begun"),
            (r#"{"items": [{"target": }]}"#, "a result: "),
            (r#"{"items": [[1]]}"#, "a result: "),
            (r#"{} {}"#, "behind the JSON"),
            (r#"{"a": tru}"#, "expected ident"),
            ("{\"a\": \"b", "breaks off"),
            (&"[".repeat(200), "levels"),
        ] {
            let fault = all(Form::Printed, json.as_bytes(), 3).unwrap_err();
            assert!(fault.contains(part), "{json}: {fault}");
        }
    }

    #[test]
    fn a_plan_may_return_anything() {
        for json in
            ["null", "3", "\"a b\"", r#"{"items": [{"target": "x", "value": {"stdout": "a"}}]}"#, "[1, 2]"]
        {
            let value: Value = serde_json::from_str(json).unwrap();
            assert_eq!(all(Form::Whole, json.as_bytes(), 2).unwrap(), [Found::Rest(value)]);
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from)
        ];
        let name = || prop_oneof!["items", "target", "value", "stdout", "stderr", "_output", ".{0,4}"];
        leaf.prop_recursive(5, 40, 5, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                proptest::collection::btree_map(name(), inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn whole_values_read_back_however_they_are_cut(value in value(), cut in 1_usize..20) {
            let json = value.to_string();
            prop_assert_eq!(all(Form::Whole, json.as_bytes(), cut).unwrap(), [Found::Rest(value)]);
        }

        #[test]
        fn nothing_that_is_printed_panics(value in value(), cut in 1_usize..20, junk in "[{}\\[\\],:\"a1\\\\]{0,20}") {
            for text in [value.to_string(), format!("{{\"items\": [{value}, {junk}"), junk] {
                let _ = all(Form::Printed, text.as_bytes(), cut);
            }
        }
    }
}
