//! [`read_yaml`]: Ansible's YAML format, groups in groups with `hosts`, `vars` and `children`, as its `yaml` plugin reads
//! it.

use pabawi_domain::document::{DocumentLimits, join};
use serde_json::Value;

use super::host_pattern::expand;
use super::model::Model;
use crate::source::faults::Faults;
use crate::source::yaml11::{Data, Key, Yaml};

/// An inventory of a million hosts fits.
pub(crate) const LIMITS: DocumentLimits =
    DocumentLimits { depth: 64, values: 16_000_000, aliases: 10_000, alias_values: 400_000 };

/// Reads groups into the model. Where there are faults, the model is of no use any more.
pub(super) fn read_yaml(root: Yaml, model: &mut Model, faults: &mut Faults) {
    match root.data {
        Data::Map(groups) => {
            for (key, value) in groups {
                group(&key, value, "", model, faults);
            }
        }
        _ if root.is_null() => {
            faults.fault(0, 0, "", "is empty; write for example 'all: {hosts: {web1: {}}}'")
        }
        _ => faults.fault(
            root.line,
            root.column,
            "",
            format!("must be a mapping of groups, found {}", root.kind()),
        ),
    }
}

/// Returns the group's place; nothing when it was left out.
fn group(key: &Key, value: Yaml, above: &str, model: &mut Model, faults: &mut Faults) -> Option<usize> {
    let field = join(above, &key.text);
    if !key.is_text {
        faults.fault(key.line, key.column, &field, "a group's name must be a text; put it in quotes");
        return None;
    }
    let kind = value.kind();
    let entries = match value.data {
        Data::Map(entries) => entries,
        Data::Scalar(Value::Null) => Vec::new(),
        _ => {
            faults.warn(key.line, key.column, &field, format!("is no group but {kind}; left out"));
            return None;
        }
    };
    let at = match model.add_group(&key.text) {
        Ok(at) => at,
        Err(error) => {
            faults.fault(key.line, key.column, &field, error);
            return None;
        }
    };
    for (section, value) in entries {
        if faults.is_full() {
            break;
        }
        let field = join(&field, &section.text);
        let is_known = matches!(section.text.as_str(), "vars" | "children" | "hosts");
        let kind = value.kind();
        let entries = match value.data {
            Data::Map(entries) if is_known => entries,
            // A single name may stand without a mapping.
            Data::Scalar(Value::String(text)) if is_known => {
                let null = Yaml { line: value.line, column: value.column, data: Data::Scalar(Value::Null) };
                vec![(Key { line: value.line, column: value.column, text, is_text: true }, null)]
            }
            Data::Scalar(Value::Null) => continue,
            _ if is_known => {
                faults.fault(value.line, value.column, &field, format!("must be a mapping, found {kind}"));
                continue;
            }
            _ => {
                let message = "is left out; a group has only hosts, vars and children";
                faults.warn(section.line, section.column, &field, message);
                continue;
            }
        };
        for (key, value) in entries {
            match section.text.as_str() {
                "vars" => {
                    let (line, column) = (key.line, key.column);
                    if let Err(error) = model.set_group_var(at, key.text, value.into_json()) {
                        faults.fault(line, column, &field, error);
                    }
                }
                "children" => {
                    if let Some(child) = group(&key, value, &field, model, faults)
                        && let Err(error) = model.add_child(at, child)
                    {
                        faults.fault(key.line, key.column, &field, error);
                    }
                }
                _ => hosts(&key, value, at, &field, model, faults),
            }
        }
    }
    Some(at)
}

fn hosts(key: &Key, value: Yaml, group: usize, field: &str, model: &mut Model, faults: &mut Faults) {
    let field = || join(field, &key.text);
    if !key.is_text {
        return faults.fault(
            key.line,
            key.column,
            &field(),
            "a host's name must be a text; put it in quotes",
        );
    }
    let kind = value.kind();
    let variables = match value.data {
        Data::Map(entries) => entries,
        // Ansible takes whatever Python holds for false as nothing.
        Data::Scalar(Value::Null | Value::Bool(false)) => Vec::new(),
        _ => {
            let message = format!("a host's variables must be a mapping, found {kind}");
            return faults.fault(value.line, value.column, &field(), message);
        }
    };
    let (names, port) = match expand(&key.text, model.hosts_left()) {
        Ok(expanded) => expanded,
        Err(error) => return faults.fault(key.line, key.column, &field(), error),
    };
    let variables: Vec<(String, Value)> =
        variables.into_iter().map(|(key, value)| (key.text, value.into_json())).collect();
    for name in names {
        match model.add_host(&name, Some(group), port) {
            Ok(host) => {
                for (key, value) in &variables {
                    model.set_host_var(host, key.clone(), value.clone());
                }
            }
            Err(error) => return faults.fault(key.line, key.column, &field(), error),
        }
    }
}
