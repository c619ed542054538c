//! [`Start`]: what is known before a command line is understood: the configuration, and from it the commands.

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args as _, Command, CommandFactory as _, FromArgMatches as _};

use crate::Program;
use crate::args::{Cli, GlobalArgs, LogFormat};
use crate::command::config::{Known, no_faults};
use crate::command::help;
use crate::config::{Config, Fault, JournalConfig, KEYS, Places, load};
use crate::defaults::with_defaults;
use crate::exit::Failure;
use crate::generated::{plugin, verbs};
use crate::guard::Guard;
use crate::line::{Line, early};
use crate::plugins::Plugins;
use crate::text::{Colour, Style};

/// What is known at the beginning.
pub(crate) struct Start {
    places: Places,
    config: Config,
    /// What is wrong with the configuration. Nothing of it is used then.
    pub(crate) faults: Vec<Fault>,
    /// The plugins.
    pub(crate) plugins: Plugins,
    /// Who decides about callers.
    pub(crate) guard: Guard,
    line: Line,
    /// The commands that `pab` has itself, with their other names.
    core: Vec<String>,
}

impl Start {
    /// Reads the configuration files and looks at how the command line begins.
    pub(crate) fn of(arguments: &[OsString], program: Program) -> Self {
        let places = Places::of_process();
        let (config, faults) = load(&places);
        let configured = if faults.is_empty() { config.plugins.clone() } else { Vec::new() };
        let Program { plugins, authorizer } = program;
        let plugins = Plugins::new(plugins, configured);
        let guard = Guard::new(authorizer, faults.is_empty().then(|| config.guard.clone()));
        let mut core = vec!["help".to_owned()];
        for command in Cli::command().get_subcommands() {
            core.push(command.get_name().to_owned());
            core.extend(command.get_all_aliases().map(str::to_owned));
        }
        Self { places, config, faults, plugins, guard, line: Line::read(arguments), core }
    }

    /// The commands as they can be meant.
    pub(crate) fn tree(&self) -> Command {
        let mut tree = early(Cli::command()).disable_help_subcommand(true).subcommand(help::command());
        for word in verbs::words() {
            let is_meant = self.line.wants_all() || self.line.means(word);
            tree = tree.subcommand(match is_meant {
                true => verbs::command(word, &self.plugins.all().0),
                false => verbs::shallow(word),
            });
        }
        for name in self.plugins.names() {
            if self.is_core(name.as_str()) || verbs::is_verb(name.as_str()) {
                continue;
            }
            tree = tree.subcommand(self.of_plugin(name.as_str()));
        }
        if self.faults.is_empty() { with_defaults(tree, &self.config, &self.line) } else { tree }
    }

    /// The command of a plugin, as far as it is needed.
    fn of_plugin(&self, name: &str) -> Command {
        let is_meant = self.line.wants_all() || self.line.means(name);
        if !is_meant && !self.line.wants_names() {
            return plugin::shallow(name);
        }
        match self.plugins.described(name) {
            Some(Ok(described)) if is_meant => plugin::command(&described),
            Some(Ok(described)) => plugin::shallow(name).about(described.about),
            Some(Err(failure)) => plugin::shallow(name).about(format!("Cannot be used: {failure}")),
            None => plugin::shallow(name),
        }
    }

    /// Whether `pab` has a command of that name itself, so that no plugin's can be meant.
    pub(crate) fn is_core(&self, word: &str) -> bool {
        self.core.iter().any(|core| core == word)
    }

    /// The options of every command, as far as they can be read where the line is not whole.
    pub(crate) fn global(&self, words: &[OsString]) -> GlobalArgs {
        let command = GlobalArgs::augment_args(Command::new("pab"))
            .disable_help_flag(true)
            .ignore_errors(true)
            .allow_external_subcommands(true);
        let command = with_defaults(command, &self.config, &Line::default());
        let matches = command.try_get_matches_from(words).unwrap_or_default();
        let mut global = GlobalArgs::from_arg_matches(&matches).unwrap_or_else(|_| GlobalArgs {
            db: None,
            no_color: true,
            log_level: None,
            log_format: LogFormat::Text,
            metrics_file: None,
            #[cfg(feature = "otlp")]
            otlp_endpoint: None,
            journal: Arc::default(),
            plugins: Plugins::default(),
            guard: Guard::default(),
            defaults: Vec::new(),
        });
        global.plugins = self.plugins.clone();
        global.guard = self.guard.clone();
        global.defaults = self.config.defaults().map(|(key, values)| (key.name.to_owned(), values)).collect();
        global
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
        if !is_told && let Some(name) = self.hidden_plugin() {
            let text = format!(
                "{name} is a command of pab, so that the plugin {name} has no command of its own; what it can do is \
                 reached with --plugin {name}, such as pab task TASK --plugin {name}"
            );
            crate::tell(&Failure::usage(text), false);
        }
        if !is_told && let Err(failure) = no_faults(&self.faults) {
            // What is missing may stand in there.
            crate::tell(&failure, false);
        }
        ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
    }

    /// The first word, where a plugin has it as its name but a command of `pab` too.
    fn hidden_plugin(&self) -> Option<&str> {
        let word = self.line.word.as_deref().filter(|word| self.is_core(word) || verbs::is_verb(word))?;
        self.plugins.names().iter().any(|name| name.as_str() == word).then_some(word)
    }

    /// What the configuration says of the journal; nothing where something is wrong with it.
    pub(crate) fn journal(&self) -> Arc<JournalConfig> {
        Arc::new(if self.faults.is_empty() { self.config.journal.clone() } else { JournalConfig::default() })
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
