//! YAML as Ansible and Bolt read it (PyYAML, Psych: YAML 1.1): `yes` is true, `0644` is octal, `<<` merges, the last of two equal keys
//! stands, `!vault` and `!unsafe` are known. Main function: [`read`].
//!
//! Our own documents are read by the stricter reader of the domain; a file that belongs to a tool means what the tool
//! takes it to mean.

use std::collections::HashMap;

use granit_parser::{Event, Options, Parser, ScalarStyle, Span};
use pabawi_domain::document::{DocumentLimits, Problem};
use serde_json::Value;

use super::scalar::scalar;

/// A value and its place.
#[derive(Debug, Clone)]
pub(crate) struct Yaml {
    pub(crate) line: u64,
    pub(crate) column: u64,
    pub(crate) data: Data,
}

#[derive(Debug, Clone)]
pub(crate) enum Data {
    /// Nothing, a truth value, a number or a text; or a vaulted text as Ansible writes it in JSON.
    Scalar(Value),
    List(Vec<Yaml>),
    /// In the order of the document, each key once.
    Map(Vec<(Key, Yaml)>),
}

/// A key, written as JSON would have it.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) line: u64,
    pub(crate) column: u64,
    pub(crate) text: String,
    /// Whether it is a text also to YAML, and not a number or the like.
    pub(crate) is_text: bool,
}

impl Yaml {
    pub(crate) fn nothing() -> Self {
        Self { line: 0, column: 0, data: Data::Scalar(Value::Null) }
    }

    /// The same without places.
    pub(crate) fn into_json(self) -> Value {
        match self.data {
            Data::Scalar(value) => value,
            Data::List(items) => Value::Array(items.into_iter().map(Self::into_json).collect()),
            Data::Map(entries) => {
                Value::Object(entries.into_iter().map(|(key, value)| (key.text, value.into_json())).collect())
            }
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self.data, Data::Scalar(Value::Null))
    }

    pub(crate) fn kind(&self) -> &'static str {
        match &self.data {
            Data::Scalar(Value::Null) => "nothing",
            Data::Scalar(Value::Bool(_)) => "true or false",
            Data::Scalar(Value::Number(_)) => "a number",
            Data::Scalar(_) => "a text",
            Data::List(_) => "a list",
            Data::Map(_) => "a mapping",
        }
    }

    fn count(&self) -> usize {
        match &self.data {
            Data::Scalar(_) => 1,
            Data::List(items) => items.iter().fold(1, |sum, item| sum + item.count()),
            Data::Map(entries) => entries.iter().fold(1, |sum, (_, value)| sum + 1 + value.count()),
        }
    }
}

/// A document, and what Ansible would warn of.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) root: Yaml,
    pub(crate) warnings: Vec<Problem>,
}

/// Reads one document. An empty text is nothing.
///
/// # Errors
/// The one fault of form that stopped the reading.
pub(crate) fn read(text: &str, limits: DocumentLimits) -> Result<Document, Problem> {
    let mut options = Options::default();
    options.flow_nesting_limit = limits.depth;
    options.block_nesting_limit = limits.depth;
    options.emit_comments = false;
    let mut builder = Builder {
        limits,
        open: Vec::new(),
        anchors: HashMap::new(),
        root: None,
        documents: 0,
        values: 0,
        aliases: 0,
        alias_values: 0,
        warnings: Vec::new(),
    };
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| {
            let mark = error.marker();
            problem(mark.line(), mark.col() + 1, error.info())
        })?;
        builder.take(event, &span)?;
    }
    Ok(Document { root: builder.root.unwrap_or_else(Yaml::nothing), warnings: builder.warnings })
}

fn problem(line: usize, column: usize, message: impl Into<String>) -> Problem {
    Problem { line: line as u64, column: column as u64, field: String::new(), message: message.into() }
}

/// A list or mapping whose end is not reached.
struct Open {
    node: Yaml,
    anchor: usize,
    /// The key whose value comes next, in a mapping.
    key: Option<Key>,
    /// Where each key of a mapping is; only for finding doubles.
    places: HashMap<String, usize>,
    /// What `<<` brings.
    merged: Vec<(Key, Yaml)>,
    is_merge: bool,
}

struct Builder {
    limits: DocumentLimits,
    open: Vec<Open>,
    anchors: HashMap<usize, Yaml>,
    root: Option<Yaml>,
    documents: usize,
    values: usize,
    aliases: usize,
    alias_values: usize,
    warnings: Vec<Problem>,
}

/// At most so many doubles are told.
const MAX_WARNINGS: usize = 20;

impl Builder {
    fn take(&mut self, event: Event<'_>, span: &Span) -> Result<(), Problem> {
        let (line, column) = (span.start.line(), span.start.col() + 1);
        let place = |data| Yaml { line: line as u64, column: column as u64, data };
        let fault = |message: &str| problem(line, column, message);
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(fault("a second document begins; only one is read"));
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                let (value, is_text) = scalar(text, style, tag.as_deref());
                let is_merge = matches!(style, ScalarStyle::Plain) && value == "<<" && tag.is_none();
                self.finish(place(Data::Scalar(value)), anchor, is_text, is_merge)?;
            }
            Event::SequenceStart(_, anchor, _) => self.begin(place(Data::List(Vec::new())), anchor)?,
            Event::MappingStart(_, anchor, _) => self.begin(place(Data::Map(Vec::new())), anchor)?,
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(open) = self.open.pop() {
                    let (anchor, node) = (open.anchor, close(open));
                    self.finish(node, anchor, false, false)?;
                }
            }
            Event::Alias(id) => {
                let Some(node) = self.anchors.get(&id) else {
                    return Err(fault("an alias stands within what it names"));
                };
                let node = Yaml { line: line as u64, column: column as u64, data: node.data.clone() };
                self.aliases += 1;
                self.alias_values = self.alias_values.saturating_add(node.count());
                if self.aliases > self.limits.aliases || self.alias_values > self.limits.alias_values {
                    return Err(fault("aliases stand for too many values"));
                }
                let is_text = matches!(node.data, Data::Scalar(Value::String(_)));
                self.finish(node, 0, is_text, false)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn begin(&mut self, node: Yaml, anchor: usize) -> Result<(), Problem> {
        if self.open.len() >= self.limits.depth {
            let message = format!("is nested deeper than {} levels", self.limits.depth);
            return Err(Problem { line: node.line, column: node.column, field: String::new(), message });
        }
        if let Some(Open { node: Yaml { data: Data::Map(_), .. }, key: None, is_merge: false, .. }) =
            self.open.last()
        {
            let message = "a key must not be a list or a mapping".to_owned();
            return Err(Problem { line: node.line, column: node.column, field: String::new(), message });
        }
        self.open.push(Open {
            node,
            anchor,
            key: None,
            places: HashMap::new(),
            merged: Vec::new(),
            is_merge: false,
        });
        Ok(())
    }

    /// A value is complete: it goes where it belongs.
    fn finish(&mut self, node: Yaml, anchor: usize, is_text: bool, is_merge: bool) -> Result<(), Problem> {
        self.values += 1;
        let fault =
            |message: String| Problem { line: node.line, column: node.column, field: String::new(), message };
        if self.values > self.limits.values {
            return Err(fault(format!("holds more than {} values", self.limits.values)));
        }
        if anchor > 0 {
            self.alias_values = self.alias_values.saturating_add(node.count());
            if self.alias_values > self.limits.alias_values {
                return Err(fault("anchors hold too many values".to_owned()));
            }
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        let entries = match &mut open.node.data {
            Data::List(items) => {
                items.push(node);
                return Ok(());
            }
            Data::Map(entries) => entries,
            Data::Scalar(_) => return Ok(()),
        };
        if open.is_merge {
            open.is_merge = false;
            match node.data {
                Data::Map(more) => open.merged.extend(more),
                Data::List(items) if items.iter().all(|item| matches!(item.data, Data::Map(_))) => {
                    for item in items {
                        if let Data::Map(more) = item.data {
                            open.merged.extend(more);
                        }
                    }
                }
                _ => return Err(fault("'<<' takes a mapping or a list of mappings".to_owned())),
            }
            return Ok(());
        }
        let Some(key) = open.key.take() else {
            if is_merge {
                open.is_merge = true;
                return Ok(());
            }
            let text = match &node.data {
                Data::Scalar(Value::String(text)) => text.clone(),
                Data::Scalar(Value::Null) => "null".to_owned(),
                Data::Scalar(value) if !value.is_object() => value.to_string(),
                _ => return Err(fault("a key must be a text".to_owned())),
            };
            open.key = Some(Key { line: node.line, column: node.column, text, is_text });
            return Ok(());
        };
        match open.places.get(&key.text).and_then(|at| entries.get_mut(*at)) {
            Some((first, value)) => {
                if self.warnings.len() < MAX_WARNINGS {
                    self.warnings.push(Problem {
                        line: key.line,
                        column: key.column,
                        field: key.text.clone(),
                        message: format!("given twice, first on line {}; the last one stands", first.line),
                    });
                }
                *value = node;
            }
            None => {
                open.places.insert(key.text.clone(), entries.len());
                entries.push((key, node));
            }
        }
        Ok(())
    }
}

/// Puts what `<<` brought behind the mapping's own entries; the first of several stands.
fn close(open: Open) -> Yaml {
    let Open { mut node, merged, mut places, .. } = open;
    if let Data::Map(entries) = &mut node.data {
        for (key, value) in merged {
            if !places.contains_key(&key.text) {
                places.insert(key.text.clone(), entries.len());
                entries.push((key, value));
            }
        }
    }
    node
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const LIMITS: DocumentLimits =
        DocumentLimits { depth: 32, values: 10_000, aliases: 100, alias_values: 1_000 };

    fn json_of(text: &str) -> Value {
        read(text, LIMITS).unwrap().root.into_json()
    }

    /// The expected values are what PyYAML 6 gives.
    #[test]
    fn plain_scalars_mean_what_pyyaml_takes_them_for() {
        for (text, expected) in [
            ("yes", json!(true)),
            ("Off", json!(false)),
            ("y", json!("y")),
            ("0644", json!(420)),
            ("0o644", json!("0o644")),
            ("089", json!("089")),
            ("1_000", json!(1000)),
            ("0x1f", json!(31)),
            ("-7", json!(-7)),
            ("1:20", json!(80)),
            ("1:70", json!("1:70")),
            ("1e3", json!("1e3")),
            ("1.0e+3", json!(1000.0)),
            ("1.5", json!(1.5)),
            (".5", json!(0.5)),
            ("1.", json!(1.0)),
            (".", json!(".")),
            ("-", json!([null])),
            ("10.0.0.1", json!("10.0.0.1")),
            ("2020-01-02", json!("2020-01-02")),
            ("~", json!(null)),
            ("'yes'", json!("yes")),
            ("!!str 5", json!("5")),
            ("!unsafe '{{x}}'", json!("{{x}}")),
            (
                "!vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  61\n",
                json!({"__ansible_vault": "$ANSIBLE_VAULT;1.1;AES256\n61\n"}),
            ),
            ("{1: a, true: b, ~: c}", json!({"1": "a", "true": "b", "null": "c"})),
            ("", json!(null)),
        ] {
            assert_eq!(json_of(text), expected, "{text}");
        }
    }

    #[test]
    fn merge_keys_and_aliases_are_followed() {
        let text = "a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: {<<: [*a, {z: 4, x: 9}]}\n";
        assert_eq!(
            json_of(text),
            json!({"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 3}, "c": {"x": 1, "y": 2, "z": 4}})
        );
    }

    #[test]
    fn the_last_of_two_keys_stands_and_is_told() {
        let document = read("a: 1\nb: 2\na: 3\n", LIMITS).unwrap();
        assert_eq!(
            document.warnings[0].to_string(),
            "line 3 column 1: a: given twice, first on line 1; the last one stands"
        );
        assert_eq!(document.root.into_json(), json!({"a": 3, "b": 2}));
    }

    /// R3.10
    #[test]
    fn hostile_documents_are_refused_within_limits() {
        let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c]\n";
        for (text, why) in [
            (bomb.to_owned(), "too many values"),
            ("a: &a [*a]".to_owned(), "within what it names"),
            ("[".repeat(100_000), "line 1"),
            ("- ".repeat(100_000), "line 1"),
            (format!("{{{}}}", "a: {".repeat(5_000)), "line 1"),
            ("a: [1, 2".to_owned(), "line"),
            ("a: *nothing".to_owned(), "line 1"),
            ("a: 1\n---\nb: 2\n".to_owned(), "second document"),
            ("? [a]\n: b\n".to_owned(), "key must not be"),
            ("<<: 5".to_owned(), "takes a mapping"),
            (format!("[{}]", "1,".repeat(20_000)), "more than 10000 values"),
        ] {
            let error = read(&text, LIMITS).unwrap_err();
            assert!(error.line > 0 && error.to_string().contains(why), "{error}");
        }
    }
}
