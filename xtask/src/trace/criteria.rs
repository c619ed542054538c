//! The acceptance criteria by number. Main type: [`Criterion`]. The words are in the requirements document.

use std::fmt;

/// How many criteria each requirement has, from requirement 1 on.
const COUNTS: [u8; 12] = [8, 10, 10, 8, 12, 8, 8, 8, 8, 8, 14, 10];

/// One acceptance criterion: R7.2 is the second of requirement 7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Criterion {
    pub(crate) requirement: u8,
    pub(crate) number: u8,
}

impl Criterion {
    /// All of them, in order.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (1_u8..)
            .zip(COUNTS)
            .flat_map(|(requirement, count)| (1..=count).map(move |number| Self { requirement, number }))
    }

    /// Whether there is such a criterion.
    pub(crate) fn exists(self) -> bool {
        Self::all().any(|criterion| criterion == self)
    }
}

impl fmt::Display for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("R{}.{}", self.requirement, self.number))
    }
}

/// Every `R<n>.<m>` in a text, in order. `R1` alone is a whole requirement and not among them.
pub(crate) fn cited(text: &str) -> Vec<Criterion> {
    let mut found = Vec::new();
    for word in text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '.') {
        let Some((requirement, number)) = word.strip_prefix('R').and_then(|rest| rest.split_once('.')) else {
            continue;
        };
        // A citation may end a sentence.
        if let (Ok(requirement), Ok(number)) = (requirement.parse(), number.trim_end_matches('.').parse()) {
            found.push(Criterion { requirement, number });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_112_criteria() {
        assert_eq!(Criterion::all().count(), 112);
        assert!(Criterion { requirement: 11, number: 14 }.exists());
        assert!(!Criterion { requirement: 1, number: 9 }.exists());
        assert!(!Criterion { requirement: 13, number: 1 }.exists());
    }

    #[test]
    fn citations_are_found_among_words() {
        let names: Vec<String> = cited("R1.4, R11.14: see (R2.3) and R5.1. Not R7, r1.1, XR1.2, R1.x or 1.2")
            .iter()
            .map(Criterion::to_string)
            .collect();
        assert_eq!(names, ["R1.4", "R11.14", "R2.3", "R5.1"]);
    }
}
