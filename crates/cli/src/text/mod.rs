//! Text for people: what a terminal may be shown, lines out of pieces of output, tables.

mod lines;
mod pace;
mod style;
mod table;

pub(crate) use lines::LineSplitter;
pub(crate) use pabawi::escape_for_terminal;
pub(crate) use pace::pace_text;
pub(crate) use style::{Colour, Style};
pub(crate) use table::Table;
