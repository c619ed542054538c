//! [`Style`]: whether colour is used on a stream, and how it is written.

use std::io::IsTerminal;

/// Whether colour is used on one stream, and whether a person's terminal is at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Style {
    /// Text may be coloured.
    pub(crate) colour: bool,
    /// The stream is a terminal.
    pub(crate) terminal: bool,
}

/// A colour of the terminal's own palette.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colour {
    Bold,
    Red,
    Green,
    Yellow,
    Cyan,
}

impl Style {
    /// The style of a stream: colour only on a terminal, never with `NO_COLOR` (<https://no-color.org>: set
    /// and not empty), never where `TERM` is `dumb`, and never when `no_color` is given.
    pub(crate) fn of(stream: &impl IsTerminal, no_color: bool) -> Self {
        let terminal = stream.is_terminal();
        let forbidden = no_color
            || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self { colour: terminal && !forbidden, terminal }
    }

    /// Neither colour nor terminal.
    #[cfg(test)]
    pub(crate) fn plain() -> Self {
        Self { colour: false, terminal: false }
    }

    /// The text in that colour, where colour is used.
    pub(crate) fn paint(&self, colour: Colour, text: &str) -> String {
        if !self.colour {
            return text.to_owned();
        }
        let code = match colour {
            Colour::Bold => "1",
            Colour::Red => "31",
            Colour::Green => "32",
            Colour::Yellow => "33",
            Colour::Cyan => "36",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_written_only_where_it_is_used() {
        assert_eq!(Style::plain().paint(Colour::Red, "x"), "x");
        assert_eq!(Style { colour: true, terminal: true }.paint(Colour::Red, "x"), "\x1b[31mx\x1b[0m");
        let file = tempfile::tempfile().unwrap();
        assert_eq!(Style::of(&file, false), Style::plain());
    }
}
