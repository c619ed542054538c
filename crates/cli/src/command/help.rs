//! `pab help`: the help of a command, or all there is to know of a capability.

use clap::{Arg, ArgMatches, Command};
use pabawi::StreamKind;

use crate::args::GlobalArgs;
use crate::exit::{Exit, Failure};
use crate::generated::manual;
use crate::start::Start;
use crate::watch::Sink;

/// The command.
pub(crate) fn command() -> Command {
    let words = Arg::new("words").num_args(0..).value_name("COMMAND|CAPABILITY");
    Command::new("help")
        .about("Show the help of a command, or all there is to know of a capability such as command.execute")
        .arg(words.help("Words of a command, such as executions list, or the name of a capability"))
}

/// Shows help.
///
/// # Errors
/// There is no such command or capability.
pub(crate) fn help(global: &GlobalArgs, matches: &ArgMatches, start: &Start) -> Result<Exit, Failure> {
    let words: Vec<&str> =
        matches.get_many::<String>("words").into_iter().flatten().map(String::as_str).collect();
    let mut sink = Sink::standard(global.no_color);
    if let [name] = words.as_slice()
        && name.contains('.')
    {
        let (all, failures) = global.plugins.all();
        for failure in failures {
            sink.line(StreamKind::Stderr, &failure.message);
        }
        manual(&all, name, &|word| start.is_core(word), &mut sink)?;
    } else {
        let mut tree = start.tree();
        tree.build();
        let mut command = &mut tree;
        for word in words {
            let name = command.get_name().to_owned();
            command = command
                .find_subcommand_mut(word)
                .ok_or_else(|| Failure::usage(format!("{name} has no command {word:?}; see pab help")))?;
        }
        let help = command.render_long_help();
        let text = if sink.out_style.colour { help.ansi().to_string() } else { help.to_string() };
        sink.line(StreamKind::Stdout, text.trim_end());
    }
    sink.flush().map_err(|error| Failure::nothing_ran(format!("write the help: {error}")))?;
    Ok(Exit::AllSucceeded)
}
