//! What a configuration names by its path: [`project`], [`below`], [`absolute`].

use std::path::{Path, PathBuf};

/// The path from the root, with the field that has it.
///
/// # Errors
/// What is wrong, with the field.
pub(crate) fn absolute(field: &str, path: &Path) -> Result<PathBuf, String> {
    std::path::absolute(path).map_err(|error| format!("config.{field}: {error}"))
}

/// Makes the project's path absolute and looks whether it is a directory.
///
/// # Errors
/// What is wrong, with the field.
pub(crate) fn project(path: &mut Option<PathBuf>) -> Result<(), String> {
    let Some(project) = path else { return Ok(()) };
    *project = absolute("projectPath", project)?;
    if project.is_dir() {
        return Ok(());
    }
    Err(format!("config.projectPath: {} is no directory", project.display()))
}

/// A path that is relative to the project where there is one.
///
/// # Errors
/// What is wrong, with the field.
pub(crate) fn below(project: Option<&Path>, field: &str, path: &Path) -> Result<PathBuf, String> {
    let path = project.map_or_else(|| path.to_owned(), |project| project.join(path));
    absolute(field, &path)
}
