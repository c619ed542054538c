//! What a call is answered by, as it crosses: [`Answer`]. A failure is a text behind a `!`.

use bytes::Bytes;
use napi::bindgen_prelude::ToNapiValue;
use napi::{Env, JsString};
use pabawi::json::{Batch, Failure, json};

/// Made where the call runs, and handed over on JavaScript's thread.
pub(super) trait Answer: From<Text> + Send + 'static {
    type Value<'env>: ToNapiValue;

    fn cross(self, env: &Env) -> napi::Result<Self::Value<'_>>;

    fn of(answer: Result<Self, Failure>) -> Self {
        answer.unwrap_or_else(|failure| {
            Text::new(format!("!{}", json(&failure).unwrap_or_else(|_| "{}".to_owned()))).into()
        })
    }
}

/// A text, which is UTF-8.
pub(super) struct Text {
    bytes: Bytes,
    is_ascii: bool,
}

impl Text {
    pub(super) fn new(text: impl Into<Bytes>) -> Self {
        let bytes = text.into();
        Self { is_ascii: bytes.is_ascii(), bytes }
    }
}

impl Answer for Text {
    type Value<'env> = JsString<'env>;

    fn cross(self, env: &Env) -> napi::Result<JsString<'_>> {
        if self.is_ascii {
            // Most texts are, and then they are only copied.
            return env.create_string_latin1(&self.bytes);
        }
        let text = std::str::from_utf8(&self.bytes);
        env.create_string(text.map_err(|error| napi::Error::from_reason(error.to_string()))?)
    }
}

/// Several texts, each by itself: JavaScript need not look for their ends, and one that is kept keeps no other.
pub(super) struct Texts(Vec<Text>);

impl Texts {
    /// The JSON of a batch, or of events of an execution their rows, the execution, the numbers of the events whose data stand apart,
    /// as a list of JSON, and the data of each of them.
    pub(super) fn of_batch(batch: Batch) -> Self {
        let mut texts = vec![Text::new(batch.json)];
        if let Some(of) = batch.of {
            let (numbers, data): (Vec<_>, Vec<_>) = batch.apart.into_iter().unzip();
            texts.push(Text::new(of.to_string()));
            texts.push(Text::new(format!("{numbers:?}")));
            texts.extend(data.into_iter().map(Text::new));
        }
        Self(texts)
    }
}

impl From<Text> for Texts {
    fn from(text: Text) -> Self {
        Self(vec![text])
    }
}

impl Answer for Texts {
    type Value<'env> = Vec<JsString<'env>>;

    fn cross(self, env: &Env) -> napi::Result<Vec<JsString<'_>>> {
        self.0.into_iter().map(|text| text.cross(env)).collect()
    }
}

#[cfg(test)]
mod tests {
    use pabawi::ExecutionId;

    use super::*;

    #[test]
    fn each_part_of_a_batch_is_a_text() {
        let id = ExecutionId::from_parts(0, [0; 10]);
        let crossed = |of: Option<ExecutionId>, json: &str, apart: &[(usize, &'static str)]| {
            let apart = apart.iter().map(|(nth, text)| (*nth, (*text).into())).collect();
            let texts = Texts::of_batch(Batch { json: json.to_owned(), of, apart }).0;
            let each = texts.iter().map(|text| {
                assert_eq!(text.is_ascii, text.bytes.is_ascii());
                String::from_utf8(text.bytes.to_vec()).unwrap()
            });
            each.collect::<Vec<_>>()
        };
        assert_eq!(crossed(None, "[1]", &[]), ["[1]"]);
        let name = id.to_string();
        assert_eq!(crossed(Some(id), "[0,{}]", &[]), ["[0,{}]", &name, "[]"]);
        assert_eq!(crossed(Some(id), "[]", &[(1, "ä\n"), (7, "b")]), ["[]", &name, "[1, 7]", "ä\n", "b"]);
    }

    #[test]
    fn a_failure_is_told_from_an_answer_by_its_first_character() {
        let failure = Failure::aborted();
        let told = Text::of(Err(failure)).bytes;
        assert!(told.starts_with(b"!{\"") && told.ends_with(b"}"), "{told:?}");
        assert_eq!(Text::of(Ok(Text::new("{}".to_owned()))).bytes, "{}");
    }
}
