//! Files into the tree of [`super::model`]: keywords, values, `Host`, `Match` and `Include`.
//!
//! Main type: [`Parser`]. Every value is checked here, also in blocks that apply to nobody, so that resolving
//! cannot meet a malformed one. It must not decide whether a block applies.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::error::SshConfigError;
use super::glob;
use super::lexer::{Line, split_arguments, split_line};
use super::local_user::LocalUser;
use super::model::{
    Condition, ConfigFile, Criterion, CriterionTest, Diagnostic, DiagnosticKind, HostPattern, Item, Section,
    Setting, SshConfig, Value,
};
use super::settings::{AlgorithmList, JumpHop, StrictHostKeyChecking};
use super::time_spec::parse_time;

/// As in OpenSSH (`READCONF_MAX_DEPTH`).
const MAX_DEPTH: usize = 16;
/// Bytes of all files together. 100,000 hosts of ten lines are about 30 MiB.
const MAX_TOTAL_BYTES: usize = 256 << 20;
/// Files read in all, counting one again each time it is included.
const MAX_FILES: usize = 100_000;

const USER_CONFIG: &str = ".ssh/config";
const SYSTEM_DIR: &str = "/etc/ssh";
const SYSTEM_CONFIG: &str = "/etc/ssh/ssh_config";

impl SshConfig {
    /// Reads one file and what it includes, and nothing else, as `ssh -F path` does.
    ///
    /// # Errors
    ///
    /// When a file is missing, unreadable, malformed, too large, or includes itself.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, SshConfigError> {
        Self::load_for(path, LocalUser::current())
    }

    /// As [`Self::load`], for a given local user.
    ///
    /// # Errors
    ///
    /// As [`Self::load`].
    pub fn load_for(path: impl AsRef<Path>, local: LocalUser) -> Result<Self, SshConfigError> {
        let mut parser = Parser::new(&local, Origin::User);
        let path = path.as_ref();
        let file = parser.read_file(path, false).map_err(|fault| fault.into_error(path))?;
        let diagnostics = parser.diagnostics;
        Ok(Self { files: vec![file], local, diagnostics })
    }

    /// Reads the user's `~/.ssh/config` and then the system's `/etc/ssh/ssh_config`; either may be missing.
    ///
    /// # Errors
    ///
    /// As [`Self::load`], and when others may write to the user's file.
    pub fn load_default() -> Result<Self, SshConfigError> {
        let local = LocalUser::current();
        let mut config = Self::empty_for(local.clone());
        let user_config = local.home.join(USER_CONFIG);
        for (path, origin, checked) in
            [(user_config.as_path(), Origin::User, true), (Path::new(SYSTEM_CONFIG), Origin::System, false)]
        {
            let mut parser = Parser::new(&local, origin);
            match parser.read_file(path, checked) {
                Ok(file) => config.files.push(file),
                Err(FileFault::Io(error)) if error.kind() == io::ErrorKind::NotFound => {}
                Err(fault) => return Err(fault.into_error(path)),
            }
            config.diagnostics.append(&mut parser.diagnostics);
        }
        Ok(config)
    }
}

/// Whose files are read: it decides where a relative `Include` is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    User,
    System,
}

/// A fault of the file itself, which an `Include` may have to report differently than a first file.
enum FileFault {
    Io(io::Error),
    Other(SshConfigError),
}

impl FileFault {
    fn into_error(self, path: &Path) -> SshConfigError {
        match self {
            Self::Io(source) => SshConfigError::Read { path: path.to_owned(), source },
            Self::Other(error) => error,
        }
    }
}

impl From<SshConfigError> for FileFault {
    fn from(error: SshConfigError) -> Self {
        Self::Other(error)
    }
}

struct Parser<'a> {
    local: &'a LocalUser,
    origin: Origin,
    diagnostics: Vec<Diagnostic>,
    /// Device and inode of the files being read, outermost first.
    open: Vec<(u64, u64)>,
    bytes_read: usize,
    files_read: usize,
}

impl<'a> Parser<'a> {
    fn new(local: &'a LocalUser, origin: Origin) -> Self {
        Self { local, origin, diagnostics: Vec::new(), open: Vec::new(), bytes_read: 0, files_read: 0 }
    }

    /// Reads and parses one file. With `checked`, a file that others may write to is refused.
    fn read_file(&mut self, path: &Path, checked: bool) -> Result<Arc<ConfigFile>, FileFault> {
        let mut file = File::open(path).map_err(FileFault::Io)?;
        let metadata = file.metadata().map_err(FileFault::Io)?;
        if metadata.is_dir() {
            return Err(FileFault::Io(io::Error::from(io::ErrorKind::IsADirectory)));
        }
        if checked {
            let trusted_owner = metadata.uid() == 0 || metadata.uid() == self.local.uid;
            if !trusted_owner || metadata.mode() & 0o022 != 0 {
                return Err(SshConfigError::Permissions { path: path.to_owned() }.into());
            }
        }
        self.files_read += 1;
        if self.files_read > MAX_FILES {
            return Err(
                SshConfigError::TooLarge { path: path.to_owned(), limit: MAX_FILES, unit: "files" }.into()
            );
        }
        let mut text = Vec::new();
        let room = MAX_TOTAL_BYTES.saturating_sub(self.bytes_read);
        let limit = u64::try_from(room).unwrap_or(u64::MAX).saturating_add(1);
        (&mut file).take(limit).read_to_end(&mut text).map_err(FileFault::Io)?;
        if text.len() > room {
            return Err(SshConfigError::TooLarge {
                path: path.to_owned(),
                limit: MAX_TOTAL_BYTES,
                unit: "bytes",
            }
            .into());
        }
        self.bytes_read += text.len();
        self.open.push((metadata.dev(), metadata.ino()));
        let parsed = self.parse_text(path, &String::from_utf8_lossy(&text));
        self.open.pop();
        Ok(Arc::new(ConfigFile::new(path.to_owned(), parsed?)))
    }

    fn parse_text(&mut self, path: &Path, text: &str) -> Result<Vec<Section>, SshConfigError> {
        let mut sections = Vec::new();
        let mut current = Section { condition: Condition::Always, line: 0, items: Vec::new() };
        for (number, raw) in (1_u32..).zip(text.split('\n')) {
            let fault =
                |message: String| SshConfigError::Syntax { file: path.to_owned(), line: number, message };
            let Some(line) = split_line(raw).map_err(|reason| fault(reason.message().to_owned()))? else {
                continue;
            };
            let condition = match line.keyword.as_str() {
                "host" => parse_host(&line).map_err(fault)?,
                "match" => self.parse_match(path, number, &line).map_err(fault)?,
                "include" => {
                    let files = self.include(path, number, &line)?;
                    current.items.push(Item::Include(files));
                    continue;
                }
                _ => {
                    match parse_setting(&line).map_err(fault)? {
                        Some(value) => {
                            if value == (Value::ProxyCommand { none: false }) {
                                self.diagnose(path, number, DiagnosticKind::ProxyCommand);
                            }
                            current.items.push(Item::Set(Setting { line: number, value }));
                        }
                        None => {
                            // The keyword is shown as the author wrote it.
                            let written: String =
                                raw.trim_start().chars().take(line.keyword.chars().count()).collect();
                            self.diagnose(path, number, DiagnosticKind::IgnoredKeyword(written));
                        }
                    }
                    continue;
                }
            };
            let next = Section { condition, line: number, items: Vec::new() };
            sections.push(std::mem::replace(&mut current, next));
        }
        sections.push(current);
        Ok(sections)
    }

    fn diagnose(&mut self, path: &Path, line: u32, kind: DiagnosticKind) {
        self.diagnostics.push(Diagnostic { file: path.to_owned(), line, kind });
    }

    fn include(
        &mut self,
        path: &Path,
        number: u32,
        line: &Line<'_>,
    ) -> Result<Vec<Arc<ConfigFile>>, SshConfigError> {
        let fault = |message: String| SshConfigError::Syntax { file: path.to_owned(), line: number, message };
        // The first file stands at depth 0, so `open` holds one entry more than the depth of this file.
        if self.open.len() > MAX_DEPTH {
            return Err(SshConfigError::IncludeDepth {
                file: path.to_owned(),
                line: number,
                limit: MAX_DEPTH,
            });
        }
        let mut files = Vec::new();
        for argument in &line.arguments {
            if argument.is_empty() {
                return Err(fault("Include has an empty path".to_owned()));
            }
            let pattern = self.anchor(argument).map_err(fault)?;
            let found =
                glob::expand(&pattern).map_err(|error| fault(format!("Include {argument}: {error}")))?;
            for included in found {
                if let Ok(metadata) = included.metadata()
                    && self.open.contains(&(metadata.dev(), metadata.ino()))
                {
                    return Err(SshConfigError::IncludeLoop {
                        file: path.to_owned(),
                        line: number,
                        path: included,
                    });
                }
                match self.read_file(&included, true) {
                    Ok(file) => files.push(file),
                    // A dangling link among many files: OpenSSH goes on as well.
                    Err(FileFault::Io(error)) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(fault) => return Err(fault.into_error(&included)),
                }
            }
        }
        Ok(files)
    }

    /// `~` is the home folder; a relative path lies in `~/.ssh` for a user's file, in `/etc/ssh` otherwise.
    fn anchor(&self, argument: &str) -> Result<PathBuf, String> {
        if argument.starts_with('~') {
            if self.origin == Origin::System {
                return Err(format!("Include {argument}: a system-wide file cannot refer to a home folder"));
            }
            return match argument.strip_prefix("~/") {
                Some(rest) => Ok(self.local.home.join(rest)),
                None if argument == "~" => Ok(self.local.home.clone()),
                None => Err(format!("Include {argument}: the home folder of another user is not supported")),
            };
        }
        Ok(match self.origin {
            _ if argument.starts_with('/') => PathBuf::from(argument),
            Origin::User => self.local.home.join(".ssh").join(argument),
            Origin::System => Path::new(SYSTEM_DIR).join(argument),
        })
    }

    fn parse_match(&mut self, path: &Path, number: u32, line: &Line<'_>) -> Result<Condition, String> {
        let criteria = parse_criteria(line)?;
        for criterion in &criteria {
            if let CriterionTest::Unsupported(name) = &criterion.test {
                self.diagnose(path, number, DiagnosticKind::UnsupportedMatch(name.clone()));
            }
        }
        Ok(Condition::Match(criteria))
    }
}

fn parse_host(line: &Line<'_>) -> Result<Condition, String> {
    let patterns = line
        .arguments
        .iter()
        .map(|argument| {
            let (negated, text) =
                argument.strip_prefix('!').map_or((false, argument.as_str()), |rest| (true, rest));
            if text.is_empty() {
                return Err("Host has an empty pattern".to_owned());
            }
            Ok(HostPattern { negated, text: text.to_owned() })
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Condition::Host(patterns))
}

fn parse_criteria(line: &Line<'_>) -> Result<Vec<Criterion>, String> {
    let mut criteria = Vec::new();
    let mut words = line.arguments.iter().map(String::as_str).peekable();
    while let Some(word) = words.next() {
        // `host=web*`, `host = web*` and `host web*` are the same.
        let (name, mut value) = match word.split_once('=') {
            Some((name, "")) => (name, words.next()),
            Some((name, value)) => (name, Some(value)),
            None => (word, None),
        };
        let (negated, name) = name.strip_prefix('!').map_or((false, name), |rest| (true, rest));
        let name = name.to_ascii_lowercase();
        let test = match name.as_str() {
            "all" => CriterionTest::All,
            "canonical" => CriterionTest::FinalPass { requests_it: false },
            "final" => CriterionTest::FinalPass { requests_it: true },
            _ => {
                if value.is_none() {
                    value = words.next();
                    if let Some(rest) = value.and_then(|text| text.strip_prefix('=')) {
                        value = if rest.is_empty() { words.next() } else { Some(rest) };
                    }
                }
                let Some(value) = value else { return Err(format!("Match {name} has no argument")) };
                match name.as_str() {
                    "host" => CriterionTest::Host(value.to_ascii_lowercase()),
                    "originalhost" => CriterionTest::OriginalHost(value.to_ascii_lowercase()),
                    "user" => CriterionTest::User(value.to_owned()),
                    "localuser" => CriterionTest::LocalUser(value.to_owned()),
                    "exec" | "localnetwork" | "tagged" | "sessiontype" | "command" | "version" => {
                        CriterionTest::Unsupported(name)
                    }
                    _ => return Err(format!("Match has an unknown criterion {name:?}")),
                }
            }
        };
        criteria.push(Criterion { negated, test });
    }
    let all = criteria.iter().filter(|criterion| criterion.test == CriterionTest::All).count();
    let others = criteria
        .iter()
        .filter(|c| !matches!(c.test, CriterionTest::All | CriterionTest::FinalPass { .. }))
        .count();
    if criteria.is_empty() {
        Err("Match has no criterion".to_owned())
    } else if all > 1 || (all == 1 && others > 0) {
        Err("Match all cannot be combined with other criteria than canonical and final".to_owned())
    } else {
        Ok(criteria)
    }
}

/// A known setting, or `None` for a keyword that has no effect here.
fn parse_setting(line: &Line<'_>) -> Result<Option<Value>, String> {
    let keyword = line.keyword.as_str();
    let value = match keyword {
        "hostname" => Value::HostName(single(line)?),
        "user" => Value::User(single(line)?),
        "port" => Value::Port(parse_port(&single(line)?)?),
        "identityfile" => Value::IdentityFile(single(line)?),
        "identitiesonly" => Value::IdentitiesOnly(parse_flag(&single(line)?)?),
        "identityagent" => Value::IdentityAgent(single(line)?),
        "proxyjump" => Value::ProxyJump(parse_jumps(line.rest)?),
        "proxycommand" => Value::ProxyCommand { none: line.rest.trim().eq_ignore_ascii_case("none") },
        "connecttimeout" => Value::ConnectTimeout(parse_interval(&single(line)?)?),
        "serveraliveinterval" => Value::ServerAliveInterval(parse_interval(&single(line)?)?),
        "serveralivecountmax" => {
            let text = single(line)?;
            Value::ServerAliveCountMax(text.parse().map_err(|_| format!("{text:?} is not a number"))?)
        }
        "userknownhostsfile" => Value::UserKnownHostsFile(several(line)?),
        "globalknownhostsfile" => Value::GlobalKnownHostsFile(several(line)?),
        "stricthostkeychecking" => Value::StrictHostKeyChecking(parse_strict(&single(line)?)?),
        "hostkeyalias" => Value::HostKeyAlias(single(line)?),
        "hostkeyalgorithms" => Value::HostKeyAlgorithms(parse_algorithms(&single(line)?)?),
        "hashknownhosts" => Value::HashKnownHosts(parse_flag(&single(line)?)?),
        _ => return Ok(None),
    };
    Ok(Some(value))
}

fn single(line: &Line<'_>) -> Result<String, String> {
    match line.arguments.as_slice() {
        [value] if !value.is_empty() => Ok(value.clone()),
        [] | [_] => Err(format!("{} has no value", line.keyword)),
        [_, extra, ..] => Err(format!("{} takes one value; {extra:?} is too much", line.keyword)),
    }
}

fn several(line: &Line<'_>) -> Result<Vec<String>, String> {
    if line.arguments.is_empty() || line.arguments.iter().any(String::is_empty) {
        return Err(format!("{} has an empty value", line.keyword));
    }
    if line.arguments.len() > 1 && line.arguments.iter().any(|value| value.eq_ignore_ascii_case("none")) {
        return Err(format!("{}: none cannot be combined with other values", line.keyword));
    }
    Ok(line.arguments.clone())
}

fn parse_port(text: &str) -> Result<u16, String> {
    match text.parse::<u16>() {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(format!("{text:?} is not a port; expected 1 to 65535")),
    }
}

fn parse_flag(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "true" => Ok(true),
        "no" | "false" => Ok(false),
        _ => Err(format!("{text:?} is neither yes nor no")),
    }
}

/// `none` and 0 both mean that there is no such interval.
fn parse_interval(text: &str) -> Result<Option<Duration>, String> {
    if text == "none" {
        return Ok(None);
    }
    parse_time(text)
        .map(|time| (!time.is_zero()).then_some(time))
        .ok_or_else(|| format!("{text:?} is not a time; expected for instance 30 or 1m30s"))
}

fn parse_strict(text: &str) -> Result<StrictHostKeyChecking, String> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "true" => Ok(StrictHostKeyChecking::Yes),
        "no" | "false" | "off" => Ok(StrictHostKeyChecking::Off),
        "ask" => Ok(StrictHostKeyChecking::Ask),
        "accept-new" => Ok(StrictHostKeyChecking::AcceptNew),
        _ => Err(format!("{text:?} is not one of yes, ask, accept-new, no, off")),
    }
}

fn parse_algorithms(text: &str) -> Result<AlgorithmList, String> {
    let (kind, list): (fn(Vec<String>) -> AlgorithmList, &str) = match text.split_at_checked(1) {
        Some(("+", list)) => (AlgorithmList::Append, list),
        Some(("-", list)) => (AlgorithmList::Remove, list),
        Some(("^", list)) => (AlgorithmList::Prepend, list),
        _ => (AlgorithmList::Replace, text),
    };
    let names: Vec<String> = list.split(',').map(str::to_owned).collect();
    if names.iter().any(|name| name.is_empty() || name.contains(char::is_whitespace)) {
        return Err(format!("{text:?} is not a list of algorithms"));
    }
    Ok(kind(names))
}

/// `none`, or hops separated by commas, each `[user@]host[:port]` or `ssh://[user@]host[:port]`.
pub(super) fn parse_jumps(text: &str) -> Result<Vec<JumpHop>, String> {
    // Quotes do not group here, but a comment ends the value, as in OpenSSH's parse_jump().
    let text = split_arguments(text).map_err(|fault| fault.message().to_owned())?.join("");
    if text.eq_ignore_ascii_case("none") {
        return Ok(Vec::new());
    }
    text.split(',')
        .map(|hop| parse_hop(hop).ok_or_else(|| format!("{hop:?} is not [user@]host[:port]")))
        .collect()
}

fn parse_hop(text: &str) -> Option<JumpHop> {
    let text = text.strip_prefix("ssh://").map_or(text, |uri| uri.strip_suffix('/').unwrap_or(uri));
    let (user, address) = text.rsplit_once('@').map_or((None, text), |(user, address)| (Some(user), address));
    let (host, port) = if let Some(bracketed) = address.strip_prefix('[') {
        let (host, rest) = bracketed.split_once(']')?;
        match rest.strip_prefix(':') {
            Some(port) => (host, Some(port)),
            None if rest.is_empty() => (host, None),
            None => return None,
        }
    } else {
        match address.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (address, None),
        }
    };
    let port = port.map(parse_port).transpose().ok()?;
    if host.is_empty() || host.starts_with('-') || user.is_some_and(str::is_empty) {
        return None;
    }
    Some(JumpHop { user: user.map(str::to_owned), host: host.to_owned(), port })
}

impl JumpHop {
    /// Reads a comma-separated list of hops, or `none`, as `ssh -J` takes it.
    ///
    /// # Errors
    ///
    /// A message that names the hop which is not `[user@]host[:port]`.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, String> {
        parse_jumps(text)
    }
}
