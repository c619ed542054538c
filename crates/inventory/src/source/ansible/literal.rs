//! [`value_of`]: what a value of an INI inventory means. Ansible passes it to Python's `ast.literal_eval` and takes the
//! text itself where that is no literal, in host lines and in `:vars` sections alike.

use serde_json::{Map, Number, Value};

/// Deeper nesting is taken as text.
const MAX_DEPTH: usize = 64;

/// The value of a text. What JSON cannot hold (complex and endless numbers, integers of more than 64 bits) stays a text.
pub(super) fn value_of(text: &str) -> Value {
    // Nothing else can begin a literal, and most values begin otherwise.
    let begins = text
        .trim_start_matches([' ', '\t'])
        .chars()
        .next()
        .is_some_and(|c| c.is_ascii_digit() || "'\"[({+-.".contains(c) || "TFNrRbBuU".contains(c));
    let literal = begins.then(|| Literal { rest: text.trim_start_matches([' ', '\t']) }.whole()).flatten();
    literal.unwrap_or_else(|| Value::String(text.to_owned()))
}

struct Literal<'a> {
    rest: &'a str,
}

impl<'a> Literal<'a> {
    fn whole(mut self) -> Option<Value> {
        let value = self.tuple_or_value(0)?;
        self.skip_blanks();
        (self.rest.is_empty() || self.rest.starts_with('#')).then_some(value)
    }

    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\x0c']);
    }

    fn take(&mut self, token: &str) -> bool {
        self.skip_blanks();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// A value, or several with commas, which are a tuple.
    fn tuple_or_value(&mut self, depth: usize) -> Option<Value> {
        let first = self.value(depth)?;
        if !self.take(",") {
            return Some(first);
        }
        let mut values = vec![first];
        loop {
            self.skip_blanks();
            if self.rest.is_empty() || self.rest.starts_with([')', '#']) {
                return Some(Value::Array(values));
            }
            values.push(self.value(depth)?);
            if !self.take(",") {
                return Some(Value::Array(values));
            }
        }
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.skip_blanks();
        match self.rest.chars().next()? {
            '[' => {
                self.take("[");
                self.list(']', depth).map(Value::Array)
            }
            '(' => {
                self.take("(");
                if self.take(")") {
                    return Some(Value::Array(Vec::new()));
                }
                let value = self.tuple_or_value(depth + 1)?;
                self.take(")").then_some(value)
            }
            '{' => {
                self.take("{");
                self.dict_or_set(depth)
            }
            '\'' | '"' => self.texts(),
            '+' | '-' | '.' | '0'..='9' => self.number(),
            _ => {
                for (word, value) in
                    [("True", Value::Bool(true)), ("False", Value::Bool(false)), ("None", Value::Null)]
                {
                    if let Some(rest) = self.rest.strip_prefix(word)
                        && !rest.starts_with(is_word)
                    {
                        self.rest = rest;
                        return Some(value);
                    }
                }
                self.texts()
            }
        }
    }

    fn list(&mut self, close: char, depth: usize) -> Option<Vec<Value>> {
        let close = close.to_string();
        let mut values = Vec::new();
        while !self.take(&close) {
            values.push(self.value(depth + 1)?);
            if !self.take(",") {
                return self.take(&close).then_some(values);
            }
        }
        Some(values)
    }

    fn dict_or_set(&mut self, depth: usize) -> Option<Value> {
        let mut map = Map::new();
        if self.take("}") {
            return Some(Value::Object(map));
        }
        let first = self.value(depth + 1)?;
        if !self.take(":") {
            // A set: JSON has lists.
            let mut values = vec![first];
            if self.take(",") {
                values.extend(self.list('}', depth)?);
            } else if !self.take("}") {
                return None;
            }
            return Some(Value::Array(values));
        }
        let mut key = first;
        loop {
            map.insert(key_text(&key)?, self.value(depth + 1)?);
            let more = self.take(",");
            if self.take("}") {
                return Some(Value::Object(map));
            }
            if !more {
                return None;
            }
            key = self.value(depth + 1)?;
            if !self.take(":") {
                return None;
            }
        }
    }

    /// Strings beside each other are one.
    fn texts(&mut self) -> Option<Value> {
        let mut whole = String::new();
        loop {
            self.text(&mut whole)?;
            self.skip_blanks();
            if !self.rest.starts_with(['\'', '"', 'r', 'R', 'b', 'B', 'u', 'U']) {
                return Some(Value::String(whole));
            }
        }
    }

    fn text(&mut self, into: &mut String) -> Option<()> {
        let quote_at = self.rest.find(['\'', '"'])?;
        let prefix = self.rest.get(..quote_at)?.to_ascii_lowercase();
        if !["", "r", "b", "u", "rb", "br"].contains(&prefix.as_str()) {
            return None;
        }
        let raw = prefix.contains('r');
        self.rest = self.rest.get(quote_at..)?;
        let single = self.rest.get(..1)?;
        let triple = single.repeat(3);
        let quote = if self.rest.starts_with(&triple) { triple } else { single.to_owned() };
        self.rest = self.rest.get(quote.len()..)?;
        loop {
            if let Some(rest) = self.rest.strip_prefix(quote.as_str()) {
                self.rest = rest;
                return Some(());
            }
            match self.next()? {
                '\\' if raw => {
                    into.push('\\');
                    into.push(self.next()?);
                }
                '\\' => self.escape(into)?,
                c => into.push(c),
            }
        }
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = self.rest.get(c.len_utf8()..)?;
        Some(c)
    }

    /// What follows a backslash (Python language reference, 2.4.1.1).
    fn escape(&mut self, into: &mut String) -> Option<()> {
        let c = self.next()?;
        let plain = match c {
            '\\' | '\'' | '"' => c,
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'a' => '\x07',
            'b' => '\x08',
            'f' => '\x0c',
            'v' => '\x0b',
            'x' => self.digits(2, 2, 16)?,
            'u' => self.digits(4, 4, 16)?,
            'U' => self.digits(8, 8, 16)?,
            // A name of Unicode's: not known here.
            'N' => return None,
            '0'..='7' => {
                let more = self.rest.chars().take(2).take_while(|c| ('0'..='7').contains(c)).count();
                let digits = format!("{c}{}", self.rest.get(..more)?);
                self.rest = self.rest.get(more..)?;
                char::from_u32(u32::from_str_radix(&digits, 8).ok()?)?
            }
            other => {
                into.push('\\');
                other
            }
        };
        into.push(plain);
        Some(())
    }

    fn digits(&mut self, least: usize, most: usize, radix: u32) -> Option<char> {
        let count = self.rest.chars().take(most).take_while(|c| c.is_digit(radix)).count();
        let digits = self.rest.get(..count).filter(|_| count >= least)?;
        self.rest = self.rest.get(count..)?;
        char::from_u32(u32::from_str_radix(digits, radix).ok()?)
    }

    fn number(&mut self) -> Option<Value> {
        let mut negative = false;
        loop {
            if self.take("-") {
                negative = !negative;
            } else if !self.take("+") {
                break;
            }
        }
        let bytes = self.rest.as_bytes();
        let mut end = 0;
        while let Some(byte) = bytes.get(end) {
            let after_exponent = end > 0
                && bytes.get(end - 1).is_some_and(|before| before.eq_ignore_ascii_case(&b'e'))
                && !self.rest.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("0x"));
            if byte.is_ascii_alphanumeric()
                || matches!(byte, b'_' | b'.')
                || (matches!(byte, b'+' | b'-') && after_exponent)
            {
                end += 1;
            } else {
                break;
            }
        }
        let (text, rest) = (self.rest.get(..end)?, self.rest.get(end..)?);
        let value = python_number(text, negative)?;
        self.rest = rest;
        Some(Value::Number(value))
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// A key as `json.dumps` writes it.
fn key_text(key: &Value) -> Option<String> {
    match key {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Null => Some("null".to_owned()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// A number as Python's grammar has it (language reference, 2.4.5 and 2.4.6).
fn python_number(text: &str, negative: bool) -> Option<Number> {
    // An underscore stands between digits only.
    if text.starts_with('_') || text.ends_with('_') || text.contains("__") {
        return None;
    }
    let digits = text.replace('_', "");
    let lower = digits.to_ascii_lowercase();
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = lower.strip_prefix(prefix) {
            return integer(u64::from_str_radix(digits, radix).ok()?, negative);
        }
    }
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let has_leading_zero = digits.starts_with('0') && digits.bytes().any(|byte| byte != b'0');
        return if has_leading_zero { None } else { integer(digits.parse().ok()?, negative) };
    }
    let is_float = digits.bytes().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte))
        && digits.bytes().any(|byte| byte.is_ascii_digit());
    let number: f64 = is_float.then(|| digits.parse().ok()).flatten()?;
    Number::from_f64(if negative { -number } else { number })
}

fn integer(number: u64, negative: bool) -> Option<Number> {
    if negative { 0_i64.checked_sub_unsigned(number).map(Number::from) } else { Some(number.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The expected values are what Ansible 2.14 on Python 3.11 makes of them.
    #[test]
    fn literals_are_those_of_python() {
        for (text, expected) in [
            ("5", json!(5)),
            ("-5", json!(-5)),
            ("0x1F", json!(31)),
            ("0o17", json!(15)),
            ("0b101", json!(5)),
            ("1_000", json!(1000)),
            ("00", json!(0)),
            ("010", json!("010")),
            ("1__0", json!("1__0")),
            ("1.5", json!(1.5)),
            ("1e3", json!(1000.0)),
            ("1e-3", json!(0.001)),
            (".5", json!(0.5)),
            ("1.", json!(1.0)),
            ("1.2.3", json!("1.2.3")),
            ("1j", json!("1j")),
            ("5 # five", json!(5)),
            ("5 apples", json!("5 apples")),
            ("True", json!(true)),
            ("true", json!("true")),
            ("Truest", json!("Truest")),
            ("None", json!(null)),
            ("yes", json!("yes")),
            ("", json!("")),
            ("'a b'", json!("a b")),
            ("'a' \"b\"", json!("ab")),
            ("'a", json!("'a")),
            ("'''a'b'''", json!("a'b")),
            (r"'a\n\x41\u00e9\101\q'", json!("a\nA\u{e9}A\\q")),
            (r"r'a\n'", json!(r"a\n")),
            ("b'x'", json!("x")),
            ("f'x'", json!("f'x'")),
            ("[1, 'a', [2,],]", json!([1, "a", [2]])),
            ("[1 2]", json!("[1 2]")),
            ("[a, b]", json!("[a, b]")),
            ("(1, 2)", json!([1, 2])),
            ("(1)", json!(1)),
            ("()", json!([])),
            ("1, 2", json!([1, 2])),
            ("1,", json!([1])),
            ("{'a': 1, 2: [3], None: True}", json!({"a": 1, "2": [3], "null": true})),
            ("{'a', 'b'}", json!(["a", "b"])),
            ("{}", json!({})),
            ("{'a': 1", json!("{'a': 1")),
            ("{{ x }}", json!("{{ x }}")),
            ("print(1)", json!("print(1)")),
            ("__import__('os').system('x')", json!("__import__('os').system('x')")),
            ("123456789012345678901234567890", json!("123456789012345678901234567890")),
        ] {
            assert_eq!(value_of(text), expected, "{text}");
        }
        let deep = "[".repeat(100_000);
        assert_eq!(value_of(&deep), json!(deep));
    }
}
