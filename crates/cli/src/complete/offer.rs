//! `pab __complete`: writes what may stand where the cursor is, one offer a line, for the script of a shell.

use std::io::Write as _;
use std::time::Duration;

use clap::Command;

use super::sources::ask;
use super::values::Wanted;
use super::walk::Place;
use super::words::Typed;
use crate::args::GlobalArgs;
use crate::exit::Exit;

/// The word that asks for it.
pub(crate) const WORD: &str = "__complete";
/// The line that says that the shell is to offer files.
const FILES: &str = ":files";
/// How long it may take: a person waits.
const LIMIT: Duration = Duration::from_millis(500);

/// Writes the offers for a line. Nothing is said of what goes wrong, and what takes too long is left out.
pub(crate) fn complete(global: &GlobalArgs, mut tree: Command, shell: &str, typed: &Typed) -> Exit {
    // Whatever is waited for then: what is known by then has been written.
    std::thread::spawn(|| {
        std::thread::sleep(LIMIT);
        std::process::exit(0);
    });
    tree.build();
    let place = Place::find(&tree, &typed.before, &typed.current);
    let mut offers = Offers { place: &place, typed, shell };
    offers.words();
    let Some(arg) = place.value_of else { return Exit::AllSucceeded };
    let wanted = Wanted::of(&place, arg);
    match wanted {
        Wanted::Nothing => {}
        Wanted::Files => offers.write(FILES, ""),
        Wanted::Words => {
            for value in arg.get_possible_values() {
                let help = value.get_help().map(ToString::to_string).unwrap_or_default();
                offers.value(value.get_name(), &help, "");
            }
        }
        wanted => offers.asked(global, wanted),
    }
    Exit::AllSucceeded
}

/// Writes offers.
struct Offers<'a> {
    place: &'a Place<'a>,
    typed: &'a Typed,
    shell: &'a str,
}

impl Offers<'_> {
    /// Commands and options.
    fn words(&mut self) {
        let Place { command, prefix, .. } = self.place;
        let first_line = |text: Option<&clap::builder::StyledStr>| {
            text.map(ToString::to_string).unwrap_or_default().lines().next().unwrap_or_default().to_owned()
        };
        if !prefix.starts_with('-') {
            let below = command.get_subcommands().filter(|_| self.place.takes_commands);
            for below in below.filter(|below| !below.is_hide_set()) {
                if below.get_name().starts_with(prefix.as_str()) {
                    self.write(below.get_name(), &first_line(below.get_about()));
                }
            }
            return;
        }
        let options = command.get_arguments().filter(|_| self.place.takes_options);
        for arg in options.filter(|arg| !arg.is_hide_set()) {
            let Some(long) = arg.get_long().map(|long| format!("--{long}")) else { continue };
            if long.starts_with(prefix.as_str()) {
                self.write(&long, &first_line(arg.get_help()));
            }
        }
    }

    /// Values that have to be asked for.
    fn asked(&mut self, global: &GlobalArgs, wanted: Wanted) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let Ok(runtime) = runtime else { return };
        // The plugin whose command it is, or that an option names.
        let named = self.typed.before.windows(2).find_map(|pair| match pair {
            [option, name] if option == "--plugin" => Some(name.as_str()),
            _ => None,
        });
        let first = self.place.path.first().copied();
        let own = first.filter(|first| global.plugins.names().iter().any(|name| name.as_str() == *first));
        let values = runtime.block_on(ask(global, wanted, self.typed, named.or(own)));
        runtime.shutdown_background();
        // Of an expression only the last name is being typed.
        let prefix = &self.place.prefix;
        let lead = match wanted {
            Wanted::Nodes | Wanted::Groups => prefix.rfind([',', '&', '!', '^', '(']).map_or(0, |at| at + 1),
            _ => 0,
        };
        let lead = prefix.get(..lead).unwrap_or_default().to_owned();
        for (value, about) in values.unwrap_or_default() {
            self.value(&value, &about, &lead);
        }
    }

    /// A value, where it begins with what was typed.
    fn value(&mut self, value: &str, about: &str, lead: &str) {
        let whole = format!("{lead}{value}");
        if whole.starts_with(self.place.prefix.as_str()) {
            self.write(&format!("{}{whole}", self.place.lead), about);
        }
    }

    /// A line. The shell keeps a part of the word by itself.
    fn write(&self, offer: &str, about: &str) {
        let offer = if offer == FILES { offer } else { offer.get(self.typed.kept..).unwrap_or_default() };
        let is_clean = |text: &str| !text.chars().any(char::is_control);
        if offer.is_empty() || !is_clean(offer) {
            return;
        }
        let about = if is_clean(about) { about } else { "" };
        let line = match self.shell {
            "bash" => format!("{offer}\n"),
            _ if about.is_empty() => format!("{offer}\n"),
            _ => format!("{offer}\t{about}\n"),
        };
        // The shell may have gone.
        let _ = std::io::stdout().write_all(line.as_bytes());
    }
}
