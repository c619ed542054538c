//! `--metrics-file`: what was measured, for the textfile collector of Prometheus' node_exporter. Main functions: [`check`]
//! before anything is done, [`write`] at the end.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use pabawi::Framework;

use crate::args::GlobalArgs;
use crate::exit::Failure;
use crate::text::{Colour, Style};
use crate::whole_file::{Readers, WholeFile};

/// A file that could not be written later is told before anything is done.
///
/// # Errors
/// No file can be there.
pub(crate) fn check(global: &GlobalArgs) -> Result<(), Failure> {
    let Some(path) = &global.metrics_file else { return Ok(()) };
    if path.file_name().is_none() || path.is_dir() {
        return Err(Failure::usage(format!("--metrics-file: {} is no file", path.display())));
    }
    let folder = folder_of(path);
    if folder.is_dir() {
        Ok(())
    } else {
        Err(Failure::usage(format!("--metrics-file: there is no folder {}; make it first", folder.display())))
    }
}

/// Writes the file, where one is asked for. That it cannot be written is told and changes nothing else.
pub(crate) fn write(global: &GlobalArgs, framework: &Framework) {
    let Some(path) = &global.metrics_file else { return };
    if let Err(error) = replace(path, framework.metrics_prometheus().as_bytes()) {
        let style = Style::of(&io::stderr(), global.no_color);
        let warning = style.paint(Colour::Yellow, "warning:");
        // Nothing can be done when standard error is closed.
        let _ = writeln!(io::stderr(), "{warning} --metrics-file: write {}: {error}", path.display());
    }
}

fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    // The collector runs as somebody else.
    let mut file = WholeFile::create(path, Readers::All)?;
    file.write_all(content)?;
    file.keep()
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}
