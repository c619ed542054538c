//! Arguments and environment of `ansible-playbook`: [`command_line`]. No text of a request stands in either, except where it is
//! attached to the name of an option and was checked.

use std::path::Path;

use pabawi_domain::ports::ToolCommand;
use pabawi_domain::secret::Secret;

use super::files::RunFiles;
use super::play::{GROUP, WORK};
use super::programs::PluginPaths;
use super::settings::Settings;
use super::work::{Book, Work};

/// How the run is started.
pub(super) fn command_line(
    settings: &Settings,
    paths: &PluginPaths,
    work: &Work,
    files: &RunFiles,
    mark: &str,
) -> ToolCommand {
    let option = |name: &str, path: &Path| format!("--{name}={}", path.display());
    let mut arguments: Vec<String> = Vec::new();
    arguments.extend(settings.inventory.iter().map(|inventory| option("inventory", inventory)));
    arguments.push(option("inventory", &files.targets));
    arguments.push(format!("--limit={GROUP}"));
    arguments.extend(settings.forks.map(|forks| format!("--forks={forks}")));
    arguments.extend(settings.user.iter().map(|user| format!("--user={user}")));
    arguments.extend(settings.private_key_file.iter().map(|key| option("private-key", key)));
    arguments.extend(settings.ssh_args.iter().map(|given| format!("--ssh-common-args={given}")));
    let vault_password = files.vault_password.as_ref().or(settings.vault_password_file.as_ref());
    arguments.extend(vault_password.map(|path| option("vault-password-file", path)));
    arguments.extend(work.options.iter().cloned());
    arguments.extend(files.variables.iter().map(|path| format!("--extra-vars=@{}", path.display())));
    arguments.push("--".to_owned());
    arguments.push(files.playbook.display().to_string());

    let mut tool = ToolCommand::new(settings.program("ansible-playbook"), arguments);
    tool.environment.clone_from(&settings.environment);
    tool.directory.clone_from(&settings.project_path);
    let mut set = |name: &str, value: &str| {
        tool.environment.insert(name.to_owned(), Secret::new(value));
    };
    let joined = |own: &Path, others: &str| match others {
        "" => own.display().to_string(),
        others => format!("{}:{others}", own.display()),
    };
    set("ANSIBLE_CALLBACK_PLUGINS", &joined(&files.callbacks, &paths.callbacks));
    set("ANSIBLE_INVENTORY_PLUGINS", &joined(&files.inventories, &paths.inventories));
    if let Some(enabled) = &paths.enabled_inventories {
        set("ANSIBLE_INVENTORY_ENABLED", &format!("{enabled},{GROUP}"));
    }
    set("ANSIBLE_STDOUT_CALLBACK", "pabawi_lines");
    set("ANSIBLE_NOCOLOR", "1");
    set("ANSIBLE_FORCE_COLOR", "0");
    set("ANSIBLE_RETRY_FILES_ENABLED", "0");
    set("PABAWI_MARK", mark);
    if let Book::Written { shows_value, .. } = &work.book {
        set("PABAWI_TASK", WORK);
        set("PABAWI_SHOWS", if *shows_value { "value" } else { "output" });
    }
    if work.has_secrets {
        // Modules write their arguments into the log of the node.
        set("ANSIBLE_NO_TARGET_SYSLOG", "1");
    }
    tool.timeout = settings.timeout();
    tool
}
