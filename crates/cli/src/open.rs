//! From options to a [`Framework`]: [`open`]. The only place of `pab` that opens the database.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use clap::ArgMatches;
use clap::parser::ValueSource;
use pabawi::database::{Maintenance, has_password};
use pabawi::facts::ProviderOptions;
use pabawi::inventory::{FileInventory, UnknownNames, ansible_limit, hosts_list};
use pabawi::ssh::{SshConfig, SshSettings};
#[cfg(feature = "otlp")]
use pabawi::traces::TraceOptions;
use pabawi::{
    Caller, Endpoint, EngineLimits, EntryPoint, Framework, FrameworkBuilder, HostKeyPolicy, TargetExpression,
};

use crate::args::{
    BreakerArgs, ConnectArgs, DialectArg, DialectArgs, GlobalArgs, HostKeysArg, LoginArgs, MemoryArgs,
    SelectionArgs, SourceArgs, TrustArgs,
};
use crate::exit::Failure;
use crate::metrics_file;
use crate::prompt::ask_secret;
use crate::rollout;
use crate::sources::{Sources, sources};

/// How long the orderly end may take when nothing runs any more.
const CLOSING: Duration = Duration::from_secs(2);

/// The most of a file of patterns that is read, in bytes.
const MAX_LIMIT_FILE: u64 = 1024 * 1024;

/// Who asks: the user of this process, by the name that passwd(5) has for it, and where the file does not know the user (LDAP
/// and the like) by the name that id(1) has. Variables of the environment are not believed, since permissions go by the name.
pub(crate) fn caller() -> Caller {
    let uid = rustix::process::getuid().as_raw();
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let user = name_of(&passwd, uid).or_else(|| known_name_of(uid)).unwrap_or_else(|| format!("uid-{uid}"));
    Caller { user, entry_point: EntryPoint::Cli }
}

/// The name that the name services of the machine have for a user.
fn known_name_of(uid: u32) -> Option<String> {
    let asked =
        Command::new("/usr/bin/id").args(["-un", "--", &uid.to_string()]).env_clear().output().ok()?;
    let name = String::from_utf8(asked.stdout).ok()?.trim().to_owned();
    (asked.status.success() && !name.is_empty()).then_some(name)
}

fn name_of(passwd: &str, uid: u32) -> Option<String> {
    let uid = uid.to_string();
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid && !name.is_empty()).then(|| name.to_owned())
    })
}

/// Writes down what was measured, where that is asked for, and closes everything in order.
pub(crate) async fn close(global: &GlobalArgs, framework: &Framework) {
    metrics_file::write(global, framework);
    framework.shutdown(CLOSING).await;
}

/// A framework that only looks at what is recorded.
fn for_history(global: &GlobalArgs) -> Result<FrameworkBuilder, Failure> {
    // Nothing is connected to, so a broken ssh_config must not stand in the way.
    Ok(builder(global)?.ssh(SshSettings::default()))
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
    let builder = with_ssh(with_plugins(global)?, sources, &connect.trust)?;
    Ok(with_sources(builder, sources)?.endpoint_defaults(defaults(&connect.login)))
}

/// A framework that collects facts. No request of ours says by which transport, so the nodes' endpoints do.
///
/// # Errors
/// As for [`for_run`].
pub(crate) fn for_facts(
    global: &GlobalArgs,
    sources: &SourceArgs,
    connect: &ConnectArgs,
) -> Result<FrameworkBuilder, Failure> {
    let transport = connect.transport.map(crate::request::transport).transpose()?;
    let defaults = Endpoint { transport, ..defaults(&connect.login) };
    let builder = with_ssh(with_plugins(global)?, sources, &connect.trust)?;
    Ok(with_sources(builder, sources)?.endpoint_defaults(defaults))
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
    breakers: &BreakerArgs,
) -> Result<FrameworkBuilder, Failure> {
    let builder = with_ssh(with_plugins(global)?, sources, trust)?.endpoint_defaults(defaults(login));
    let limits = EngineLimits { output_memory_bytes: memory.output_memory, ..rollout::limits(breakers) };
    let builder = with_sources(builder.limits(limits), sources)?;
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
/// What the database reports, what is wrong with permissions, and what `ask` does.
pub(crate) async fn with_history<T>(
    global: &GlobalArgs,
    ask: impl AsyncFnOnce(&Framework, &Caller) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let framework = for_history(global)?.open().await?;
    let answer = ask(&framework, &caller()).await;
    close(global, &framework).await;
    answer
}

/// As [`with_history`], with the plugins that are configured.
///
/// # Errors
/// As for [`with_history`]; also a plugin that cannot be made.
pub(crate) async fn with_the_plugins<T>(
    global: &GlobalArgs,
    ask: impl AsyncFnOnce(&Framework, &Caller) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let framework = for_plugins(global)?.open().await?;
    let answer = ask(&framework, &caller()).await;
    close(global, &framework).await;
    answer
}

/// As [`with_the_plugins`], with sources of nodes.
///
/// # Errors
/// As for [`with_the_plugins`] and [`sources`].
pub(crate) async fn with_sources_of<T>(
    global: &GlobalArgs,
    sources: &SourceArgs,
    ask: impl AsyncFnOnce(&Framework, &Caller) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let framework = for_targets(global, sources)?.open().await?;
    let answer = ask(&framework, &caller()).await;
    close(global, &framework).await;
    answer
}

/// A framework that connects to no node, with the plugins that are configured.
fn for_plugins(global: &GlobalArgs) -> Result<FrameworkBuilder, Failure> {
    Ok(with_plugins(global)?.ssh(SshSettings::default()))
}

fn with_plugins(global: &GlobalArgs) -> Result<FrameworkBuilder, Failure> {
    global.plugins.register(builder(global)?)
}

fn builder(global: &GlobalArgs) -> Result<FrameworkBuilder, Failure> {
    let builder = global.guard.set_up(Framework::builder())?.journal(global.journal.settings.clone());
    #[cfg(feature = "otlp")]
    let builder = match &global.otlp_endpoint {
        Some(endpoint) => builder.traces(TraceOptions::new(endpoint)),
        None => builder,
    };
    Ok(match &global.db {
        Some(name) => builder.database(name.as_os_str()),
        None => builder,
    })
}

/// Sees that no password of a database stands on the command line, where others can see it.
///
/// # Errors
/// One does.
pub(crate) fn no_password_typed(matches: &ArgMatches, global: &GlobalArgs) -> Result<(), Failure> {
    let is_typed = matches.value_source("db") == Some(ValueSource::CommandLine);
    match &global.db {
        Some(name) if is_typed && has_password(name.as_os_str()) => Err(Failure::usage(
            "--db: a password is not taken from the command line, where others can see it; leave it out of the URL and \
             give it in PGPASSWORD or ~/.pgpass, or give the URL in PABAWI_DB or in the configuration",
        )),
        _ => Ok(()),
    }
}

/// What looks after the database, which is not opened.
///
/// # Errors
/// A bad name of it, and what is wrong with permissions.
pub(crate) fn for_care(global: &GlobalArgs) -> Result<Maintenance, Failure> {
    Ok(builder(global)?.maintenance()?)
}

fn with_sources(builder: FrameworkBuilder, args: &SourceArgs) -> Result<FrameworkBuilder, Failure> {
    let Sources { list, groups, facts } = sources(args)?;
    let builder = builder.inventories(list).own_groups(groups);
    Ok(facts
        .into_iter()
        .fold(builder, |builder, provider| builder.fact_provider(provider, ProviderOptions::default())))
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

/// The policy of that name.
pub(crate) fn host_key_policy(arg: HostKeysArg) -> HostKeyPolicy {
    match arg {
        HostKeysArg::Strict => HostKeyPolicy::Strict,
        HostKeysArg::AcceptNew => HostKeyPolicy::AcceptNew,
        HostKeysArg::Off => HostKeyPolicy::Off,
    }
}

/// A framework that only looks at which nodes an expression selects.
///
/// # Errors
/// As for [`sources`].
pub(crate) fn for_targets(global: &GlobalArgs, args: &SourceArgs) -> Result<FrameworkBuilder, Failure> {
    with_sources(for_plugins(global)?, args)
}

/// The expression of what was typed: all of these texts are meant.
///
/// # Errors
/// `--limit` without Ansible's language, or a file of it that cannot be read.
pub(crate) fn expression(texts: &[String], args: &DialectArgs) -> Result<TargetExpression, Failure> {
    let limit = match (args.dialect, &args.limit) {
        (DialectArg::Ansible, Some(limit)) => Some(ansible_limit(limit, limit_file)?),
        (_, Some(_)) => {
            return Err(Failure::usage("--limit: is a word of --dialect ansible; write expr&expr"));
        }
        (_, None) => None,
    };
    let Some(dialect) = args.dialect.foreign() else {
        return Ok(TargetExpression::new(all_of(texts)));
    };
    let terms: Vec<String> = texts.iter().map(|text| dialect.expression(text).as_str().to_owned()).collect();
    let mut expression = terms.join(",");
    if let Some(limit) = limit {
        // What stands before it is evaluated first.
        expression = format!("{expression}&{}", dialect.expression(&limit).as_str());
    }
    Ok(TargetExpression::new(expression))
}

/// The union of expressions. Operators are applied from left to right, so that an expression behind another one needs
/// parentheses when it has others than the comma.
fn all_of(texts: &[String]) -> String {
    match texts {
        [one] => one.clone(),
        several => {
            let has_operator = |text: &&String| text.contains(['&', '!', '^']);
            let each = several
                .iter()
                .map(|text| if has_operator(&text) { format!("({text})") } else { text.clone() });
            each.collect::<Vec<_>>().join(",")
        }
    }
}

/// What stands in a file of patterns.
fn limit_file(path: &str) -> Result<String, Failure> {
    let failed = |error| Failure::usage(format!("--limit: read {path}: {error}"));
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    std::io::Read::read_to_string(&mut std::io::Read::take(file, MAX_LIMIT_FILE), &mut text)
        .map_err(failed)?;
    if text.len() as u64 >= MAX_LIMIT_FILE {
        return Err(Failure::usage(format!("--limit: {path} is longer than {MAX_LIMIT_FILE} bytes")));
    }
    Ok(text)
}

/// What is selected: `--targets`, or every node of `--hosts` and `--hosts-file`.
///
/// # Errors
/// No targets at all, or a hosts file that cannot be read.
pub(crate) fn targets(selection: &SelectionArgs) -> Result<TargetExpression, Failure> {
    if !selection.targets.is_empty() {
        return expression(&selection.targets, &selection.dialect);
    }
    if selection.dialect.limit.is_some() {
        return Err(Failure::usage("--limit: needs --targets, of which it takes a part"));
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
        assert_eq!(known_name_of(0).as_deref(), Some("root"));
        assert_eq!(known_name_of(3_999_999_999), None);
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

    #[test]
    fn several_expressions_are_all_meant_in_every_dialect() {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let write = |given: &[&str], dialect, limit: Option<&str>| {
            let args = DialectArgs { dialect, limit: limit.map(str::to_owned) };
            expression(&texts(given), &args).map(|text| text.as_str().to_owned())
        };
        assert_eq!(write(&["a&b"], DialectArg::Pabawi, None).unwrap(), "a&b");
        assert_eq!(write(&["c", "a&b"], DialectArg::Pabawi, None).unwrap(), "c,(a&b)");
        assert_eq!(write(&["a:&b"], DialectArg::Ansible, None).unwrap(), "ansible(\"a:&b\")");
        let both = write(&["a", "b"], DialectArg::Ansible, Some("c:!d")).unwrap();
        assert_eq!(both, "ansible(\"a\"),ansible(\"b\")&ansible(\"c,!d,\")");
        assert_eq!(write(&["{a,b}"], DialectArg::Bolt, None).unwrap(), "bolt(\"{a,b}\")");
        assert!(write(&["a"], DialectArg::Bolt, Some("b")).unwrap_err().message.starts_with("--limit"));
        let error = write(&["a"], DialectArg::Ansible, Some("@/nonexistent/retry")).unwrap_err();
        assert!(error.message.contains("/nonexistent/retry"), "{error}");
    }

    fn targets_of(targets: Vec<String>, hosts: Vec<String>) -> Result<String, Failure> {
        let sources = SourceArgs { hosts, ..SourceArgs::default() };
        super::targets(&SelectionArgs { targets, sources, ..SelectionArgs::default() })
            .map(|text| text.as_str().to_owned())
    }
}
