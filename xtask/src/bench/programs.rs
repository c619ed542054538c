//! Benchmarks that look inside: programs of the workspace that measure themselves. Main function: [`result_of`].

use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::shell;

/// Builds an example with optimisation, runs it, and reads the JSON object on the last line that it prints.
pub(super) fn result_of(package: &str, example: &str, arguments: &[&str]) -> Result<Value> {
    let program =
        shell::built(example, &["build", "--release", "--locked", "-p", package, "--example", example])?;
    let printed = shell::output(Command::new(program).args(arguments))?;
    let last = printed.lines().last().unwrap_or_default();
    serde_json::from_str(last).with_context(|| format!("{example} printed {last:?}"))
}

/// A number of such a result.
pub(super) fn number(result: &Value, name: &str) -> Result<f64> {
    result.get(name).and_then(Value::as_f64).with_context(|| format!("{name} is not in {result}"))
}
