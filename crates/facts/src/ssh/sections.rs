//! The script's output cut into its sections: [`Sections`]. The output is the node's: nothing in it is believed.

/// The most bytes of output that are looked at.
pub(super) const MAX_BYTES: usize = 8 * 1024 * 1024;

/// The sections in their order, each with its lines. A name may come more than once.
#[derive(Debug, Default)]
pub(super) struct Sections<'a> {
    all: Vec<(&'a str, Vec<&'a str>)>,
    ended: bool,
}

impl<'a> Sections<'a> {
    /// Cuts the output. What stands before the first section, as a login script may print it, and what is neither the
    /// name of a section nor its content is left out.
    pub(super) fn of(output: &'a str) -> Self {
        let mut sections = Self::default();
        for line in output.lines() {
            let line = line.trim_end_matches('\r');
            match (line.strip_prefix('@'), line.strip_prefix(' ')) {
                (Some("end"), _) => {
                    sections.ended = true;
                    break;
                }
                (Some(name), _) => sections.all.push((name, Vec::new())),
                (None, Some(content)) => {
                    if let Some((_, lines)) = sections.all.last_mut() {
                        lines.push(content);
                    }
                }
                (None, None) => {}
            }
        }
        sections
    }

    /// Whether the script came to its end.
    pub(super) fn ended(&self) -> bool {
        self.ended
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'a str, &[&'a str])> {
        self.all.iter().map(|(name, lines)| (*name, lines.as_slice()))
    }

    /// The lines of a section; none where it is absent.
    pub(super) fn lines(&self, name: &str) -> &[&'a str] {
        self.all.iter().find(|(known, _)| *known == name).map_or(&[], |(_, lines)| lines.as_slice())
    }

    /// The first line of a section that says something, without blanks around it.
    pub(super) fn value(&self, name: &str) -> Option<&'a str> {
        self.lines(name).iter().map(|line| line.trim()).find(|line| !line.is_empty())
    }

    /// The same as a number.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.value(name)?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_content_is_taken_for_a_name() {
        let sections = Sections::of("motd\n x\n@a\n @b\n  two\n\n@c\r\n 7\r\n@a\n again\n@end\n@late\n");
        assert_eq!(sections.lines("a"), ["@b", " two"]);
        assert_eq!((sections.value("a"), sections.number("c")), (Some("@b"), Some(7)));
        assert_eq!(sections.iter().count(), 3);
        assert!(sections.ended());
        assert!(!Sections::of("@a\n x").ended());
        assert_eq!(Sections::of("").value("a"), None);
    }
}
