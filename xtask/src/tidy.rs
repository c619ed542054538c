//! The shape of source files: what the conventions ask for and a program can see. Main function: [`faults`].
//! It reports; it changes nothing.

use crate::sources::SourceFile;

/// More lines than this and a file holds two things.
const MAX_LINES: usize = 800;

/// Names that say nothing about what a file holds.
const EMPTY_NAMES: [&str; 4] = ["utils", "helpers", "common", "imp"];

/// Everything that is wrong with a file, one line each.
pub(crate) fn faults(file: &SourceFile) -> Vec<String> {
    let mut faults = Vec::new();
    let mut fault = |message: String| faults.push(format!("{}: {message}", file.path.display()));
    if !file.text.starts_with("//!") {
        fault("does not begin with `//!`: purpose, main type, what it must not do".to_owned());
    }
    let lines = file.text.lines().count();
    if lines > MAX_LINES {
        fault(format!("has {lines} lines, more than {MAX_LINES}; there is a second thing in it"));
    }
    let parts = file.path.iter().filter_map(|part| part.to_str());
    for part in parts.map(|part| part.strip_suffix(".rs").unwrap_or(part)) {
        if EMPTY_NAMES.contains(&part) {
            fault(format!("is named `{part}`, which says nothing about what it holds"));
        }
    }
    for line in without_a_span(file) {
        fault(format!(
            "line {line} starts a task without a span, so that its log says not what it is for: \
             .in_current_span() or .instrument(span), or a remark with the word `span` above it"
        ));
    }
    // Cargo makes a test program of every file in `tests`, and so what they share can only be a `mod.rs`.
    let shared_by_tests = file.path.iter().any(|part| part == "tests");
    if file.path.file_name().is_some_and(|name| name == "mod.rs") && !shared_by_tests {
        for statement in statements(&file.text) {
            if !is_module_or_export(&statement) {
                fault(format!("holds more than documentation and re-exports: `{statement}`"));
            }
        }
    }
    faults
}

/// Lines of library code that start a task of tokio outside of any span. What is done for a request has its ids on each
/// line of the log only so.
fn without_a_span(file: &SourceFile) -> Vec<usize> {
    let in_library = file.path.starts_with("crates")
        && !["cli", "testkit"].iter().any(|name| file.path.starts_with(format!("crates/{name}")))
        && file.path.iter().any(|part| part == "src")
        && !file.path.iter().any(|part| part == "tests" || part == "tests.rs");
    if !in_library {
        return Vec::new();
    }
    let code = file.text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines: Vec<&str> = code.lines().collect();
    let is_bare = |(place, line): (usize, &&str)| {
        let (_, call) = line.split_once("tokio::spawn(")?;
        let rest = lines.get(place + 1..).unwrap_or_default().iter().copied();
        let has_span = std::iter::once(call)
            .chain(rest)
            .scan(1_i32, |open, line| {
                if *open <= 0 {
                    return None;
                }
                for c in line.chars() {
                    *open += i32::from(c == '(') - i32::from(c == ')');
                }
                Some(line)
            })
            .any(|line| line.contains("in_current_span()") || line.contains(".instrument("));
        let before = place.checked_sub(1).and_then(|before| lines.get(before));
        let is_said = before.is_some_and(|line| line.trim().starts_with("//") && line.contains("span"));
        (!has_span && !is_said).then_some(place + 1)
    };
    lines.iter().enumerate().filter_map(is_bare).collect()
}

/// The statements of a file without comments and attributes, each on one line and at most 60 characters.
fn statements(text: &str) -> Vec<String> {
    let mut in_attribute = false;
    let code: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| {
            let attribute = in_attribute || line.starts_with('#');
            in_attribute = attribute && !line.ends_with(']');
            !line.is_empty() && !line.starts_with("//") && !attribute
        })
        .collect();
    code.join(" ")
        .split_inclusive(';')
        .map(|statement| statement.trim().chars().take(60).collect::<String>())
        .filter(|statement| !statement.is_empty())
        .collect()
}

fn is_module_or_export(statement: &str) -> bool {
    let words = match statement.strip_prefix("pub") {
        // `pub(crate)`, `pub(super)` and `pub(in path)`.
        Some(rest) if rest.starts_with('(') => rest.split_once(')').map_or(rest, |(_, rest)| rest),
        Some(rest) => rest,
        None => statement,
    };
    let words = words.trim_start();
    // A module with a body would hold code.
    (words.starts_with("mod ") && words.ends_with(';')) || words.starts_with("use ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults_of(path: &str, text: &str) -> Vec<String> {
        faults(&SourceFile { path: path.into(), text: text.to_owned() })
    }

    #[test]
    fn a_tidy_file_has_no_faults() {
        let module = "//! Docs.\n\n// Why.\nmod a;\n#[cfg(test)]\nmod tests;\npub(crate) mod b;\n\
                      pub use a::{\n    One,\n    Two,\n};\npub(in crate::x) use b::Three;\n";
        assert_eq!(faults_of("crates/x/src/y/mod.rs", module), Vec::<String>::new());
        assert_eq!(faults_of("crates/x/src/y.rs", "//! Docs.\nfn y() {}\n"), Vec::<String>::new());
        let with_attribute = "//! Docs.\n#![allow(\n    dead_code,\n    reason = \"why\"\n)]\nmod a;\n";
        assert_eq!(faults_of("crates/x/src/y/mod.rs", with_attribute), Vec::<String>::new());
        assert_eq!(faults_of("crates/x/tests/y/mod.rs", "//! Docs.\npub fn y() {}\n"), Vec::<String>::new());
    }

    #[test]
    fn a_task_of_a_library_has_a_span() {
        let of =
            |path: &str, code: &str| faults_of(path, &format!("//! Docs.\nfn f() {{\n{code}\n}}\n")).len();
        let (bare, in_src) = ("tokio::spawn(run(a, (b)));", "crates/x/src/y.rs");
        assert_eq!(of(in_src, bare), 1);
        assert_eq!(
            of(in_src, "let it = async {\n.instrument(x)\n};\ntokio::spawn(async move {\nf();\n});"),
            1
        );
        for fine in [
            "tokio::spawn(run(a).in_current_span());",
            "tokio::spawn(\n    run(a)\n        .instrument(span),\n);",
            "// It serves all, so it has no span.\ntokio::spawn(run());",
        ] {
            assert_eq!(of(in_src, fine), 0, "{fine}");
        }
        for path in
            ["crates/cli/src/y.rs", "crates/testkit/src/y.rs", "crates/x/tests/y.rs", "xtask/src/y.rs"]
        {
            assert_eq!(of(path, bare), 0, "{path}");
        }
        assert_eq!(of(in_src, &format!("}}\n#[cfg(test)]\nmod tests {{\n{bare}")), 0);
    }

    #[test]
    fn every_kind_of_fault_is_seen() {
        for (path, text, part) in [
            ("crates/x/src/y.rs", "fn y() {}\n".to_owned(), "does not begin"),
            ("crates/x/src/y.rs", format!("//! Docs.\n{}", "\n".repeat(800)), "has 801 lines"),
            ("crates/x/src/utils.rs", "//! Docs.\n".to_owned(), "is named `utils`"),
            ("crates/x/src/common/y.rs", "//! Docs.\n".to_owned(), "is named `common`"),
            ("crates/x/src/y/mod.rs", "//! Docs.\nmod a;\nfn f() {}\n".to_owned(), "holds more"),
            ("crates/x/src/y/mod.rs", "//! Docs.\nmod a { const X: u8 = 1; }\n".to_owned(), "holds more"),
        ] {
            let faults = faults_of(path, &text);
            assert!(faults.len() == 1 && faults[0].contains(part), "{faults:?} has no {part:?}");
        }
    }
}
