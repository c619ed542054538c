//! [`Start`]: what is known before a command line is understood: the configuration, and from it the commands.

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Command, CommandFactory as _};

use crate::args::Cli;
use crate::command::config::{Known, no_faults};
use crate::config::{Config, Fault, KEYS, Places, load};
use crate::defaults::with_defaults;
use crate::line::{Line, early};
use crate::text::{Colour, Style};

/// What is known at the beginning.
pub(crate) struct Start {
    places: Places,
    config: Config,
    /// What is wrong with the configuration. Nothing of it is used then.
    pub(crate) faults: Vec<Fault>,
    line: Line,
}

impl Start {
    /// Reads the configuration files and looks at how the command line begins.
    pub(crate) fn of(arguments: &[OsString]) -> Self {
        let places = Places::of_process();
        let (config, faults) = load(&places);
        Self { places, config, faults, line: Line::read(arguments) }
    }

    /// The commands as they can be meant.
    pub(crate) fn tree(&self) -> Command {
        let tree = early(Cli::command());
        if self.faults.is_empty() { with_defaults(tree, &self.config, &self.line) } else { tree }
    }

    /// What is said of a command line that is not understood.
    pub(crate) fn not_understood(&self, error: &clap::Error) -> ExitCode {
        let is_told = matches!(
            error.kind(),
            ErrorKind::DisplayHelp
                | ErrorKind::DisplayVersion
                | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
        );
        // Nothing can be done when the output is closed.
        let _ = error.print();
        if !is_told && let Err(failure) = no_faults(&self.faults) {
            // What is missing may stand in there.
            crate::tell(&failure, false);
        }
        ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
    }

    /// What `pab config` shows.
    pub(crate) fn known(&self, matches: &ArgMatches) -> Known<'_> {
        let given = KEYS.iter().map(|key| if key.name == "color" { "no-color" } else { key.name });
        let given = given.filter_map(|name| {
            let id = name.replace('-', "_");
            // Only options of every command can be given to this one.
            let source = matches.try_contains_id(&id).ok().and_then(|_| matches.value_source(&id))?;
            let value = matches.get_raw(&id)?.next()?.to_string_lossy().into_owned();
            (source == ValueSource::CommandLine).then_some((name, value))
        });
        Known { places: &self.places, config: &self.config, faults: &self.faults, given: given.collect() }
    }

    /// Tells what a person should know of the files.
    pub(crate) fn warn(&self, no_color: bool) {
        let style = Style::of(&std::io::stderr(), no_color);
        for warning in &self.config.warnings {
            let word = style.paint(Colour::Yellow, "warning:");
            // Nothing can be done when standard error is closed.
            let _ = writeln!(std::io::stderr(), "{word} {warning}");
        }
    }
}
