//! `--metrics-file`: what was measured, for the textfile collector of Prometheus' node_exporter. Main functions: [`check`]
//! before anything is done, [`write`] at the end.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use pabawi::Framework;

use crate::args::GlobalArgs;
use crate::exit::Failure;
use crate::text::{Colour, Style};

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

/// Whoever reads it sees the old file or the new one, whole. Its name while it is written does not end in `.prom`, so that
/// the collector leaves it alone.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.tmp", std::process::id()));
    let aside = folder_of(path).join(name);
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        // The collector runs as somebody else.
        .mode(0o644)
        .open(&aside)
        .and_then(|mut file| file.write_all(content))
        .and_then(|()| fs::rename(&aside, path));
    if written.is_err() {
        // What is left is of no use; that it cannot be removed is not worth a second message.
        let _ = fs::remove_file(&aside);
    }
    written
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pab.prom");
        for content in ["first, which is longer", "second"] {
            replace(&path, content.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        replace(&folder.path().join("missing/x"), b"").unwrap_err();
    }
}
