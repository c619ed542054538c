//! Text for a POSIX shell: quoting, variable names, exports.
//!
//! Main function: [`quote`]. It works on bytes, because paths and values need not be UTF-8, and must leave
//! every byte as it is. A NUL byte cannot be passed to a process at all; callers refuse it earlier.

/// Puts `text` in single quotes, within which a POSIX shell changes nothing; a single quote itself is written
/// as `'\''` (POSIX.1-2024, Shell Command Language, section 2.2.2).
pub(crate) fn quote(text: &[u8]) -> Vec<u8> {
    let mut quoted = Vec::with_capacity(text.len() + 2);
    push_quoted(&mut quoted, text);
    quoted
}

/// As [`quote`], appended to a command line that is being built.
pub(crate) fn push_quoted(line: &mut Vec<u8>, text: &[u8]) {
    line.push(b'\'');
    for byte in text {
        match byte {
            b'\'' => line.extend_from_slice(br"'\''"),
            other => line.push(*other),
        }
    }
    line.push(b'\'');
}

/// Whether a name is one that every shell can set: `[A-Za-z_][A-Za-z0-9_]*`.
pub(crate) fn is_variable_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Appends `export NAME='value'` and a newline. The answer is whether the name may stand there; if not,
/// nothing was appended.
#[must_use]
pub(crate) fn push_export(line: &mut Vec<u8>, name: &str, value: &[u8]) -> bool {
    if !is_variable_name(name) {
        return false;
    }
    line.extend_from_slice(b"export ");
    line.extend_from_slice(name.as_bytes());
    line.push(b'=');
    push_quoted(line, value);
    line.push(b'\n');
    true
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use proptest::prelude::*;

    use super::*;

    /// Gives a script to a real shell and returns what it prints.
    fn sh(script: &[u8]) -> Vec<u8> {
        let mut child =
            Command::new("/bin/sh").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("start sh");
        child.stdin.take().unwrap().write_all(script).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        output.stdout
    }

    fn echo_script(values: &[Vec<u8>]) -> Vec<u8> {
        let mut script = b"printf '%s\\377'".to_vec();
        for value in values {
            script.push(b' ');
            push_quoted(&mut script, value);
        }
        script.push(b'\n');
        script
    }

    fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
        // 255 separates the values in the shell's answer, and NUL cannot be an argument.
        prop::collection::vec(1..=254_u8, 0..40)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

        #[test]
        fn a_shell_gives_back_every_byte(values in prop::collection::vec(any_bytes(), 1..12)) {
            let mut expected = Vec::new();
            for value in &values {
                expected.extend_from_slice(value);
                expected.push(255);
            }
            prop_assert_eq!(sh(&echo_script(&values)), expected);
        }

        #[test]
        fn exports_arrive_byte_for_byte(value in any_bytes()) {
            let mut script = Vec::new();
            prop_assert!(push_export(&mut script, "PABAWI_TEST_VALUE", &value));
            script.extend_from_slice(b"/bin/sh -c 'printf %s \"$PABAWI_TEST_VALUE\"'\n");
            prop_assert_eq!(sh(&script), value);
        }
    }

    #[test]
    fn hostile_text_stays_text() {
        for text in ["$(touch /x)", "`id`", "'; exit 9; '", "\\", "!!", "a\nb", "--", "*", "~", ""] {
            assert_eq!(sh(&echo_script(&[text.into()])), [text.as_bytes(), &[255]].concat(), "{text}");
        }
    }

    #[test]
    fn names() {
        for good in ["A", "_", "a1_B", "PATH"] {
            assert!(is_variable_name(good), "{good}");
        }
        for bad in ["", "1A", "A-B", "A B", "A=B", "A\n", "Ä", "$A", "A;id"] {
            assert!(!is_variable_name(bad), "{bad}");
            let mut line = Vec::new();
            assert!(!push_export(&mut line, bad, b"x") && line.is_empty());
        }
    }
}
