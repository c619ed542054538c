//! [`scalar`]: what a scalar means in YAML 1.1 (yaml.org/type), with PyYAML's patterns.

use std::borrow::Cow;

use granit_parser::{ScalarStyle, Tag};
use serde_json::{Map, Number, Value};

/// The value of a scalar, and whether it is a text.
pub(super) fn scalar(text: Cow<'_, str>, style: ScalarStyle, tag: Option<&Tag>) -> (Value, bool) {
    if let Some(tag) = tag {
        if tag.handle() == "!" && matches!(tag.suffix(), "vault" | "vault-encrypted") {
            let vaulted = Map::from_iter([("__ansible_vault".to_owned(), Value::String(text.into_owned()))]);
            return (Value::Object(vaulted), false);
        }
        if tag.is_yaml_core_schema_tag("int")
            || tag.is_yaml_core_schema_tag("float")
            || tag.is_yaml_core_schema_tag("bool")
        {
            let value = plain(&text);
            let is_text = value.is_string();
            return (value, is_text);
        }
        return (Value::String(text.into_owned()), true);
    }
    if !matches!(style, ScalarStyle::Plain) {
        return (Value::String(text.into_owned()), true);
    }
    let value = plain(&text);
    let is_text = value.is_string();
    (value, is_text)
}

/// What a plain scalar means in YAML 1.1 (yaml.org/type), with PyYAML's patterns. What JSON cannot hold stays a text,
/// so do dates.
fn plain(text: &str) -> Value {
    let string = || Value::String(text.to_owned());
    let Some(first) = text.bytes().next() else { return Value::Null };
    match text {
        "~" | "null" | "Null" | "NULL" => return Value::Null,
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => return Value::Bool(true),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Value::Bool(false);
        }
        _ => {}
    }
    if !(first.is_ascii_digit() || matches!(first, b'+' | b'-' | b'.')) {
        return string();
    }
    integer(text).or_else(|| float(text)).map_or_else(string, Value::Number)
}

fn integer(text: &str) -> Option<Number> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let clean = digits.replace('_', "");
    let all = |text: &str, radix: u32| !text.is_empty() && text.chars().all(|c| c.is_digit(radix));
    let number = if let Some(rest) = clean.strip_prefix("0b") {
        u64::from_str_radix(rest, 2).ok()?
    } else if let Some(rest) = clean.strip_prefix("0x") {
        u64::from_str_radix(rest, 16).ok()?
    } else if clean == "0" {
        0
    } else if let Some(rest) = clean.strip_prefix('0') {
        all(rest, 8).then(|| u64::from_str_radix(rest, 8).ok()).flatten()?
    } else if digits.starts_with(|c: char| ('1'..='9').contains(&c)) {
        if digits.contains(':') {
            sexagesimal(&clean)?
        } else {
            all(&clean, 10).then(|| clean.parse().ok()).flatten()?
        }
    } else {
        return None;
    };
    if negative { 0_i64.checked_sub_unsigned(number).map(Number::from) } else { Some(number.into()) }
}

/// `1:20` is 80.
fn sexagesimal(text: &str) -> Option<u64> {
    let mut parts = text.split(':');
    let mut number: u64 = parts.next()?.parse().ok()?;
    for part in parts {
        let digits: u64 =
            part.parse().ok().filter(|_| part.len() <= 2 && part.bytes().all(|b| b.is_ascii_digit()))?;
        number = (digits < 60).then(|| number.checked_mul(60)?.checked_add(digits)).flatten()?;
    }
    Some(number)
}

fn float(text: &str) -> Option<Number> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.')?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    let good = digits(whole)
        && digits(fraction)
        && !whole.starts_with('_')
        && (!whole.is_empty() || (unsigned == text && fraction.starts_with(|c: char| c.is_ascii_digit())))
        && exponent.is_none_or(|exponent| {
            exponent
                .strip_prefix(['+', '-'])
                .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
        });
    Number::from_f64(good.then(|| text.replace('_', "").parse().ok()).flatten()?)
}
