//! `pab completions` and `pab man`: what is made from the options themselves.

use std::io::{self, Write as _};

use clap::Command;
use clap_complete::Shell;

use crate::args::ManArgs;
use crate::complete::script;
use crate::exit::{Exit, Failure};

/// Writes the completions of a shell to standard output.
///
/// # Errors
/// [`Failure`].
pub(crate) fn completions(shell: Shell, mut tree: Command) -> Result<Exit, Failure> {
    if let Some(script) = script(shell) {
        return write_out(script.as_bytes());
    }
    // These know the commands of this moment.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut tree, "pab", &mut script);
    write_out(&script)
}

/// Writes the manual page of `pab` to standard output, or one page for each subcommand into a directory.
///
/// # Errors
/// [`Failure`].
pub(crate) fn man(args: &ManArgs, tree: Command) -> Result<Exit, Failure> {
    match &args.dir {
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(tree)
                .render(&mut page)
                .map_err(|error| Failure::nothing_ran(format!("make the manual page: {error}")))?;
            write_out(&page)
        }
        Some(dir) => {
            std::fs::create_dir_all(dir)
                .and_then(|()| clap_mangen::generate_to(tree, dir))
                .map_err(|error| Failure::usage(format!("--dir {}: {error}", dir.display())))?;
            Ok(Exit::AllSucceeded)
        }
    }
}

fn write_out(bytes: &[u8]) -> Result<Exit, Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        // The reader has enough: `pab completions bash | head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::AllSucceeded),
        other => {
            other.map_err(|error| Failure::nothing_ran(format!("write to standard output: {error}")))?;
            Ok(Exit::AllSucceeded)
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::args::Cli;

    /// R12.9
    #[test]
    fn pages_and_completions_come_from_the_options() {
        let dir = tempfile::tempdir().unwrap();
        man(&ManArgs { dir: Some(dir.path().to_owned()) }, Cli::command()).unwrap();
        for page in ["pab.1", "pab-run.1", "pab-executions-rerun.1", "pab-copy-up.1", "pab-targets-fold.1"] {
            let text = std::fs::read_to_string(dir.path().join(page)).unwrap();
            assert!(text.contains(".TH"), "{page}");
        }
        let run = std::fs::read_to_string(dir.path().join("pab-run.1")).unwrap();
        for part in ["\\-\\-secret\\-env", "Exit status", "130"] {
            assert!(run.contains(part), "{part}");
        }
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "pab", &mut script);
            let script = String::from_utf8(script).unwrap();
            assert!(script.contains("secret-env") && script.contains("executions"), "{shell}");
        }
    }
}
