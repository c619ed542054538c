//! From options to a [`Framework`]: [`open`]. The only place of `pab` that opens the database.

use std::sync::Arc;
use std::time::Duration;

use pabawi::inventory::{
    Catalog, ConfiguredSource, FileInventory, SourceSettings, StaticInventory, UnknownNames, hosts_list,
    names,
};
use pabawi::ports::InventorySource;
use pabawi::ssh::{SshConfig, SshSettings};
use pabawi::{
    AllowAll, Caller, Endpoint, EngineLimits, EntryPoint, Framework, FrameworkBuilder, HostKeyPolicy,
    TargetExpression,
};

use crate::args::{
    ConnectArgs, GlobalArgs, HostKeysArg, LoginArgs, MemoryArgs, SelectionArgs, SourceArgs, TrustArgs,
};
use crate::exit::Failure;
use crate::prompt::ask_secret;

/// How long the orderly end may take when nothing runs any more.
pub(crate) const CLOSING: Duration = Duration::from_secs(2);

/// Who asks: the user of this process, by the name that passwd(5) has for it. `USER` is believed only where
/// the file does not know the user (LDAP and the like).
pub(crate) fn caller() -> Caller {
    let uid = rustix::process::getuid().as_raw();
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let user = name_of(&passwd, uid)
        .or_else(|| std::env::var("USER").ok().filter(|user| !user.is_empty()))
        .unwrap_or_else(|| format!("uid-{uid}"));
    Caller { user, entry_point: EntryPoint::Cli }
}

fn name_of(passwd: &str, uid: u32) -> Option<String> {
    let uid = uid.to_string();
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid && !name.is_empty()).then(|| name.to_owned())
    })
}

/// A framework that only looks at what is recorded.
fn for_history(global: &GlobalArgs) -> FrameworkBuilder {
    // Nothing is connected to, so a broken ssh_config must not stand in the way.
    builder(global).ssh(SshSettings::default())
}

/// A framework that runs something on nodes.
///
/// # Errors
/// An option that is not valid, or no terminal to ask on.
pub(crate) fn for_run(
    global: &GlobalArgs,
    sources: &SourceArgs,
    connect: &ConnectArgs,
) -> Result<FrameworkBuilder, Failure> {
    let builder = with_ssh(builder(global), sources, &connect.trust)?;
    Ok(builder.inventories(self::sources(sources)?).endpoint_defaults(defaults(&connect.login)))
}

/// A framework that runs something again. Without sources, nodes are reached as they were then.
///
/// # Errors
/// As for [`for_run`].
pub(crate) fn for_rerun(
    global: &GlobalArgs,
    sources: &SourceArgs,
    login: &LoginArgs,
    trust: &TrustArgs,
    memory: &MemoryArgs,
) -> Result<FrameworkBuilder, Failure> {
    let builder = with_ssh(builder(global), sources, trust)?.endpoint_defaults(defaults(login));
    let limits = EngineLimits { output_memory_bytes: memory.output_memory, ..EngineLimits::default() };
    let builder = builder.limits(limits).inventories(self::sources(sources)?);
    Ok(builder.unknown_names(UnknownNames::Refused))
}

/// How nodes are reached that do not say it themselves.
fn defaults(login: &LoginArgs) -> Endpoint {
    Endpoint {
        user: login.user.clone(),
        port: login.port,
        identity_files: login.identity.clone(),
        ..Endpoint::default()
    }
}

/// Opens the history, asks it something, and closes it in order, whatever came of the question.
///
/// # Errors
/// What the database reports, and what `ask` does.
pub(crate) async fn with_history<T>(
    global: &GlobalArgs,
    ask: impl AsyncFnOnce(&Framework, &Caller) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let framework = for_history(global).open().await?;
    let answer = ask(&framework, &caller()).await;
    framework.shutdown(CLOSING).await;
    answer
}

fn builder(global: &GlobalArgs) -> FrameworkBuilder {
    // Who may start this program may do everything it can do: the machine's own permissions decide.
    let builder = Framework::builder().authorizer(AllowAll);
    match &global.db {
        Some(path) => builder.database(path),
        None => builder,
    }
}

fn with_ssh(
    builder: FrameworkBuilder,
    sources: &SourceArgs,
    trust: &TrustArgs,
) -> Result<FrameworkBuilder, Failure> {
    let mut settings = SshSettings::default();
    settings.config = Arc::new(ssh_config(sources)?);
    if let Some(policy) = trust.host_keys {
        settings.host_keys = host_key_policy(policy);
    }
    if !trust.known_hosts.is_empty() {
        settings.known_hosts = Some(trust.known_hosts.clone());
    }
    if trust.ask_password {
        settings.password = Some(ask_secret("Login password")?);
    }
    Ok(builder.ssh(settings))
}

fn ssh_config(sources: &SourceArgs) -> Result<SshConfig, Failure> {
    let config = match &sources.ssh_config {
        Some(path) => SshConfig::load(path),
        None => SshConfig::load_default(),
    };
    config.map_err(|error| Failure::usage(format!("--ssh-config: {error}")))
}

/// The sources of nodes that were named, to be asked without a framework.
///
/// # Errors
/// As for [`sources`].
pub(crate) fn catalog(args: &SourceArgs) -> Result<Arc<Catalog>, Failure> {
    let sources = sources(args)?;
    if sources.is_empty() {
        return Err(Failure::usage(
            "no source of nodes; name one with --inventory, --hosts, --hosts-file or --ssh-config",
        ));
    }
    Ok(Arc::new(Catalog::new(sources)))
}

/// The sources of nodes that were named.
///
/// # Errors
/// A list or an `ssh_config` that is not understood. Files are read later.
pub(crate) fn sources(args: &SourceArgs) -> Result<Vec<ConfiguredSource>, Failure> {
    // Where two know a node, the one that was named more directly wins.
    let mut sources: Vec<Arc<dyn InventorySource>> = Vec::new();
    for (list, number) in args.hosts.iter().zip(1..) {
        let name = if args.hosts.len() == 1 { "--hosts".to_owned() } else { format!("--hosts ({number})") };
        let snapshot = hosts_list(&name, list).map_err(Failure::usage)?;
        sources.push(Arc::new(StaticInventory::new(name, 40, snapshot)));
    }
    for path in &args.hosts_file {
        sources.push(Arc::new(FileInventory::hosts_file(path, 30)));
    }
    for path in &args.inventory {
        sources.push(Arc::new(FileInventory::inventory_file(path, 20)));
    }
    if let Some(path) = &args.ssh_config {
        let aliases = ssh_config(args)?.aliases();
        let name = format!("file:{}", path.display());
        sources.push(Arc::new(StaticInventory::new(name, 10, names(aliases))));
    }
    Ok(sources.into_iter().map(|source| (source, SourceSettings::default())).collect())
}

/// The policy of that name.
pub(crate) fn host_key_policy(arg: HostKeysArg) -> HostKeyPolicy {
    match arg {
        HostKeysArg::Strict => HostKeyPolicy::Strict,
        HostKeysArg::AcceptNew => HostKeyPolicy::AcceptNew,
        HostKeysArg::Off => HostKeyPolicy::Off,
    }
}

/// What is selected: `--targets`, or every node of `--hosts` and `--hosts-file`.
///
/// # Errors
/// No targets at all, or a hosts file that cannot be read.
pub(crate) fn targets(selection: &SelectionArgs) -> Result<TargetExpression, Failure> {
    if !selection.targets.is_empty() {
        return Ok(TargetExpression::new(selection.targets.join(",")));
    }
    let sources = &selection.sources;
    let mut nodes = Vec::new();
    for list in &sources.hosts {
        nodes.extend(hosts_list("--hosts", list).map_err(Failure::usage)?.nodes);
    }
    for path in &sources.hosts_file {
        nodes.extend(FileInventory::hosts_file(path, 0).read().map_err(Failure::usage)?.nodes);
    }
    if nodes.is_empty() {
        let hint = if sources.inventory.is_empty() && sources.ssh_config.is_none() {
            "name nodes with --targets, for example --targets web1,web[01-20], or with --hosts or --hosts-file"
        } else {
            "name nodes with --targets; --targets all takes every node of the inventory"
        };
        return Err(Failure::usage(format!("--targets (targets): no targets; {hint}")));
    }
    Ok(TargetExpression::of_nodes(nodes.iter().map(|node| &node.id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caller_is_the_user_of_the_process() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\nops:x:1000:1000::/home/ops:/bin/sh\n";
        assert_eq!(name_of(passwd, 1000).as_deref(), Some("ops"));
        assert_eq!(name_of(passwd, 0).as_deref(), Some("root"));
        assert_eq!(name_of(passwd, 7), None);
    }

    #[test]
    fn targets_come_from_the_expression_or_from_the_lists() {
        let select = |targets: &[&str], hosts: &[&str]| {
            let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
            targets_of(owned(targets), owned(hosts))
        };
        assert_eq!(select(&["a", "@b"], &["c"]).unwrap(), "a,@b");
        assert_eq!(select(&[], &["c[1-2]", "d"]).unwrap(), "c1,c2,d");
        let none = select(&[], &[]).unwrap_err();
        assert_eq!(none.exit, crate::exit::Exit::Usage);
        assert!(none.message.contains("no targets; name nodes with --targets"), "{none}");
        assert!(select(&[], &["a b"]).unwrap_err().message.contains("--hosts"));
    }

    fn targets_of(targets: Vec<String>, hosts: Vec<String>) -> Result<String, Failure> {
        let sources = SourceArgs { hosts, ..SourceArgs::default() };
        super::targets(&SelectionArgs { targets, sources }).map(|text| text.as_str().to_owned())
    }
}
