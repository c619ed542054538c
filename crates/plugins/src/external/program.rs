//! [`Program`]: the file that is run, and whether it is safe to run it. Whoever can write it, or put another one in its place,
//! runs what they like as this user and is handed every secret of the plugin. What belongs to the program that the framework is
//! part of is no file, and has a name only.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pabawi_domain::id::PluginName;

use super::error::ExternalError;

/// Anybody may write.
const WORLD_WRITABLE: u32 = 0o002;
/// In a directory: names can be taken away by their owners only.
const STICKY: u32 = 0o1000;
/// Somebody may run it.
const EXECUTABLE: u32 = 0o111;

/// A program by its absolute path, or a part of this one by its name.
#[derive(Debug, Clone)]
pub(super) struct Program {
    path: Arc<PathBuf>,
    is_file: bool,
}

impl Program {
    /// Takes a path. Nothing is looked at yet.
    ///
    /// # Errors
    /// It is not absolute.
    pub(super) fn new(path: PathBuf) -> Result<Self, ExternalError> {
        if path.is_absolute() {
            return Ok(Self { path: Arc::new(path), is_file: true });
        }
        let reason = "must be an absolute path such as /opt/pabawi/greeter, so that it does not depend on where this \
                      process was started or on PATH";
        Err(ExternalError::Unusable { program: path, reason: reason.to_owned() })
    }

    /// A part of the program that the framework is part of. Nobody else decides what that is.
    pub(super) fn hosted(name: &PluginName) -> Self {
        Self { path: Arc::new(PathBuf::from(name.as_str())), is_file: false }
    }

    /// The path, or the name.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The directory in which it is run: its own.
    pub(super) fn directory(&self) -> Option<PathBuf> {
        self.path.parent().filter(|_| self.is_file).map(Path::to_path_buf)
    }

    /// Whether it can be run and nobody else decides what that is. Looked at before each start, since files change.
    ///
    /// # Errors
    /// [`ExternalError::Unusable`].
    pub(super) async fn check(&self) -> Result<(), ExternalError> {
        if !self.is_file {
            return Ok(());
        }
        let path = Arc::clone(&self.path);
        let looked = tokio::task::spawn_blocking(move || look(&path)).await;
        let looked = looked.unwrap_or_else(|error| Err(format!("cannot be looked at: {error}")));
        looked.map_err(|reason| ExternalError::Unusable { program: self.path.to_path_buf(), reason })
    }
}

fn look(path: &Path) -> Result<(), String> {
    let told =
        |path: &Path, error: std::io::Error| format!("{} cannot be looked at: {error}", path.display());
    let found = fs::metadata(path).map_err(|error| told(path, error))?;
    if !found.is_file() {
        return Err("is no file".to_owned());
    }
    if found.mode() & EXECUTABLE == 0 {
        return Err(format!("is not executable; run chmod +x {}", path.display()));
    }
    if found.mode() & WORLD_WRITABLE != 0 {
        return Err(format!(
            "may be written by everybody, who could so run anything as this user and read the plugin's secrets; run \
             chmod o-w {}",
            path.display()
        ));
    }
    let real = path.canonicalize().map_err(|error| told(path, error))?;
    for directory in path.ancestors().skip(1).chain(real.ancestors().skip(1)) {
        let found = fs::metadata(directory).map_err(|error| told(directory, error))?;
        if found.mode() & WORLD_WRITABLE != 0 && found.mode() & STICKY == 0 {
            return Err(format!(
                "stands in {0}, where everybody may put another file in its place and so run anything as this user; run \
                 chmod o-w {0}, or move it",
                directory.display()
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn set(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    async fn reason(path: &Path) -> String {
        Program::new(path.to_path_buf()).unwrap().check().await.unwrap_err().to_string()
    }

    /// R6.4
    #[tokio::test]
    async fn what_others_could_change_is_not_run() {
        let directory = tempfile::tempdir().unwrap();
        let inner = directory.path().join("plugins");
        fs::create_dir(&inner).unwrap();
        let file = inner.join("greeter");
        assert!(reason(&file).await.contains("No such file"));
        assert!(reason(&inner).await.contains("is no file"));
        fs::write(&file, "#!/bin/sh\n").unwrap();
        set(&file, 0o644);
        assert!(reason(&file).await.contains("is not executable; run chmod +x /"));
        set(&file, 0o777);
        let text = reason(&file).await;
        assert!(
            text.contains("written by everybody") && text.contains("run anything as this user"),
            "{text}"
        );
        set(&file, 0o755);
        let program = Program::new(file.clone()).unwrap();
        program.check().await.unwrap();

        set(&inner, 0o777);
        assert!(reason(&file).await.contains("put another file in its place"));
        let link = directory.path().join("link");
        symlink(&file, &link).unwrap();
        assert!(reason(&link).await.contains(&inner.display().to_string()), "also behind a link");
        // As in /tmp, nobody can take another's file away.
        set(&inner, 0o1777);
        program.check().await.unwrap();
        set(&file, 0o757);
        assert!(program.check().await.is_err(), "looked at again");
    }

    #[test]
    fn a_path_has_to_be_absolute() {
        for path in ["greeter", "./greeter", "../x", ""] {
            let error = Program::new(path.into()).unwrap_err().to_string();
            assert!(error.contains("must be an absolute path"), "{error}");
        }
    }
}
