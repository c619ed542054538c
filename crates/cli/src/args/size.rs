//! Amounts of memory on the command line: [`parse_size`].

/// Reads `64M`: a whole number with `K`, `M` or `G` for powers of 1,024, or bytes without any.
///
/// # Errors
/// What is wrong, for the person who typed it.
pub(crate) fn parse_size(text: &str) -> Result<usize, String> {
    const MEANT: &str = "a size such as 512K, 64M or 1G";
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = text.get(digits.len()..).unwrap_or_default();
    let factor: usize = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        _ => return Err(format!("{unit:?} is no unit; give {MEANT}")),
    };
    let number: usize = digits.parse().map_err(|_| format!("give {MEANT}"))?;
    match number.checked_mul(factor) {
        Some(0) => Err("must be more than 0".to_owned()),
        Some(bytes) => Ok(bytes),
        None => Err("is more than this machine can address".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in [("17", 17), ("3k", 3072), ("64M", 64 << 20), ("2GiB", 2 << 30)] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in ["", "M", "-1M", "1.5G", "12T", "0", "0M", "99999999999999999G", "1 M", "ä"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }
}
