//! In which forms tools write a text: [`forms`]. [`said`] has all of them, each between marks, by which [`said_in`] sees what
//! has become of it: marks are the same in JSON, HTML, URLs and on a terminal.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::Value;

/// A kind of form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// As it is.
    Plain,
    /// For a shell.
    Quoted,
    /// In base64, at each of the three places where a text can begin in it.
    Base64,
    /// For a URL.
    Url,
    /// In JSON.
    Json,
    /// As it is, told in two pieces.
    Split,
}

impl Form {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Plain, Self::Quoted, Self::Base64, Self::Url, Self::Json, Self::Split];

    /// Those in which it is told in one piece.
    pub const WHOLE: [Self; 5] = [Self::Plain, Self::Quoted, Self::Base64, Self::Url, Self::Json];

    /// The word by which it is marked.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Quoted => "quoted",
            Self::Base64 => "base64",
            Self::Url => "url",
            Self::Json => "json",
            Self::Split => "split",
        }
    }
}

const OPEN: &str = "[[";
const CLOSE: &str = "]]";

/// The text in every form that is whole.
#[must_use]
pub fn forms(text: &str) -> Vec<(Form, String)> {
    let url = |plain: &str, blank: &str| -> String {
        let of = |byte: u8| match char::from(byte) {
            ' ' if !blank.is_empty() => blank.to_owned(),
            c if c.is_ascii_alphanumeric() || plain.contains(c) => c.to_string(),
            _ => format!("%{byte:02X}"),
        };
        text.bytes().map(of).collect()
    };
    let json = Value::from(text).to_string();
    let ascii: String = json
        .chars()
        .map(|c| if c.is_ascii() { c.to_string() } else { format!("\\u{:04x}", u32::from(c)) })
        .collect();
    let mut all = vec![
        (Form::Plain, text.to_owned()),
        (Form::Quoted, format!("'{}'", text.replace('\'', "'\\''"))),
        (Form::Quoted, format!("'{}'", text.replace('\'', "'\"'\"'"))),
        (Form::Url, url("-._~", "")),
        (Form::Url, url("-._~/", "")),
        (Form::Url, url("-._~", "+")),
        (Form::Json, ascii),
        (Form::Json, json),
    ];
    for before in ["", "u", "us"] {
        all.push((Form::Base64, STANDARD.encode(format!("{before}{text}"))));
        all.push((Form::Base64, URL_SAFE.encode(format!("{before}{text} and more"))));
    }
    all
}

/// The text in every form that is whole, one after the other, each with its mark.
#[must_use]
pub fn said(text: &str) -> String {
    forms(text).iter().map(|(form, said)| marked(*form, said)).collect()
}

/// A text in a form, with its mark.
#[must_use]
pub fn marked(form: Form, said: &str) -> String {
    format!("{OPEN}{}:{said}{CLOSE} ", form.word())
}

/// What stands between the marks of each form.
#[must_use]
pub fn said_in(bytes: &[u8]) -> BTreeMap<Form, Vec<String>> {
    let text = String::from_utf8_lossy(bytes);
    let mut found: BTreeMap<Form, Vec<String>> = BTreeMap::new();
    for part in text.split(OPEN).skip(1) {
        let Some((inside, _)) = part.split_once(CLOSE) else { continue };
        let Some((word, said)) = inside.split_once(':') else { continue };
        if let Some(form) = Form::ALL.into_iter().find(|form| form.word() == word) {
            found.entry(form).or_default().push(said.to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_found_by_its_mark() {
        let said = said("it's \"é\"/ +");
        let found = said_in(said.as_bytes());
        let of = |form| found.get(&form).map(|all| all.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(of(Form::Plain), Some(vec!["it's \"é\"/ +"]));
        assert_eq!(of(Form::Quoted), Some(vec!["'it'\\''s \"é\"/ +'", "'it'\"'\"'s \"é\"/ +'"]));
        let urls =
            ["it%27s%20%22%C3%A9%22%2F%20%2B", "it%27s%20%22%C3%A9%22/%20%2B", "it%27s+%22%C3%A9%22%2F+%2B"];
        assert_eq!(of(Form::Url), Some(urls.to_vec()));
        assert_eq!(of(Form::Json), Some(vec!["\"it's \\\"\\u00e9\\\"/ +\"", "\"it's \\\"é\\\"/ +\""]));
        assert_eq!(of(Form::Base64).map(|all| (all.len(), all[0])), Some((6, "aXQncyAiw6kiLyAr")));
        assert_eq!(of(Form::Split), None);
        assert!(said_in(b"[[plain:open and [[odd:x]] and [[plain]]").is_empty());
    }
}
