//! Checks on what a caller gives: [`ValidationError`] with every violation at once, each with its field.
//!
//! The rules that garde's attributes name stand here, one function each. A rule looks at the value alone: no
//! file is opened, no name is resolved.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::action::{EnvValue, StdinSource};
use crate::outcome::NodeOutcome;
use crate::output::OutputData;
use crate::rollout::{MAX_WAVE_SIZES, Share};
use crate::secret::Secret;

/// The longest command line, in bytes.
pub const MAX_COMMAND_BYTES: usize = 1024 * 1024;
/// The largest script, in bytes.
pub const MAX_SCRIPT_BYTES: usize = 16 * 1024 * 1024;
/// The longest path, in bytes (`PATH_MAX` of Linux, limits.h).
pub const MAX_PATH_BYTES: usize = 4096;
/// The most environment variables, and their total size in bytes.
pub const MAX_ENV: (usize, usize) = (1024, 1024 * 1024);
/// The longest timeout, in milliseconds: 30 days.
pub const MAX_TIMEOUT_MS: u64 = 30 * 24 * 60 * 60 * 1000;
/// The highest concurrency that can be asked for.
pub const MAX_CONCURRENCY: u32 = 10_000;

/// One violated rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FieldError {
    /// The caller's name of the field, as in JSON: `action.env.A-B`, `timeouts.nodeMs`.
    pub path: String,
    /// What is wrong with it and what to do.
    pub message: String,
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

/// A request was refused before anything happened. Holds every violation, never just the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default, JsonSchema)]
pub struct ValidationError {
    /// The violations in the order of the fields.
    pub fields: Vec<FieldError>,
}

impl ValidationError {
    /// An error about one field.
    pub fn of(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { fields: vec![FieldError { path: path.into(), message: message.into() }] }
    }

    /// Adds a violation.
    pub fn push(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.fields.push(FieldError { path: path.into(), message: message.into() });
    }

    /// `Ok` when nothing was violated.
    ///
    /// # Errors
    /// Itself, when something was.
    pub fn into_result(self) -> Result<(), Self> {
        if self.fields.is_empty() { Ok(()) } else { Err(self) }
    }

    /// Takes garde's report over, with the paths in the caller's names.
    pub fn from_report(report: &garde::Report) -> Self {
        let fields = report
            .iter()
            .map(|(path, error)| FieldError {
                path: camel_path(&path.to_string()),
                message: error.message().to_owned(),
            })
            .collect();
        Self { fields }
    }
}

impl fmt::Display for ValidationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid request: ")?;
        for (index, field) in self.fields.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            field.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for ValidationError {}

/// Rust's field names become those of JSON: `timeouts.node_ms` -> `timeouts.nodeMs`. What has no name in JSON
/// is dropped: the content of a variant, which garde calls `action[0]` or `mode[0]`, and the flattened `process`
/// and `request`.
fn camel_path(path: &str) -> String {
    let nameless = |component: &&str| !matches!(*component, "" | "process" | "request");
    let named = path.split('.').filter(nameless).map(|component| match component {
        "action[0]" => "action".to_owned(),
        "mode[0]" => "mode".to_owned(),
        other => camel_case(other),
    });
    named.collect::<Vec<_>>().join(".")
}

fn camel_case(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut upper = false;
    for c in name.chars() {
        if c == '_' {
            upper = true;
        } else if std::mem::take(&mut upper) {
            out.push(c.to_ascii_uppercase());
        } else {
            out.push(c);
        }
    }
    out
}

type Checked = Result<(), garde::Error>;

fn refuse(message: impl Into<String>) -> Checked {
    Err(garde::Error::new(message.into()))
}

pub(crate) fn command_text(command: &str, _: &()) -> Checked {
    if command.trim().is_empty() {
        refuse("must not be empty; give the command to run")
    } else if command.contains('\0') {
        refuse("must not contain a NUL byte; pass binary data through stdin")
    } else if command.len() > MAX_COMMAND_BYTES {
        refuse(format!(
            "is {} bytes long, at most {MAX_COMMAND_BYTES} are allowed; run it as a script instead",
            command.len()
        ))
    } else {
        Ok(())
    }
}

pub(crate) fn script_content(content: &OutputData, _: &()) -> Checked {
    if content.0.is_empty() {
        refuse("must not be empty; give the script to run")
    } else if content.0.len() > MAX_SCRIPT_BYTES {
        refuse(format!(
            "is {} bytes long, at most {MAX_SCRIPT_BYTES} are allowed; copy it first",
            content.0.len()
        ))
    } else {
        Ok(())
    }
}

pub(crate) fn file_label(name: &str, _: &()) -> Checked {
    if name.is_empty() || name.len() > 255 {
        refuse("must be 1 to 255 bytes long")
    } else if name.chars().any(char::is_control) {
        refuse("must not contain control characters")
    } else {
        Ok(())
    }
}

pub(crate) fn tool_name(name: &str, context: &()) -> Checked {
    if name.starts_with('-') { refuse("must not start with '-'") } else { file_label(name, context) }
}

pub(crate) fn optional_program(program: &Option<String>, context: &()) -> Checked {
    match program {
        None => Ok(()),
        Some(program) if program.starts_with('-') => refuse("must not start with '-'"),
        Some(program) => remote_path(program, context),
    }
}

pub(crate) fn arguments(arguments: &[String], _: &()) -> Checked {
    match arguments.iter().position(|argument| argument.contains('\0')) {
        Some(index) => refuse(format!("argument {index} contains a NUL byte")),
        None if arguments.iter().map(String::len).sum::<usize>() > 100 * 1024 => {
            refuse("are longer than 100 KiB together; pass the data through stdin or a file")
        }
        None => Ok(()),
    }
}

pub(crate) fn environment(env: &BTreeMap<String, EnvValue>, _: &()) -> Checked {
    let mut bytes = 0;
    for (name, value) in env {
        let mut chars = name.chars();
        let good = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
            && chars.all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !good {
            return refuse(format!(
                "{name:?} is not a name of a variable; use letters, digits and '_', not starting with a digit"
            ));
        }
        if value.expose().contains(&0) {
            return refuse(format!("{name}: the value contains a NUL byte, which no environment can hold"));
        }
        if let EnvValue::Secret { secret } = value
            && secret.is_redacted()
        {
            return refuse(format!(
                "{name}: the secret was not stored with the original request; give it again"
            ));
        }
        bytes += name.len() + value.expose().len();
    }
    if env.len() > MAX_ENV.0 || bytes > MAX_ENV.1 {
        return refuse(format!(
            "at most {} variables of {} bytes together are allowed",
            MAX_ENV.0, MAX_ENV.1
        ));
    }
    Ok(())
}

pub(crate) fn remote_path(path: &str, _: &()) -> Checked {
    if path.is_empty() {
        refuse("must not be empty")
    } else if path.contains('\0') {
        refuse("must not contain a NUL byte")
    } else if path.len() > MAX_PATH_BYTES {
        refuse(format!("must not be longer than {MAX_PATH_BYTES} bytes"))
    } else {
        Ok(())
    }
}

pub(crate) fn optional_path(path: &Option<String>, context: &()) -> Checked {
    path.as_deref().map_or(Ok(()), |path| remote_path(path, context))
}

pub(crate) fn local_path(path: &Path, context: &()) -> Checked {
    remote_path(&path.to_string_lossy(), context)
}

pub(crate) fn optional_umask(umask: &Option<u32>, context: &()) -> Checked {
    optional_bits(umask, 0o777, context)
}

pub(crate) fn optional_mode(mode: &Option<u32>, context: &()) -> Checked {
    optional_bits(mode, 0o7777, context)
}

fn optional_bits(value: &Option<u32>, most: u32, _: &()) -> Checked {
    match value {
        Some(value) if *value > most => refuse(format!("must be an octal number from 0 to {most:o}")),
        _ => Ok(()),
    }
}

pub(crate) fn unix_user(user: &str, _: &()) -> Checked {
    let mut chars = user.chars();
    let good = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || "_.@-$".contains(c))
        && user.len() <= 64;
    if good {
        Ok(())
    } else {
        refuse("must be a user name: letters, digits and '_.@-', starting with a letter or '_', at most 64")
    }
}

pub(crate) fn optional_secret(field: &'static str) -> impl FnOnce(&Option<Secret>, &()) -> Checked {
    move |secret, _| match secret {
        Some(secret) if secret.is_redacted() => {
            refuse(format!("{field} was not stored with the original request; give it again"))
        }
        Some(secret) if secret.expose().iter().any(|byte| matches!(byte, 0 | b'\n' | b'\r')) => {
            refuse("must not contain NUL or a line break, since it is sent as one line")
        }
        _ => Ok(()),
    }
}

/// Every line of a secret is looked for in all output, so it cannot be of any length.
pub const MAX_SECRET_STDIN_BYTES: usize = 64 * 1024;

pub(crate) fn optional_stdin(stdin: &Option<StdinSource>, _: &()) -> Checked {
    match stdin {
        Some(StdinSource::Secret(secret)) if secret.is_redacted() => {
            refuse("the secret was not stored with the original request; give it again")
        }
        Some(StdinSource::Secret(secret)) if secret.expose().len() > MAX_SECRET_STDIN_BYTES => {
            refuse(format!("a secret must not be longer than {MAX_SECRET_STDIN_BYTES} bytes"))
        }
        _ => Ok(()),
    }
}

pub(crate) fn optional_timeout(ms: &Option<u64>, _: &()) -> Checked {
    match ms {
        Some(0) => refuse("must be at least 1 ms; leave it out for no limit"),
        Some(ms) if *ms > MAX_TIMEOUT_MS => refuse(format!("must be at most {MAX_TIMEOUT_MS} ms (30 days)")),
        _ => Ok(()),
    }
}

pub(crate) fn optional_concurrency(concurrency: &Option<u32>, _: &()) -> Checked {
    match concurrency {
        Some(0) => refuse("must be at least 1"),
        Some(n) if *n > MAX_CONCURRENCY => refuse(format!("must be at most {MAX_CONCURRENCY}")),
        _ => Ok(()),
    }
}

pub(crate) fn share(share: &Share, _: &()) -> Checked {
    match share {
        Share::Count(0) => refuse("must be at least 1"),
        Share::Percent(percent) if *percent <= 0.0 || *percent > 100.0 => {
            refuse(format!("is {share}, and must be more than 0% and at most 100%"))
        }
        _ => Ok(()),
    }
}

pub(crate) fn optional_tolerance(tolerance: &Option<Share>, _: &()) -> Checked {
    match tolerance {
        Some(share @ Share::Percent(percent)) if !(0.0..=100.0).contains(percent) => {
            refuse(format!("is {share}, and must be from 0% to 100%"))
        }
        _ => Ok(()),
    }
}

pub(crate) fn wave_sizes(waves: &[Share], context: &()) -> Checked {
    if waves.is_empty() {
        return refuse("must name at least one size, such as [1, 5, \"20%\"]");
    }
    if waves.len() > MAX_WAVE_SIZES {
        return refuse(format!("names {} sizes, at most {MAX_WAVE_SIZES} are allowed", waves.len()));
    }
    for (index, wave) in waves.iter().enumerate() {
        share(wave, context)
            .map_err(|error| garde::Error::new(format!("size {}: {}", index + 1, error.message())))?;
    }
    Ok(())
}

pub(crate) fn pause(ms: &u64, _: &()) -> Checked {
    if *ms > MAX_TIMEOUT_MS {
        refuse(format!("must be at most {MAX_TIMEOUT_MS} ms (30 days)"))
    } else {
        Ok(())
    }
}

pub(crate) fn retried_outcomes(words: &BTreeSet<String>, _: &()) -> Checked {
    match words.iter().find(|word| !NodeOutcome::FAILURES.contains(&word.as_str())) {
        Some(word) => refuse(format!(
            "{word:?} is no outcome that can be tried again; use {}",
            NodeOutcome::FAILURES.join(", ")
        )),
        None => Ok(()),
    }
}

pub(crate) fn straggler_multiple(multiple: &f64, _: &()) -> Checked {
    if (1.0..=1000.0).contains(multiple) { Ok(()) } else { refuse("must be from 1 to 1000") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_the_callers_names() {
        assert_eq!(camel_path("timeouts.node_ms"), "timeouts.nodeMs");
        assert_eq!(camel_path("action[0].process.run_as.user"), "action.runAs.user");
        assert_eq!(camel_path("tasks[3].request.action[0].command"), "tasks[3].action.command");
        assert_eq!(camel_path("rollout.mode[0].pause_ms"), "rollout.mode.pauseMs");
    }
}
