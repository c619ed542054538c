//! Where configuration files are: [`Places`].

use std::path::{Path, PathBuf};

/// The file of the machine.
const SYSTEM: &str = "/etc/pabawi/config.toml";

/// The files, and how they were found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Places {
    /// The file of this user; none where the environment names no home folder.
    pub(crate) user: Option<PathBuf>,
    /// `PABAWI_CONFIG` names it, so that it has to be there.
    pub(crate) is_named: bool,
    /// The file of the machine.
    pub(crate) system: PathBuf,
}

impl Places {
    /// Those of this process: `$PABAWI_CONFIG`, else `$XDG_CONFIG_HOME/pabawi/config.toml`, else that of `~/.config` (XDG Base
    /// Directory Specification: a relative path is ignored).
    pub(crate) fn of_process() -> Self {
        Self::of(&|name| std::env::var_os(name).map(PathBuf::from))
    }

    fn of(variable: &dyn Fn(&str) -> Option<PathBuf>) -> Self {
        let system = PathBuf::from(SYSTEM);
        if let Some(named) = variable("PABAWI_CONFIG").filter(|path| !path.as_os_str().is_empty()) {
            let user = Some(std::path::absolute(&named).unwrap_or(named));
            return Self { user, is_named: true, system };
        }
        let absolute = |name: &str| variable(name).filter(|path| path.is_absolute());
        let folder = absolute("XDG_CONFIG_HOME").or_else(|| Some(absolute("HOME")?.join(".config")));
        Self { user: folder.map(|folder| folder.join("pabawi/config.toml")), is_named: false, system }
    }

    /// The files with the one that goes first at the end.
    pub(crate) fn in_order(&self) -> impl Iterator<Item = &Path> {
        std::iter::once(self.system.as_path()).chain(self.user.as_deref())
    }

    /// Whether it is an error that this file is not there.
    pub(crate) fn must_exist(&self, file: &Path) -> bool {
        self.is_named && self.user.as_deref() == Some(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_names_the_file_or_the_folder() {
        let of = |set: &[(&str, &str)]| {
            let found = Places::of(&|name| {
                set.iter().find(|(key, _)| *key == name).map(|(_, value)| PathBuf::from(value))
            });
            (found.user.map(|path| path.display().to_string()), found.is_named)
        };
        let all = [("PABAWI_CONFIG", "/a.toml"), ("XDG_CONFIG_HOME", "/x"), ("HOME", "/h")];
        assert_eq!(of(&all), (Some("/a.toml".into()), true));
        assert_eq!(of(&all[1..]), (Some("/x/pabawi/config.toml".into()), false));
        let relative = [("PABAWI_CONFIG", ""), ("XDG_CONFIG_HOME", "x"), ("HOME", "/h")];
        assert_eq!(of(&relative), (Some("/h/.config/pabawi/config.toml".into()), false));
        assert_eq!(of(&[]), (None, false));
    }
}
