//! From an alias to its settings, in the order of OpenSSH's `ssh.c`: files, final pass, defaults, expansion.
//!
//! Main type: [`Collected`], the values found so far. It must not read files; all checks of values that do
//! not depend on the host were made while parsing.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::error::SshConfigError;
use super::matching::{Applies, Subject};
use super::model::{Condition, ConfigFile, CriterionTest, Item, Place, Section, SshConfig, Value};
use super::settings::{
    AlgorithmList, HostSettings, IdentityAgent, JumpHop, MAX_JUMPS, Overrides, StrictHostKeyChecking,
};
use super::tokens::Tokens;

const DEFAULT_PORT: u16 = 22;
/// OpenSSH's default for `ServerAliveCountMax`.
const DEFAULT_ALIVE_COUNT: u32 = 3;
const USER_KNOWN_HOSTS: [&str; 2] = ["~/.ssh/known_hosts", "~/.ssh/known_hosts2"];
const GLOBAL_KNOWN_HOSTS: [&str; 2] = ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"];
/// OpenSSH's default keys without the types that need a hardware token. The order is ours: OpenSSH 9 tries RSA
/// first, which costs ten times the CPU of Ed25519; it only matters to who has several and no `IdentityFile`.
const DEFAULT_IDENTITIES: [&str; 3] = ["~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa"];

impl SshConfig {
    /// What the configuration says about `alias`; an alias that no file names gets the defaults.
    ///
    /// # Errors
    ///
    /// When a `ProxyCommand` or an unsupported `Match` applies, a token cannot be expanded, or the resulting
    /// host or user name is empty, begins with `-` or contains control characters.
    pub fn resolve(&self, alias: &str, overrides: &Overrides) -> Result<HostSettings, SshConfigError> {
        check_name(alias, "host name", alias)?;
        let mut collected = Collected::new(self, alias, overrides);
        let mut wants_final = false;
        for file in &self.files {
            wants_final |= collected.read(file, alias, false)?;
        }
        if wants_final {
            // The second pass sees the resolved name, and only adds to what the first one found.
            let host = collected.current_host()?.to_ascii_lowercase();
            collected.final_host = Some(host.clone());
            for file in &self.files {
                collected.read(file, &host, true)?;
            }
        }
        collected.finish(overrides)
    }

    /// The jump hosts on the way to `settings`, nearest first, each resolved with its own settings.
    ///
    /// As in OpenSSH a `ProxyJump` of the first jump host is followed as well, that of the others is not.
    ///
    /// # Errors
    ///
    /// When a jump host cannot be resolved, or the way leads in a circle or over more than [`MAX_JUMPS`].
    pub fn resolve_route(&self, settings: &HostSettings) -> Result<Vec<HostSettings>, SshConfigError> {
        let mut route: Vec<HostSettings> = Vec::new();
        let mut pending = settings.proxy_jump.clone();
        let same = |a: &HostSettings, b: &HostSettings| {
            a.host_name == b.host_name && a.port == b.port && a.user == b.user
        };
        // Each turn adds at least one hop, so this ends at the limit.
        while !pending.is_empty() {
            let mut hops = Vec::new();
            for hop in &pending {
                let loops = || SshConfigError::JumpLoop {
                    alias: settings.alias.clone(),
                    via: hop.host.clone(),
                    limit: MAX_JUMPS,
                };
                let overrides = Overrides { user: hop.user.clone(), port: hop.port, ..Overrides::default() };
                let resolved = self.resolve(&hop.host, &overrides)?;
                let known = hops.iter().chain(&route).chain(std::iter::once(settings));
                if hops.len() + route.len() >= MAX_JUMPS
                    || known.into_iter().any(|other| same(other, &resolved))
                {
                    return Err(loops());
                }
                hops.push(resolved);
            }
            pending = hops.first().map(|first| first.proxy_jump.clone()).unwrap_or_default();
            hops.append(&mut route);
            route = hops;
        }
        Ok(route)
    }
}

/// A value and where it stands.
type Found<'a, T> = Option<(T, Place<'a>)>;

/// The values found so far; the first one wins, so none is ever replaced.
struct Collected<'a> {
    config: &'a SshConfig,
    alias: &'a str,
    /// The resolved name, once the final pass has begun.
    final_host: Option<String>,
    host_name: Found<'a, &'a str>,
    user: Option<&'a str>,
    port: Option<u16>,
    identity_files: Vec<(&'a str, Place<'a>)>,
    identities_only: Option<bool>,
    identity_agent: Found<'a, &'a str>,
    proxy_jump: Found<'a, &'a [JumpHop]>,
    /// Whether the command is `none`.
    proxy_command: Found<'a, bool>,
    connect_timeout: Option<Option<Duration>>,
    alive_interval: Option<Option<Duration>>,
    alive_count: Option<u32>,
    user_known_hosts: Found<'a, &'a [String]>,
    global_known_hosts: Found<'a, &'a [String]>,
    strict: Option<StrictHostKeyChecking>,
    host_key_alias: Option<&'a str>,
    host_key_algorithms: Option<&'a AlgorithmList>,
    hash_known_hosts: Option<bool>,
}

impl<'a> Collected<'a> {
    fn new(config: &'a SshConfig, alias: &'a str, overrides: &'a Overrides) -> Self {
        Self {
            config,
            alias,
            final_host: None,
            host_name: None,
            user: overrides.user.as_deref(),
            port: overrides.port,
            identity_files: Vec::new(),
            identities_only: None,
            identity_agent: None,
            proxy_jump: None,
            proxy_command: None,
            connect_timeout: None,
            alive_interval: None,
            alive_count: None,
            user_known_hosts: None,
            global_known_hosts: None,
            strict: None,
            host_key_alias: None,
            host_key_algorithms: None,
            hash_known_hosts: None,
        }
    }

    /// Applies one file for `host`; the answer is whether a `Match final` asks for a second pass.
    fn read(
        &mut self,
        file: &'a Arc<ConfigFile>,
        host: &str,
        final_pass: bool,
    ) -> Result<bool, SshConfigError> {
        let mut wants_final = false;
        for section in file.candidates(host) {
            wants_final |= requests_final_pass(section);
            if !self.section_applies(file, section, host, final_pass)? {
                continue;
            }
            for item in &section.items {
                match item {
                    Item::Set(setting) => {
                        self.set(&setting.value, Place { file: &file.path, line: setting.line });
                    }
                    Item::Include(files) => {
                        for included in files {
                            // Nesting is bounded by the parser's limit on depth.
                            wants_final |= self.read(included, host, final_pass)?;
                        }
                    }
                }
            }
        }
        Ok(wants_final)
    }

    fn section_applies(
        &self,
        file: &ConfigFile,
        section: &Section,
        host: &str,
        final_pass: bool,
    ) -> Result<bool, SshConfigError> {
        // Only `Match` looks at the name found so far; expanding it for every `Host` line would be wasted.
        let current_host = match section.condition {
            Condition::Match(_) => self.current_host()?,
            Condition::Always | Condition::Host(_) => String::new(),
        };
        let subject = Subject {
            host,
            original_host: self.alias,
            current_host: &current_host,
            user: self.user.unwrap_or(&self.config.local.name),
            local_user: &self.config.local.name,
            final_pass,
        };
        match subject.applies(&section.condition) {
            Applies::Yes => Ok(true),
            Applies::No => Ok(false),
            Applies::Unsupported(criterion) => Err(SshConfigError::UnsupportedMatch {
                alias: self.alias.to_owned(),
                criterion: criterion.to_owned(),
                file: file.path.clone(),
                line: section.line,
            }),
        }
    }

    fn set(&mut self, value: &'a Value, place: Place<'a>) {
        match value {
            Value::HostName(name) => first(&mut self.host_name, (name, place)),
            Value::User(name) => first(&mut self.user, name),
            Value::Port(port) => first(&mut self.port, *port),
            Value::IdentityFile(path) => {
                // A file named twice is tried once, also when the final pass finds it again.
                if !self.identity_files.iter().any(|(known, _)| known == path) {
                    self.identity_files.push((path, place));
                }
            }
            Value::IdentitiesOnly(flag) => first(&mut self.identities_only, *flag),
            Value::IdentityAgent(agent) => first(&mut self.identity_agent, (agent, place)),
            // The two compete: whichever comes first wins, but `ProxyJump none` leaves room for a command.
            Value::ProxyJump(hops) => {
                if self.proxy_command.is_none() {
                    first(&mut self.proxy_jump, (hops, place));
                }
            }
            Value::ProxyCommand { none } => {
                if self.proxy_jump.is_none_or(|(hops, _)| hops.is_empty()) {
                    first(&mut self.proxy_command, (*none, place));
                }
            }
            Value::ConnectTimeout(time) => first(&mut self.connect_timeout, *time),
            Value::ServerAliveInterval(time) => first(&mut self.alive_interval, *time),
            Value::ServerAliveCountMax(count) => first(&mut self.alive_count, *count),
            Value::UserKnownHostsFile(paths) => first(&mut self.user_known_hosts, (paths, place)),
            Value::GlobalKnownHostsFile(paths) => first(&mut self.global_known_hosts, (paths, place)),
            Value::StrictHostKeyChecking(strict) => first(&mut self.strict, *strict),
            Value::HostKeyAlias(alias) => first(&mut self.host_key_alias, alias),
            Value::HostKeyAlgorithms(list) => first(&mut self.host_key_algorithms, list),
            Value::HashKnownHosts(flag) => first(&mut self.hash_known_hosts, *flag),
        }
    }

    /// The host name as far as it is known. In `HostName` only `%h` (the name given) and `%%` are allowed.
    fn current_host(&self) -> Result<String, SshConfigError> {
        if let Some(host) = &self.final_host {
            return Ok(host.clone());
        }
        let Some((name, place)) = self.host_name else { return Ok(self.alias.to_owned()) };
        self.tokens(self.alias, DEFAULT_PORT, "")
            .expand(name, "h")
            .map_err(|message| self.token_error("HostName", place, message))
    }

    fn tokens<'t>(&'t self, host_name: &'t str, port: u16, user: &'t str) -> Tokens<'t> {
        Tokens { local: &self.config.local, alias: self.alias, host_name, port, user, host_key_alias: None }
    }

    fn token_error(&self, keyword: &'static str, place: Place<'_>, message: String) -> SshConfigError {
        SshConfigError::Token {
            alias: self.alias.to_owned(),
            keyword,
            message,
            file: place.file.to_owned(),
            line: place.line,
        }
    }

    fn finish(self, overrides: &Overrides) -> Result<HostSettings, SshConfigError> {
        let host_name = self.current_host()?.to_ascii_lowercase();
        check_name(self.alias, "host name", &host_name)?;
        let user = self.user.unwrap_or(&self.config.local.name).to_owned();
        check_name(self.alias, "user", &user)?;
        let port = self.port.unwrap_or(DEFAULT_PORT);
        let mut tokens = self.tokens(&host_name, port, &user);
        // Tokens have no meaning here, and the name is looked up in lower case, as in OpenSSH.
        let host_key_alias = self.host_key_alias.map(str::to_ascii_lowercase);
        tokens.host_key_alias = host_key_alias.as_deref();

        let (identity_files, identity_files_are_default) = self.identities(tokens, overrides)?;
        Ok(HostSettings {
            alias: self.alias.to_owned(),
            port,
            identity_files,
            identity_files_are_default,
            identities_only: self.identities_only.unwrap_or(false),
            identity_agent: self.agent(tokens)?,
            proxy_jump: self.jumps(tokens, overrides)?,
            connect_timeout: overrides.connect_timeout.or(self.connect_timeout.flatten()),
            server_alive_interval: self.alive_interval.flatten(),
            server_alive_count_max: self.alive_count.unwrap_or(DEFAULT_ALIVE_COUNT),
            user_known_hosts_files: self.paths(
                tokens,
                "UserKnownHostsFile",
                self.user_known_hosts,
                USER_KNOWN_HOSTS,
            )?,
            global_known_hosts_files: self.paths(
                tokens,
                "GlobalKnownHostsFile",
                self.global_known_hosts,
                GLOBAL_KNOWN_HOSTS,
            )?,
            strict_host_key_checking: self.strict,
            host_key_algorithms: self.host_key_algorithms.cloned(),
            hash_known_hosts: self.hash_known_hosts.unwrap_or(false),
            host_key_alias: host_key_alias.clone(),
            host_name: host_name.clone(),
            user: user.clone(),
        })
    }

    fn identities(
        &self,
        tokens: Tokens<'_>,
        overrides: &Overrides,
    ) -> Result<(Vec<PathBuf>, bool), SshConfigError> {
        let mut files = overrides.identity_files.clone();
        if files.is_empty() && self.identity_files.is_empty() {
            return Ok((default_paths(tokens, DEFAULT_IDENTITIES), true));
        }
        for (text, place) in &self.identity_files {
            // `none` only keeps the default files away.
            if text.eq_ignore_ascii_case("none") {
                continue;
            }
            let path =
                tokens.expand_path(text).map_err(|fault| self.token_error("IdentityFile", *place, fault))?;
            if !files.contains(&path) {
                files.push(path);
            }
        }
        Ok((files, false))
    }

    fn agent(&self, tokens: Tokens<'_>) -> Result<IdentityAgent, SshConfigError> {
        let Some((text, place)) = self.identity_agent else { return Ok(IdentityAgent::Environment) };
        if text == "SSH_AUTH_SOCK" {
            return Ok(IdentityAgent::Environment);
        }
        if text.eq_ignore_ascii_case("none") {
            return Ok(IdentityAgent::Disabled);
        }
        // `$NAME` stands for the variable's value, `${NAME}` is part of a path.
        if let Some(name) = text.strip_prefix('$').filter(|name| !name.starts_with('{')) {
            return match std::env::var_os(name) {
                Some(path) => Ok(IdentityAgent::Socket(PathBuf::from(path))),
                None => Ok(IdentityAgent::Disabled),
            };
        }
        tokens
            .expand_path(text)
            .map(IdentityAgent::Socket)
            .map_err(|fault| self.token_error("IdentityAgent", place, fault))
    }

    fn jumps(&self, tokens: Tokens<'_>, overrides: &Overrides) -> Result<Vec<JumpHop>, SshConfigError> {
        if let Some(hops) = &overrides.proxy_jump {
            return Ok(hops.clone());
        }
        if let Some((false, place)) = self.proxy_command {
            return Err(SshConfigError::ProxyCommand {
                alias: self.alias.to_owned(),
                file: place.file.to_owned(),
                line: place.line,
            });
        }
        let Some((hops, place)) = self.proxy_jump else { return Ok(Vec::new()) };
        let expand = |text: &str| {
            tokens.expand(text, "hnpr").map_err(|fault| self.token_error("ProxyJump", place, fault))
        };
        hops.iter()
            .map(|hop| {
                Ok(JumpHop {
                    user: hop.user.as_deref().map(expand).transpose()?,
                    host: expand(&hop.host)?,
                    port: hop.port,
                })
            })
            .collect()
    }

    fn paths(
        &self,
        tokens: Tokens<'_>,
        keyword: &'static str,
        found: Found<'_, &[String]>,
        defaults: [&str; 2],
    ) -> Result<Vec<PathBuf>, SshConfigError> {
        let Some((texts, place)) = found else { return Ok(default_paths(tokens, defaults)) };
        texts
            .iter()
            .filter(|text| !text.eq_ignore_ascii_case("none"))
            .map(|text| tokens.expand_path(text).map_err(|fault| self.token_error(keyword, place, fault)))
            .collect()
    }
}

fn first<T>(slot: &mut Option<T>, value: T) {
    if slot.is_none() {
        *slot = Some(value);
    }
}

fn requests_final_pass(section: &Section) -> bool {
    match &section.condition {
        Condition::Match(criteria) => {
            criteria.iter().any(|criterion| criterion.test == CriterionTest::FinalPass { requests_it: true })
        }
        Condition::Always | Condition::Host(_) => false,
    }
}

fn default_paths<const N: usize>(tokens: Tokens<'_>, paths: [&str; N]) -> Vec<PathBuf> {
    paths
        .iter()
        .map(|path| match path.strip_prefix("~/") {
            Some(rest) => tokens.local.home.join(rest),
            None => PathBuf::from(path),
        })
        .collect()
}

/// A name that could be taken for an option or break a log line must go no further.
fn check_name(alias: &str, what: &'static str, value: &str) -> Result<(), SshConfigError> {
    let blank = |c: char| c.is_control() || (what == "host name" && c.is_whitespace());
    if value.is_empty() || value.starts_with('-') || value.contains(blank) {
        return Err(SshConfigError::InvalidName { alias: alias.to_owned(), what, value: value.to_owned() });
    }
    Ok(())
}
