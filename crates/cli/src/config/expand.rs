//! Variables in the texts of a configuration file: `${NAME}` and `${NAME:-default}`. Main function: [`expand`].

/// Puts the values of variables in. `$${` stands for `${`.
///
/// # Errors
/// A variable that is not set and has no default, and a `${` that is no variable.
pub(crate) fn expand(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at(at);
        let inside = from.strip_prefix("${").unwrap_or(from);
        if let Some(before) = before.strip_suffix('$') {
            out.push_str(before);
            out.push_str("${");
            rest = inside;
            continue;
        }
        out.push_str(before);
        let Some((inside, after)) = inside.split_once('}') else {
            return Err("has a ${ without its }; write $${ for the two characters".to_owned());
        };
        let (name, default) = match inside.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inside, None),
        };
        if !is_name(name) {
            return Err(format!("${{{name}}} is no variable; write ${{NAME}} or ${{NAME:-default}}"));
        }
        // As in the shell, a variable that is set to nothing has no value for a default.
        match (variable(name), default) {
            (Some(value), None) => out.push_str(&value),
            (Some(value), Some(_)) if !value.is_empty() => out.push_str(&value),
            (_, Some(default)) => out.push_str(default),
            (None, None) => {
                return Err(format!("variable {name} is not set; set it or write ${{{name}:-default}}"));
            }
        }
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// The value of a variable of this process.
pub(crate) fn of_process(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn is_name(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_put_in_and_missing_ones_are_named() {
        let variable = |name: &str| match name {
            "A" => Some("one".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        for (text, expected) in [
            ("plain $A $", "plain $A $"),
            ("${A}-${A}", "one-one"),
            ("${B:-two}/${A:-x}", "two/one"),
            ("${EMPTY:-none}[${EMPTY}]${B:-}", "none[]"),
            ("$${A} and ${A}", "${A} and one"),
            ("ä${A}ß", "äoneß"),
        ] {
            assert_eq!(expand(text, &variable).as_deref(), Ok(expected), "{text}");
        }
        for (text, part) in [
            ("${B}", "variable B is not set"),
            ("x${A", "without its }"),
            ("${A B}", "${A B} is no variable"),
        ] {
            let error = expand(text, &variable).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
