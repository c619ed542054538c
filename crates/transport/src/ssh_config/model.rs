//! A parsed configuration: files made of sections, sections made of settings and included files.
//!
//! Main type: [`SshConfig`]. The tree keeps the order of the files, because the first value wins; an index
//! per file keeps the work for one host independent of how many other hosts the file names.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::local_user::LocalUser;
use super::pattern::{is_wild, matches_pattern};
use super::settings::{AlgorithmList, JumpHop, StrictHostKeyChecking};

/// A parsed OpenSSH client configuration. Cheap to clone; immutable.
#[derive(Debug, Clone)]
pub struct SshConfig {
    /// In order of reading: the user's file first.
    pub(super) files: Vec<Arc<ConfigFile>>,
    /// Whose home folder and name the tokens stand for.
    pub(super) local: LocalUser,
    /// What was read but has no effect here.
    pub(super) diagnostics: Vec<Diagnostic>,
}

impl SshConfig {
    /// A configuration that says nothing: only OpenSSH's defaults apply.
    pub fn empty() -> Self {
        Self::empty_for(LocalUser::current())
    }

    /// As [`Self::empty`], for a given local user.
    pub fn empty_for(local: LocalUser) -> Self {
        Self { files: Vec::new(), local, diagnostics: Vec::new() }
    }

    /// Whom `~`, `%d`, `%u` and a missing `User` refer to.
    pub fn local_user(&self) -> &LocalUser {
        &self.local
    }

    /// Settings that were understood but are not implemented, or were not understood, in file order.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }
}

/// Something in a file that has no effect here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file.
    pub file: PathBuf,
    /// Counted from 1.
    pub line: u32,
    /// What was found.
    pub kind: DiagnosticKind,
}

/// The kinds of [`Diagnostic`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DiagnosticKind {
    /// A setting that this client ignores, for instance `ForwardAgent`.
    IgnoredKeyword(String),
    /// A `Match` criterion that cannot be evaluated; resolving a host it may apply to is an error.
    UnsupportedMatch(String),
    /// A `ProxyCommand`; resolving a host it applies to is an error.
    ProxyCommand,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}, line {}: ", self.file.display(), self.line)?;
        match &self.kind {
            DiagnosticKind::IgnoredKeyword(keyword) => write!(out, "{keyword} is ignored"),
            DiagnosticKind::UnsupportedMatch(criterion) => write!(out, "Match {criterion} is not supported"),
            DiagnosticKind::ProxyCommand => write!(out, "ProxyCommand is not supported; use ProxyJump"),
        }
    }
}

/// One file that was read.
#[derive(Debug)]
pub(super) struct ConfigFile {
    pub(super) path: PathBuf,
    /// In file order. The first holds what stands before any `Host` or `Match`.
    pub(super) sections: Vec<Section>,
    index: SectionIndex,
}

/// Which sections can apply to a host, without looking at each.
#[derive(Debug, Default)]
struct SectionIndex {
    /// Sections that must always be evaluated, ascending.
    general: Vec<usize>,
    /// Sections whose `Host` line consists of plain names only, by name, ascending.
    by_name: HashMap<String, Vec<usize>>,
}

impl ConfigFile {
    pub(super) fn new(path: PathBuf, sections: Vec<Section>) -> Self {
        let mut index = SectionIndex::default();
        for (number, section) in sections.iter().enumerate() {
            match &section.condition {
                Condition::Host(patterns)
                    if patterns.iter().all(|pattern| !pattern.negated && !is_wild(&pattern.text)) =>
                {
                    for pattern in patterns {
                        let numbers = index.by_name.entry(pattern.text.clone()).or_default();
                        if numbers.last() != Some(&number) {
                            numbers.push(number);
                        }
                    }
                }
                _ => index.general.push(number),
            }
        }
        Self { path, sections, index }
    }

    /// The sections that may apply to `host`, in file order.
    pub(super) fn candidates<'a>(&'a self, host: &str) -> impl Iterator<Item = &'a Section> + use<'a> {
        let mut general = self.index.general.iter().copied().peekable();
        let mut named = self.index.by_name.get(host).into_iter().flatten().copied().peekable();
        let order = std::iter::from_fn(move || match (general.peek(), named.peek()) {
            (Some(a), Some(b)) if a < b => general.next(),
            (_, Some(_)) => named.next(),
            (_, None) => general.next(),
        });
        order.filter_map(|number| self.sections.get(number))
    }
}

/// Whether a `Host` line covers `host`: some pattern matches and no negated one does.
pub(super) fn host_patterns_match(patterns: &[HostPattern], host: &str) -> bool {
    let mut matched = false;
    for pattern in patterns {
        if matches_pattern(host, &pattern.text) {
            if pattern.negated {
                return false;
            }
            matched = true;
        }
    }
    matched
}

/// What follows one `Host` or `Match` line.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) condition: Condition,
    /// Line of the `Host` or `Match`.
    pub(super) line: u32,
    pub(super) items: Vec<Item>,
}

/// When a section applies.
#[derive(Debug)]
pub(super) enum Condition {
    /// Before the first `Host` or `Match`.
    Always,
    /// A `Host` line.
    Host(Vec<HostPattern>),
    /// A `Match` line: all criteria must hold.
    Match(Vec<Criterion>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HostPattern {
    pub(super) negated: bool,
    pub(super) text: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Criterion {
    pub(super) negated: bool,
    pub(super) test: CriterionTest,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CriterionTest {
    All,
    /// `canonical` and `final` are the same to OpenSSH unless names are canonicalised, which is not done here.
    FinalPass {
        /// `final` asks for the second pass; `canonical` only takes part in it.
        requests_it: bool,
    },
    Host(String),
    OriginalHost(String),
    User(String),
    LocalUser(String),
    Unsupported(String),
}

#[derive(Debug)]
pub(super) enum Item {
    Set(Setting),
    Include(Vec<Arc<ConfigFile>>),
}

#[derive(Debug)]
pub(super) struct Setting {
    pub(super) line: u32,
    pub(super) value: Value,
}

/// A setting that has an effect, its value checked but its tokens not yet expanded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    HostName(String),
    User(String),
    Port(u16),
    IdentityFile(String),
    IdentitiesOnly(bool),
    IdentityAgent(String),
    /// Empty for `none`.
    ProxyJump(Vec<JumpHop>),
    /// The argument is kept only to tell `none` from a command.
    ProxyCommand {
        none: bool,
    },
    ConnectTimeout(Option<Duration>),
    ServerAliveInterval(Option<Duration>),
    ServerAliveCountMax(u32),
    UserKnownHostsFile(Vec<String>),
    GlobalKnownHostsFile(Vec<String>),
    StrictHostKeyChecking(StrictHostKeyChecking),
    HostKeyAlias(String),
    HostKeyAlgorithms(AlgorithmList),
    HashKnownHosts(bool),
}

/// Where a value stands, for messages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) file: &'a Path,
    pub(super) line: u32,
}
