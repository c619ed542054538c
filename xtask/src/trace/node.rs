//! Finds what the tests of the Node package cite: [`node_citations`]. A test is a line that begins with `it(`, and cites in the
//! comment right above it.

use crate::sources::SourceFile;

use super::criteria::cited;
use super::scan::Citation;

/// Every citation of the files.
pub(crate) fn node_citations(files: &[SourceFile]) -> Vec<Citation> {
    let mut found = Vec::new();
    for file in files {
        let mut comment = String::new();
        for line in file.text.lines().map(str::trim) {
            if let Some(text) = line.strip_prefix("//") {
                comment.push_str(text);
                comment.push('\n');
                continue;
            }
            if let Some(name) = test_name(line) {
                let test = format!("{}::{name}", file.path.display());
                found.extend(
                    cited(&comment).into_iter().map(|criterion| Citation { criterion, test: test.clone() }),
                );
            }
            comment.clear();
        }
    }
    found
}

/// The text between the quotes of `it("…", …)`.
fn test_name(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("it(")?;
    let quote = rest.chars().next().filter(|quote| matches!(quote, '"' | '\'' | '`'))?;
    rest.get(1..)?.split(quote).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_comment_right_above_a_test_cites() {
        let text = "// R1.1: a file\nimport x;\n// R1.2, R1.3\nit(\"is one\", () => {\n  // R1.4\n  f();\n});\n\
                    // R1.5\nfor (const a of b) {\n  // R1.6\n  it(`is ${a}`, async () => {});\n}\nit(name, f);\n";
        let found = node_citations(&[SourceFile { path: "a.test.mjs".into(), text: text.to_owned() }]);
        let found: Vec<String> = found.iter().map(|one| format!("{} {}", one.criterion, one.test)).collect();
        assert_eq!(found, ["R1.2 a.test.mjs::is one", "R1.3 a.test.mjs::is one", "R1.6 a.test.mjs::is ${a}"]);
    }
}
