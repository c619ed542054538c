//! What stands between `${` and `}`: [`Reference`]. A text is cut into [`Part`]s once and the parts are looked at
//! by the check and replaced by the rendering, so that both mean the same.
//!
//! `${NAME}` without a dot, `${NAME:-x}` and whatever else a shell understands are no references and stay as they
//! are: names of shell variables hold no dot. `$${` is a `${` that is not looked at.

use std::fmt;

/// A value that is known when a task starts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reference {
    /// `${parameters.NAME}`: a parameter of the task itself.
    Parameter(String),
    /// `${tasks.TASK.status}`: where a prerequisite stands, such as `completed`.
    Status {
        /// The prerequisite.
        task: String,
    },
    /// `${tasks.TASK.nodes.NODE.FIELD}`: what came of one node of a prerequisite.
    Node {
        /// The prerequisite.
        task: String,
        /// The node.
        node: String,
        /// What of it.
        field: NodeField,
    },
}

impl Reference {
    /// The task that it speaks of, where it is another one.
    pub fn task(&self) -> Option<&str> {
        match self {
            Self::Parameter(_) => None,
            Self::Status { task } | Self::Node { task, .. } => Some(task),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parameter(name) => write!(f, "${{parameters.{name}}}"),
            Self::Status { task } => write!(f, "${{tasks.{task}.status}}"),
            Self::Node { task, node, field } => {
                write!(f, "${{tasks.{task}.nodes.{node}.{}}}", field.as_str())
            }
        }
    }
}

/// What can be known of a node of a prerequisite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NodeField {
    /// Its standard output as text, without line breaks at the end, as a shell's `$(...)` gives it.
    Stdout,
    /// Its standard error, likewise.
    Stderr,
    /// The exit status, a number. A node whose process did not end by itself has none.
    ExitCode,
    /// The word of its outcome, such as `succeeded` or `timedOut`.
    Outcome,
}

impl NodeField {
    const ALL: [Self; 4] = [Self::Stdout, Self::Stderr, Self::ExitCode, Self::Outcome];

    /// The word in a reference.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
            Self::ExitCode => "exitCode",
            Self::Outcome => "outcome",
        }
    }
}

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// As it is.
    Text(String),
    /// To be replaced by its value.
    Reference(Reference),
}

/// Cuts a text into its parts.
///
/// # Errors
/// One sentence for each thing that looks like a reference and is none.
pub(super) fn parts(text: &str) -> Result<Vec<Part>, Vec<String>> {
    let mut parts = Vec::new();
    let mut faults = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    // Ends: every turn takes at least the two characters that it found.
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at_checked(at).unwrap_or((rest, ""));
        let after = from.get(2..).unwrap_or_default();
        if let Some(escaped) = before.strip_suffix('$') {
            plain.push_str(escaped);
            plain.push_str("${");
            rest = after;
            continue;
        }
        plain.push_str(before);
        if !looks_like_one(after) {
            plain.push_str("${");
            rest = after;
            continue;
        }
        let Some((inside, behind)) = after.split_once('}') else {
            faults.push(format!("\"${{{}\" has no '}}'", shown(after)));
            break;
        };
        match parse(inside) {
            Ok(reference) => {
                if !plain.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut plain)));
                }
                parts.push(Part::Reference(reference));
            }
            Err(fault) => faults.push(format!("${{{}}}: {fault}", shown(inside))),
        }
        rest = behind;
    }
    plain.push_str(rest);
    if !plain.is_empty() {
        parts.push(Part::Text(plain));
    }
    if faults.is_empty() { Ok(parts) } else { Err(faults) }
}

/// Whether a name and a dot follow, which no shell understands.
fn looks_like_one(after: &str) -> bool {
    let name = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
    name > 0 && after.get(name..).is_some_and(|rest| rest.starts_with('.'))
}

fn parse(inside: &str) -> Result<Reference, String> {
    let known = "known are parameters.NAME, tasks.TASK.status and tasks.TASK.nodes.NODE.FIELD; write $${ for a \
                 ${ that is none";
    if let Some(name) = inside.strip_prefix("parameters.") {
        return if name.is_empty() {
            Err("names no parameter".to_owned())
        } else {
            Ok(Reference::Parameter(name.to_owned()))
        };
    }
    let Some(rest) = inside.strip_prefix("tasks.") else { return Err(known.to_owned()) };
    // Names of tasks and of nodes hold dots, so the fixed words are looked for.
    let Some((task, of_node)) = rest.split_once(".nodes.") else {
        return match rest.rsplit_once('.') {
            Some((task, "status")) if !task.is_empty() => Ok(Reference::Status { task: task.to_owned() }),
            Some((task, field)) if !task.is_empty() && field != "nodes" => {
                Err(format!("unknown field {field:?} of a task; known are status and nodes.NODE.FIELD"))
            }
            _ => Err(known.to_owned()),
        };
    };
    let Some((node, field)) =
        of_node.rsplit_once('.').filter(|(node, _)| !node.is_empty() && !task.is_empty())
    else {
        return Err(known.to_owned());
    };
    let Some(field) = NodeField::ALL.into_iter().find(|known| known.as_str() == field) else {
        let all: Vec<&str> = NodeField::ALL.iter().map(|field| field.as_str()).collect();
        return Err(format!("unknown field {field:?} of a node; known are {}", all.join(", ")));
    };
    Ok(Reference::Node { task: task.to_owned(), node: node.to_owned(), field })
}

fn shown(text: &str) -> String {
    const SHOWN: usize = 60;
    let mut shown: String = text.chars().take(SHOWN).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(part: &str) -> Part {
        Part::Text(part.to_owned())
    }

    fn node(task: &str, node: &str, field: NodeField) -> Part {
        Part::Reference(Reference::Node { task: task.into(), node: node.into(), field })
    }

    #[test]
    fn references_are_told_from_what_a_shell_means() {
        let found = parts("a ${tasks.build.x.nodes.web1.example.org.exitCode}b${tasks.a.status}").unwrap();
        let status = Part::Reference(Reference::Status { task: "a".into() });
        let expected =
            [text("a "), node("build.x", "web1.example.org", NodeField::ExitCode), text("b"), status];
        assert_eq!(found, expected);
        for same in ["", "$HOME ${HOME} ${x:-y.z} ${#a} ${a%.txt} $", "${", "${}", "a}b"] {
            let joined = if same.is_empty() { vec![] } else { vec![text(same)] };
            assert_eq!(parts(same).unwrap(), joined, "{same}");
        }
        assert_eq!(parts("$${parameters.x} $${HOME}").unwrap(), [text("${parameters.x} ${HOME}")]);
        assert_eq!(
            parts("${parameters.a b}").unwrap(),
            [Part::Reference(Reference::Parameter("a b".into()))]
        );
    }

    #[test]
    fn what_only_looks_like_one_is_named() {
        for (bad, why) in [
            ("${task.build.status}", "known are parameters.NAME"),
            ("${tasks.build.state}", "unknown field \"state\" of a task"),
            ("${tasks.build.nodes.a.stout}", "unknown field \"stout\" of a node; known are stdout"),
            ("${tasks.build.nodes}", "known are"),
            ("${tasks..status}", "known are"),
            ("${tasks..nodes.a.stdout}", "known are"),
            ("${parameters.}", "names no parameter"),
            ("${parameters.x", "has no '}'"),
        ] {
            let faults = parts(bad).unwrap_err();
            assert!(faults.len() == 1 && faults[0].contains(why), "{bad}: {faults:?}");
        }
        assert_eq!(parts("${a.b} and ${c.d}").unwrap_err().len(), 2);
    }

    proptest! {
        #[test]
        fn any_text_is_cut_or_refused(text in "[${}.a-z]{0,40}") {
            let _ = parts(&text);
        }

        #[test]
        fn a_reference_reads_back(task in "[a-z]{1,8}", node in "[a-z.]{0,6}[a-z]", field in 0usize..4) {
            let reference = Reference::Node { task, node, field: NodeField::ALL[field] };
            prop_assert_eq!(parts(&reference.to_string()).unwrap(), [Part::Reference(reference)]);
        }
    }
}
