//! Whether Ansible takes a text with colons for one address rather than for several patterns.
//!
//! The expressions are those of `ansible/parsing/utils/addresses.py`, with what a look-behind says there said without one.

use std::sync::LazyLock;

use regex::Regex;

struct Expressions {
    bracketed_port: Regex,
    port: Regex,
    addresses: [Regex; 3],
}

/// `None` could only mean that an expression below is not one; the tests would tell.
static EXPRESSIONS: LazyLock<Option<Expressions>> = LazyLock::new(|| {
    let numbers = r"\[(?:[0-9]+:[0-9]+)(?::[0-9]+)?\]";
    let hexadecimal = r"\[(?:[0-9a-f]+:[0-9a-f]+)(?::[0-9]+)?\]";
    let letters = r"\[(?:[a-z]:[a-z]|[0-9]+:[0-9]+)(?::[0-9]+)?\]";
    let six = format!("(?:[0-9a-f]{{1,4}}|{hexadecimal})");
    let four = format!("(?:[01]?[0-9]{{1,2}}|2[0-4][0-9]|25[0-5]|{numbers})");
    // Ends with neither '_' nor '-'.
    let label = format!(r"(?:(?:\w|{letters})(?:[\w-]|{letters})*(?:[^\W_]|{letters})|(?:[^\W_]|{letters}))");
    // As in Ansible, only the first alternative is anchored at the beginning by itself and only the last one at the end.
    let version_six = [
        format!("(?:{six}:){{7}}{six}"),
        format!("(?:{six}:){{1,6}}:"),
        format!("(?:{six}:)(?::{six}){{1,6}}"),
        format!("(?:{six}:){{2}}(?::{six}){{1,5}}"),
        format!("(?:{six}:){{3}}(?::{six}){{1,4}}"),
        format!("(?:{six}:){{4}}(?::{six}){{1,3}}"),
        format!("(?:{six}:){{5}}(?::{six}){{1,2}}"),
        format!("(?:{six}:){{6}}(?::{six})"),
        format!(":(?::{six}){{1,6}}"),
        format!("{six}?::"),
        format!(r"(?:0:){{6}}(?:{six}\.){{3}}{six}"),
        format!(r"::(?:ffff:)?(?:{six}\.){{3}}{six}"),
        format!(r"(?:0:){{5}}ffff:(?:{six}\.){{3}}{six}\z"),
    ]
    .join("|");
    let compiled = |text: &str| Regex::new(text).ok();
    Some(Expressions {
        bracketed_port: compiled(r"\A\[(.+)\]:([0-9]+)\z")?,
        port: compiled(r"\A((?:[^:\[\]]|\[[^\]]*\])*):([0-9]+)\z")?,
        addresses: [
            compiled(&format!(r"(?i)\A(?:{four}\.){{3}}{four}\z"))?,
            compiled(&format!(r"(?i)\A(?:{version_six})"))?,
            compiled(&format!(r"(?i)\A{label}(?:\.{label})*\z"))?,
        ],
    })
});

/// Whether the text is one host name or address, with or without a port; `[1:9]` may stand in it.
pub(super) fn is_one_address(text: &str) -> bool {
    let Some(expressions) = EXPRESSIONS.as_ref() else { return false };
    let mut host = text;
    for with_port in [&expressions.bracketed_port, &expressions.port] {
        if let Some(part) = with_port.captures(host).and_then(|parts| parts.get(1)) {
            host = part.as_str();
        }
    }
    expressions.addresses.iter().any(|address| address.is_match(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_lists_of_patterns() {
        assert!(EXPRESSIONS.is_some());
        for one in
            ["web1", "web1:22", "web[1:3].example.org", "10.0.0.1", "fe80::1", "[::1]:22", "::1", "a:b:c:d::"]
        {
            assert!(is_one_address(one), "{one}");
        }
        for several in ["web:db", "web:&prod", "web*:db", "web_:22", "-web", "a:b", "10.0.0.1:x"] {
            assert!(!is_one_address(several), "{several}");
        }
    }
}
