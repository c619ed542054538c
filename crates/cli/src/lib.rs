//! `pab`, the command line of Pabawi's execution framework, as a library: the options can be looked at
//! ([`args`]) and the whole program can be run ([`main`]).
//!
//! It knows the facade `pabawi` and nothing below it. The log subscriber, signals, colours and exit statuses
//! are its business and nobody else's.

#![forbid(unsafe_code)]

pub mod args;
pub mod exit;

mod care;
mod command;
mod complete;
mod config;
mod core_file;
mod defaults;
mod difference;
mod generated;
mod guard;
mod line;
mod logging;
mod metrics_file;
mod open;
mod option_names;
mod planned;
mod plugins;
mod prompt;
mod request;
mod rollout;
mod signals;
mod sources;
mod start;
mod text;
mod watch;
mod whole_file;

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{ArgMatches, FromArgMatches as _};
use pabawi::ports::{Authorizer, Plugin};
use serde_json::Value;

use crate::args::{
    Cli, Command, ExecutionsCommand, FactsCommand, GlobalArgs, GraphCommand, InventoryCommand,
};
use crate::exit::{Exit, Failure};
use crate::generated::{plugin, verbs};
use crate::start::Start;
use crate::text::{Colour, Style};

/// Runs `pab` with the arguments of this process.
pub fn main() -> ExitCode {
    Program::new().run()
}

/// A `pab` with something compiled in: a plugin in Rust gets its commands this way, beside those of the configuration file.
#[derive(Clone, Default)]
pub struct Program {
    plugins: Vec<(Arc<dyn Plugin>, Value)>,
    authorizer: Option<Arc<dyn Authorizer>>,
}

impl Program {
    /// `pab` as it is.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a plugin with its configuration.
    #[must_use]
    pub fn plugin(mut self, plugin: impl Plugin, config: Value) -> Self {
        self.plugins.push((Arc::new(plugin), config));
        self
    }

    /// Who decides about callers, in the place of what configuration files could say. Without either, whoever can start the
    /// program may do everything that it can.
    #[must_use]
    pub fn authorizer(mut self, authorizer: impl Authorizer) -> Self {
        self.authorizer = Some(Arc::new(authorizer));
        self
    }

    /// Runs it with the arguments of this process.
    pub fn run(self) -> ExitCode {
        if let Err(error) = core_file::forbid() {
            // Nothing can be done when standard error is closed.
            let _ = writeln!(std::io::stderr(), "warning: core files of pab cannot be forbidden: {error}");
        }
        let arguments: Vec<OsString> = std::env::args_os().collect();
        if let Some(exit) = completed(&arguments, &self) {
            return exit.into();
        }
        let start = Start::of(&arguments, self);
        let matches = match start.tree().try_get_matches_from(arguments) {
            Ok(matches) => matches,
            // --help, --version and bad options, before anything is opened.
            Err(error) => return start.not_understood(&error),
        };
        let no_color = matches.get_flag("no_color");
        match run(&start, &matches) {
            Ok(exit) => exit.into(),
            Err(failure) => {
                tell(&failure, no_color);
                failure.exit.into()
            }
        }
    }
}

/// Writes what a shell offers, where that is asked for.
fn completed(arguments: &[OsString], program: &Program) -> Option<Exit> {
    let (_, rest) = arguments.split_first()?;
    let (word, rest) = rest.split_first()?;
    if *word != *complete::WORD {
        return None;
    }
    let texts: Vec<String> = rest.iter().map(|text| text.to_string_lossy().into_owned()).collect();
    let (Some(shell), Some(typed)) = (texts.first(), complete::typed(&texts)) else {
        return Some(Exit::AllSucceeded);
    };
    let words: Vec<OsString> =
        std::iter::once("pab".into()).chain(typed.before.iter().map(OsString::from)).collect();
    let start = Start::of(&words, program.clone());
    let global = start.global(&words);
    Some(complete::complete(&global, start.tree(), shell, &typed))
}

/// Writes why `pab` ends to standard error.
fn tell(failure: &Failure, no_color: bool) {
    let style = Style::of(&std::io::stderr(), no_color);
    if failure.is_denial() {
        // Nothing can be done when standard error is closed.
        let _ = writeln!(std::io::stderr(), "{}", style.paint(Colour::Red, &failure.message));
        return;
    }
    // Nothing can be done when standard error is closed.
    let _ = writeln!(std::io::stderr(), "{} {failure}", style.paint(Colour::Red, "error:"));
}

fn run(start: &Start, matches: &ArgMatches) -> Result<Exit, Failure> {
    let read = |error: clap::Error| Failure::usage(error.to_string());
    let mut global = GlobalArgs::from_arg_matches(matches).map_err(read)?;
    global.plugins = start.plugins.clone();
    global.guard = start.guard.clone();
    global.journal = start.journal();
    open::no_password_typed(matches, &global)?;
    let Some((word, below)) = matches.subcommand() else {
        return Err(Failure::usage("no command was given"));
    };
    if word == "help" {
        return command::help::help(&global, below, start);
    }
    if !start.is_core(word) {
        command::config::no_faults(&start.faults)?;
        return block_on(start, &global, async || {
            if verbs::is_verb(word) {
                return verbs::run(&global, word, below).await;
            }
            match global.plugins.described(word) {
                Some(described) => plugin::run(&global, &described?, below).await,
                None => Err(Failure::usage(format!("there is no command {word}"))),
            }
        });
    }
    let mut cli = Cli::from_arg_matches(matches).map_err(read)?;
    cli.global = global;
    match &cli.command {
        Command::Completions { shell } => return command::generate::completions(*shell, start.tree()),
        Command::Man(args) => return command::generate::man(args, start.tree()),
        Command::Config(command) => {
            return command::config::config(&cli.global, command, &start.known(matches));
        }
        _ => command::config::no_faults(&start.faults)?,
    }
    block_on(start, &cli.global.clone(), async || dispatch(cli).await)
}

/// Does something with a log and a runtime.
fn block_on(
    start: &Start,
    global: &GlobalArgs,
    what: impl AsyncFnOnce() -> Result<Exit, Failure>,
) -> Result<Exit, Failure> {
    metrics_file::check(global)?;
    logging::install(global)?;
    start.warn(global.no_color);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::nothing_ran(format!("start the runtime: {error}")))?;
    let result = runtime.block_on(what());
    // What still runs (a run that was left, a file that is read) must not hold the exit.
    runtime.shutdown_background();
    result
}

async fn dispatch(cli: Cli) -> Result<Exit, Failure> {
    let global = &cli.global;
    match &cli.command {
        Command::Run(args) => command::run::run(global, args).await,
        Command::Script(args) => command::run::script(global, args).await,
        Command::Copy(args) => command::run::copy(global, args).await,
        Command::Plan(command) => command::plan::plan(global, command).await,
        Command::Apply(args) => command::apply::apply(global, args).await,
        Command::Graph(command) => match &**command {
            GraphCommand::Check(args) => command::graph::show::check(global, args),
            GraphCommand::Show(args) => command::graph::show::show(global, args),
            GraphCommand::Run(args) => command::graph::run::run(global, args).await,
            GraphCommand::Status(args) => command::graph::status::status(global, args).await,
            GraphCommand::List(args) => command::graph::list::list(global, args).await,
            GraphCommand::Cancel(args) => command::graph::list::cancel(global, args).await,
            GraphCommand::Resume(args) => command::graph::run::resume(global, args).await,
        },
        Command::Executions(command) => match &**command {
            ExecutionsCommand::List(args) => command::list::list(global, args).await,
            ExecutionsCommand::Totals(args) => command::list::totals(global, args).await,
            ExecutionsCommand::Show(args) => command::show::show(global, args).await,
            ExecutionsCommand::Output(args) => command::output::output(global, args).await,
            ExecutionsCommand::Events(args) => command::events::events(global, args).await,
            ExecutionsCommand::ExplainSlow(args) => command::explain_slow::explain_slow(global, args).await,
            ExecutionsCommand::Export(args) => command::export::export(global, args).await,
            ExecutionsCommand::Report(args) => command::export::report(global, args).await,
            ExecutionsCommand::Cancel(args) => command::cancel::cancel(global, args).await,
            ExecutionsCommand::Rerun(args) => command::rerun::rerun(global, args).await,
            ExecutionsCommand::Resume(args) => command::resume::resume(global, args).await,
            ExecutionsCommand::Prune(args) => command::journal::prune_executions(global, args).await,
        },
        Command::Plugins(command) => command::plugins::plugins(global, command).await,
        Command::Capabilities(command) => command::plugins::capabilities(global, command).await,
        Command::Journal(command) => command::journal::journal(global, command).await,
        Command::Db(command) => command::db::db(global, command).await,
        Command::Breakers(command) => command::breakers::breakers(global, command).await,
        Command::Facts(command) => match &**command {
            FactsCommand::Show(args) => command::facts::show(global, args).await,
            FactsCommand::Get(args) => command::facts::get(global, args).await,
            FactsCommand::Query(args) => command::facts::query(global, args).await,
            FactsCommand::Refresh(args) => command::facts::refresh(global, args).await,
            FactsCommand::Explain(args) => command::facts::explain(global, args).await,
        },
        Command::Inventory(command) => match &**command {
            InventoryCommand::Show(args) => command::inventory::show(global, args).await,
            InventoryCommand::List(args) => command::inventory::list(global, args).await,
            InventoryCommand::Explain(args) => command::inventory::explain(global, args).await,
            InventoryCommand::Groups(args) => command::inventory::groups(global, args).await,
            InventoryCommand::Sources(args) => command::inventory::sources(global, args).await,
        },
        Command::Targets(command) => command::targets::targets(global, command).await,
        Command::Completions { .. } | Command::Man(_) | Command::Config(_) => Ok(Exit::AllSucceeded),
    }
}
