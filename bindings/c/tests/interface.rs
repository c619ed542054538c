//! The interface itself: the header in every language that reads it, the symbols that are exported, versions, numbers.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::collections::BTreeSet;
use std::process::Command;

use support::{Program, With, good, library, place};

/// The functions that the header declares.
fn declared() -> BTreeSet<String> {
    let header = std::fs::read_to_string(place().join("include/pabawi.h")).unwrap();
    let lines = header.lines().filter(|line| !line.starts_with([' ', '/', '#', 't', '}']));
    let names = lines.filter_map(|line| line.split_once('(')?.0.rsplit([' ', '*']).next());
    names.map(str::to_owned).filter(|name| name.starts_with("pabawi_")).collect()
}

/// What the library of a path exports.
fn exported() -> BTreeSet<String> {
    let mut nm = Command::new("nm");
    nm.args(["--dynamic", "--defined-only"]).arg(library().join("libpabawi.so"));
    let told = String::from_utf8(good(&mut nm, "nm").stdout).unwrap();
    told.lines().filter_map(|line| line.split_whitespace().nth(2)).map(str::to_owned).collect()
}

#[test]
fn what_is_exported_is_what_the_header_declares_and_nothing_else() {
    let mut exported = exported();
    // Only in builds for tests.
    assert!(exported.remove("pabawi_test_panic"));
    assert!(exported.len() >= 40, "{exported:?}");
    assert_eq!(exported, declared());
}

#[test]
fn the_library_has_a_soname_with_the_abi_version() {
    let told = good(Command::new("readelf").arg("-d").arg(library().join("libpabawi.so")), "readelf");
    assert!(String::from_utf8_lossy(&told.stdout).contains("soname: [libpabawi.so.1]"));
}

#[test]
fn the_header_is_clean_in_c_and_in_cpp() {
    let folder = tempfile::tempdir().unwrap();
    for (compiler, standard, file) in [
        ("gcc", "c99", "only.c"),
        ("gcc", "c11", "only.c"),
        ("g++", "c++17", "only.cpp"),
        ("g++", "c++20", "only.cpp"),
    ] {
        let source = folder.path().join(file);
        std::fs::write(&source, "#include <pabawi.h>\n#include <pabawi.h>\nint main(void) { return 0; }\n")
            .unwrap();
        let mut compile = Command::new(compiler);
        compile.arg(format!("-std={standard}")).args([
            "-Wall",
            "-Wextra",
            "-Wpedantic",
            "-Wconversion",
            "-Werror",
        ]);
        compile.arg("-I").arg(place().join("include")).arg("-c").arg(&source);
        good(compile.arg("-o").arg(folder.path().join("only.o")), standard);
    }
}

#[test]
fn versions_numbers_and_words_are_told() {
    let told = Program::new("library", With::Nothing).runs::<[&str; 0]>([]);
    assert_eq!(told, format!("{}\n", env!("CARGO_PKG_VERSION")));
}

/// The numbers of the header with their names.
fn numbers() -> Vec<(String, String)> {
    let header = std::fs::read_to_string(place().join("include/pabawi.h")).unwrap();
    let lines = header.lines().filter_map(|line| line.strip_prefix("#define PABAWI_")?.split_once(' '));
    let all = lines.filter(|(name, _)| *name != "ABI_VERSION");
    all.map(|(name, number)| (format!("PABAWI_{name}"), number.to_owned())).collect()
}

#[test]
fn the_documents_have_the_numbers_of_the_header() {
    let readme = std::fs::read_to_string(place().join("README.md")).unwrap();
    let rows = readme.lines().filter_map(|line| line.strip_prefix("| "));
    let told: Vec<(String, String)> = rows
        .filter_map(|row| {
            let (number, rest) = row.split_once(" | `PABAWI_")?;
            Some((format!("PABAWI_{}", rest.split('`').next()?), number.to_owned()))
        })
        .collect();
    assert_eq!(told, numbers());
}

/// The fields of structs with their places: one that is moved, or put before others, changes what programs were compiled to.
fn fields(header: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut inside: Option<(&str, usize)> = None;
    let is_code = |line: &&str| !line.is_empty() && !line.starts_with(['/', '*', '#']);
    for line in header.lines().map(str::trim).filter(is_code) {
        if let Some(name) = line.strip_prefix("typedef struct ").and_then(|line| line.strip_suffix(" {")) {
            inside = Some((name, 0));
        } else if line.starts_with('}') {
            inside = None;
        } else if let Some((name, place)) = &mut inside {
            all.push(format!("{name} field {place}: {}", line.trim_end_matches(';')));
            *place += 1;
        }
    }
    all
}

/// What programs that are compiled rely on: constants, fields of structs, and functions with their types, one a line.
fn interface() -> Vec<String> {
    let header = std::fs::read_to_string(place().join("include/pabawi.h")).unwrap();
    let constants = header.lines().filter_map(|line| line.strip_prefix("#define PABAWI_"));
    let constants: Vec<String> =
        constants.filter(|line| line.contains(' ')).map(|line| format!("PABAWI_{line}")).collect();
    let code: String =
        header.lines().filter(|line| !line.trim_start().starts_with(['/', '*', '#'])).collect();
    let words = code.split_whitespace().collect::<Vec<_>>().join(" ");
    let functions =
        words.split(';').map(str::trim).filter(|line| line.contains("pabawi_") && line.ends_with(')'));
    // What stands before the first of them is no part of it.
    let functions = functions.map(|line| line.rsplit('{').next().unwrap_or(line).trim().to_owned());
    constants.into_iter().chain(fields(&header)).chain(functions).collect()
}

/// A line that is gone or changed breaks programs: then `PABAWI_ABI_VERSION` and the SONAME have to change. New lines are added.
#[test]
fn what_programs_rely_on_is_still_there() {
    let told = std::fs::read_to_string(place().join("abi.txt")).unwrap();
    let told: BTreeSet<&str> = told.lines().collect();
    let now = interface();
    let now: BTreeSet<&str> = now.iter().map(String::as_str).collect();
    let gone: Vec<_> = told.difference(&now).collect();
    assert!(gone.is_empty(), "gone or changed: {gone:#?}");
    let new: Vec<_> = now.difference(&told).collect();
    assert!(new.is_empty(), "new; add to abi.txt: {new:#?}");
    assert!(now.len() > 100, "{now:?}");
}
