//! [`read_list`]: the JSON that a dynamic inventory script prints for `--list`, as Ansible's `script` plugin reads it.

use serde_json::{Map, Value};

use super::model::Model;
use crate::source::faults::Faults;

/// What a script printed.
pub(crate) type Groups = Map<String, Value>;

/// Reads groups and the variables under `_meta`. Where there are faults, the model is of no use any more.
pub(super) fn read_list(groups: &Groups, model: &mut Model, faults: &mut Faults) {
    for (name, data) in groups {
        if name != "_meta" && !faults.is_full() {
            read_group(name, data, model, faults);
        }
    }
    let Some(hostvars) = groups.get("_meta").and_then(|meta| meta.get("hostvars")) else { return };
    let Value::Object(hostvars) = hostvars else {
        return faults.fault(0, 0, "_meta.hostvars", "must be an object");
    };
    for (name, vars) in hostvars {
        // Ansible takes no notice of variables of hosts that are in no group.
        if model.has_host(name) {
            host_vars(name, vars, model, faults);
        }
    }
}

/// Takes the variables of a host.
pub(super) fn host_vars(name: &str, vars: &Value, model: &mut Model, faults: &mut Faults) {
    let Value::Object(vars) = vars else {
        return faults.fault(0, 0, name, "the variables of a host must be an object");
    };
    if let Ok(host) = model.add_host(name, None, None) {
        for (key, value) in vars {
            model.set_host_var(host, key.clone(), value.clone());
        }
    }
}

fn read_group(name: &str, data: &Value, model: &mut Model, faults: &mut Faults) {
    let at = match model.add_group(name) {
        Ok(at) => at,
        Err(error) => return faults.fault(0, 0, name, error),
    };
    let mut add_host = |host: &Value, faults: &mut Faults, field: &str| {
        let Value::String(host) = host else {
            return faults.fault(0, 0, field, "a host must be a text");
        };
        if let Err(error) = model.add_host(host, Some(at), None) {
            faults.fault(0, 0, field, error);
        }
    };
    let data = match data {
        Value::Object(data) if ["hosts", "vars", "children"].iter().any(|key| data.contains_key(*key)) => {
            data
        }
        Value::Object(vars) => {
            // A host of that name with its variables.
            add_host(&Value::String(name.to_owned()), faults, name);
            return host_vars(name, &Value::Object(vars.clone()), model, faults);
        }
        Value::Array(hosts) => {
            for (index, host) in hosts.iter().enumerate() {
                add_host(host, faults, &format!("{name}[{index}]"));
            }
            return;
        }
        _ => return faults.fault(0, 0, name, "a group must be an object or a list of hosts"),
    };
    match data.get("hosts") {
        None => {}
        Some(Value::Array(hosts)) => {
            for (index, host) in hosts.iter().enumerate() {
                if faults.is_full() {
                    return;
                }
                add_host(host, faults, &format!("{name}.hosts[{index}]"));
            }
        }
        Some(_) => faults.fault(0, 0, &format!("{name}.hosts"), "must be a list"),
    }
    match data.get("vars") {
        None => {}
        Some(Value::Object(vars)) => {
            for (key, value) in vars {
                if let Err(error) = model.set_group_var(at, key.clone(), value.clone()) {
                    faults.fault(0, 0, &format!("{name}.vars"), error);
                }
            }
        }
        Some(_) => faults.fault(0, 0, &format!("{name}.vars"), "must be an object"),
    }
    match data.get("children") {
        None => {}
        Some(Value::Array(children)) => {
            for (index, child) in children.iter().enumerate() {
                let added = match child {
                    Value::String(child) => {
                        model.add_group(child).and_then(|child| model.add_child(at, child))
                    }
                    _ => Err("a child must be a group's name".to_owned()),
                };
                if let Err(error) = added {
                    faults.fault(0, 0, &format!("{name}.children[{index}]"), error);
                }
            }
        }
        Some(_) => faults.fault(0, 0, &format!("{name}.children"), "must be a list"),
    }
}
