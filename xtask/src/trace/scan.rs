//! Finds tests and what they cite in Rust files. Main type: [`Citation`]. It reads line by line: our files go
//! through rustfmt, so documentation, attributes and the function's head each stand on lines of their own.

use crate::sources::SourceFile;

use super::criteria::{Criterion, cited};

/// A test that stands for a criterion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Citation {
    pub(crate) criterion: Criterion,
    /// `path::function`.
    pub(crate) test: String,
}

/// Every citation of the files.
pub(crate) fn citations(files: &[SourceFile]) -> Vec<Citation> {
    let mut found = Vec::new();
    for file in files {
        let contract = contract_is_used(file, files);
        // Documentation and attributes seen since the last line of code.
        let (mut documentation, mut is_test) = (String::new(), false);
        for line in file.text.lines().map(str::trim) {
            if let Some(text) = line.strip_prefix("///") {
                documentation.push_str(text);
                documentation.push('\n');
            } else if line.starts_with("#[") {
                is_test |= is_test_attribute(line);
            } else if !line.starts_with("//") {
                if let Some(name) = function_name(line)
                    && (is_test || (contract && line.starts_with("pub async fn")))
                {
                    let test = format!("{}::{name}", file.path.display());
                    found.extend(
                        cited(&documentation)
                            .into_iter()
                            .map(|criterion| Citation { criterion, test: test.clone() }),
                    );
                }
                documentation.clear();
                is_test = false;
            }
        }
    }
    found
}

/// `#[test]`, `#[tokio::test]` and `#[tokio::test(…)]`.
fn is_test_attribute(line: &str) -> bool {
    let name = line.trim_start_matches("#[");
    let name = name.split(['(', ']']).next().unwrap_or_default();
    name == "test" || name.ends_with("::test")
}

fn function_name(line: &str) -> Option<&str> {
    let (head, rest) = line.split_once("fn ")?;
    let words = ["pub", "async", "pub(crate)", "pub(super)", "const"];
    if !head.split_whitespace().all(|word| words.contains(&word)) {
        return None;
    }
    rest.split(['(', '<']).next()
}

/// The functions of a port's contract become tests by its macro, `<port>_contract!`. They count as tests as soon
/// as some file outside the contract uses that macro.
fn contract_is_used(file: &SourceFile, files: &[SourceFile]) -> bool {
    let in_contract = |file: &SourceFile| file.path.iter().any(|part| part == "contract");
    let Some(port) = file.path.file_stem().and_then(|stem| stem.to_str()) else { return false };
    let call = format!("{port}_contract!(");
    in_contract(file)
        && files.iter().filter(|other| !in_contract(other)).any(|other| {
            other.text.lines().map(str::trim).any(|line| !line.starts_with("//") && line.contains(&call))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> SourceFile {
        SourceFile { path: path.into(), text: text.to_owned() }
    }

    fn names(files: &[SourceFile]) -> Vec<String> {
        citations(files).iter().map(|citation| format!("{} {}", citation.criterion, citation.test)).collect()
    }

    #[test]
    fn only_tests_cite() {
        let text = "/// R1.1\nfn not_a_test() {}\n\n/// R1.2, R1.3\n#[test]\nfn one() {}\n\n\
                    /// R1.4\n#[tokio::test(start_paused = true)]\nasync fn two() {}\n\n\
                    /// R1.5\nstruct Other;\n#[test]\nfn three() {}\n// R1.6\n#[test]\nfn four() {}\n";
        assert_eq!(names(&[file("a.rs", text)]), ["R1.2 a.rs::one", "R1.3 a.rs::one", "R1.4 a.rs::two"]);
    }

    #[test]
    fn a_contract_counts_when_somebody_runs_it() {
        let contract =
            file("crates/testkit/src/contract/transport.rs", "/// R1.4\npub async fn rule(s: &S) {}\n");
        let user = |text| file("crates/transport/tests/ssh.rs", text);
        assert_eq!(names(&[contract]), Vec::<String>::new());
        let contract =
            file("crates/testkit/src/contract/transport.rs", "/// R1.4\npub async fn rule(s: &S) {}\n");
        let files = [contract, user("pabawi_testkit::transport_contract!(ssh, subject);\n")];
        assert_eq!(names(&files), ["R1.4 crates/testkit/src/contract/transport.rs::rule"]);
    }
}
