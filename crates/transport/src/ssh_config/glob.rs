//! File name patterns of `Include`, as `glob(3)` expands them: `*`, `?`, `[a-z]`, `\x`, sorted by bytes.
//!
//! Main function: [`expand`]. It reads directories and must not follow a pattern through more than
//! [`MAX_MATCHES`] names.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

/// Upper bound for the names one pattern may expand to.
pub(super) const MAX_MATCHES: usize = 100_000;

/// All existing paths that fit `pattern`, in byte order; a pattern without wildcards yields itself when it
/// exists. Unreadable and missing folders count as empty, as in `glob(3)`.
pub(super) fn expand(pattern: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = vec![PathBuf::new()];
    for component in pattern.components() {
        let name = match component {
            Component::Normal(name) => name.as_bytes(),
            other => {
                for path in &mut found {
                    path.push(other);
                }
                continue;
            }
        };
        if has_wildcard(name) {
            let mut next = Vec::new();
            for folder in &found {
                let start = if folder.as_os_str().is_empty() { Path::new(".") } else { folder.as_path() };
                let Ok(entries) = std::fs::read_dir(start) else { continue };
                let mut names: Vec<_> = entries
                    .flatten()
                    .map(|entry| entry.file_name())
                    .filter(|entry| component_matches(entry.as_bytes(), name))
                    .collect();
                names.sort();
                next.extend(names.into_iter().map(|entry| folder.join(entry)));
                if next.len() > MAX_MATCHES {
                    return Err(io::Error::other(format!("more than {MAX_MATCHES} files match")));
                }
            }
            found = next;
        } else {
            let literal = unescape(name);
            for path in &mut found {
                path.push(OsStr::from_bytes(&literal));
            }
        }
    }
    // `symlink_metadata`: a dangling link is found and then reported as unreadable, not skipped in silence.
    found.retain(|path| path.symlink_metadata().is_ok());
    Ok(found)
}

fn has_wildcard(name: &[u8]) -> bool {
    let mut bytes = name.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => {
                bytes.next();
            }
            b'*' | b'?' | b'[' => return true,
            _ => {}
        }
    }
    false
}

fn unescape(name: &[u8]) -> Vec<u8> {
    let mut literal = Vec::with_capacity(name.len());
    let mut bytes = name.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => literal.extend(bytes.next()),
            other => literal.push(*other),
        }
    }
    literal
}

/// A name with a leading dot needs a pattern with a leading dot.
fn component_matches(name: &[u8], pattern: &[u8]) -> bool {
    if name.first() == Some(&b'.') && pattern.first() != Some(&b'.') {
        return false;
    }
    fits(name, pattern)
}

fn fits(name: &[u8], pattern: &[u8]) -> bool {
    let (mut n, mut p) = (name, pattern);
    // Where to resume after a star: (pattern behind it, name still to try).
    let mut star: Option<(&[u8], &[u8])> = None;
    loop {
        let step = match (p.split_first(), n.split_first()) {
            (Some((b'*', rest)), _) => {
                star = Some((rest, n));
                p = rest;
                continue;
            }
            (None, None) => return true,
            (Some((b'?', rest)), Some((_, name_rest))) => Some((rest, name_rest)),
            (Some((b'[', rest)), Some((byte, name_rest))) => match class(rest, *byte) {
                Some((true, after)) => Some((after, name_rest)),
                Some((false, _)) => None,
                // No closing bracket: the bracket stands for itself.
                None => (*byte == b'[').then_some((rest, name_rest)),
            },
            (Some((b'\\', rest)), Some((byte, name_rest))) => match rest.split_first() {
                Some((escaped, after)) => (escaped == byte).then_some((after, name_rest)),
                None => (*byte == b'\\').then_some((rest, name_rest)),
            },
            (Some((literal, rest)), Some((byte, name_rest))) => {
                (literal == byte).then_some((rest, name_rest))
            }
            (Some(_), None) => return false,
            (None, Some(_)) => None,
        };
        match (step, star) {
            (Some((pattern_rest, name_rest)), _) => (p, n) = (pattern_rest, name_rest),
            (None, Some((after_star, tried))) => {
                let Some((_, rest)) = tried.split_first() else { return false };
                star = Some((after_star, rest));
                (p, n) = (after_star, rest);
            }
            (None, None) => return false,
        }
    }
}

/// Reads a class after its `[`: whether `byte` is in it, and the pattern behind the `]`.
fn class(pattern: &[u8], byte: u8) -> Option<(bool, &[u8])> {
    let (negated, mut rest) = match pattern.split_first() {
        Some((b'!' | b'^', rest)) => (true, rest),
        _ => (false, pattern),
    };
    let mut inside = false;
    let mut first = true;
    loop {
        let (low, after) = rest.split_first()?;
        if *low == b']' && !first {
            return Some((inside != negated, after));
        }
        first = false;
        match after {
            [b'-', high, tail @ ..] if *high != b']' => {
                inside |= (*low..=*high).contains(&byte);
                rest = tail;
            }
            _ => {
                inside |= *low == byte;
                rest = after;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_classes() {
        for (name, pattern, expected) in [
            ("a.conf", "*.conf", true),
            (".a.conf", "*.conf", false),
            (".a.conf", ".*", true),
            ("a1", "a[0-9]", true),
            ("ax", "a[!0-9]", true),
            ("a]", "a[]x]", true),
            ("a[", "a[", true),
            ("a*", r"a\*", true),
            ("ab", r"a\*", false),
            ("abcabd", "*abd", true),
            ("", "*", true),
        ] {
            assert_eq!(component_matches(name.as_bytes(), pattern.as_bytes()), expected, "{name} {pattern}");
        }
    }

    #[test]
    fn expands_in_byte_order() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["20-b", "10-a", ".hidden", "x"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let names = |pattern: &str| -> Vec<String> {
            expand(&folder.path().join(pattern))
                .unwrap()
                .iter()
                .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
                .collect()
        };
        assert_eq!(names("*-*"), ["10-a", "20-b"]);
        assert_eq!(names("x"), ["x"]);
        assert!(names("missing").is_empty());
        assert!(names("no/such/*").is_empty());
    }
}
