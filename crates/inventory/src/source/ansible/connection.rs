//! [`connection`]: Ansible's variables that tell how a host is reached become an [`Endpoint`].

use std::borrow::Cow;
use std::path::PathBuf;

use pabawi_domain::id::{NodeId, PluginName};
use pabawi_domain::node::Endpoint;
use pabawi_domain::secret::Secret;
use serde_json::Value;

use super::model::Vars;
use super::template::resolved;
use super::words::words;
use crate::source::way;

// Where several of a list are set, the last one counts (the options of Ansible's ssh connection plugin).
pub(crate) const HOST: [&str; 2] = ["ansible_host", "ansible_ssh_host"];
pub(crate) const PORT: [&str; 2] = ["ansible_port", "ansible_ssh_port"];
pub(crate) const USER: [&str; 2] = ["ansible_user", "ansible_ssh_user"];
pub(crate) const KEY_FILE: [&str; 2] = ["ansible_private_key_file", "ansible_ssh_private_key_file"];
/// The names under which an endpoint's fields are written as variables again.
pub(crate) const WRITTEN: [&str; 5] =
    ["ansible_host", "ansible_port", "ansible_user", "ansible_ssh_private_key_file", "ansible_connection"];
pub(crate) const TRANSPORT: [&str; 1] = ["ansible_connection"];
const PASSWORD: [&str; 3] = ["ansible_password", "ansible_ssh_pass", "ansible_ssh_password"];
pub(crate) const SSH_ARGUMENTS: [&str; 2] = ["ansible_ssh_common_args", "ansible_ssh_extra_args"];

/// Variables that are never shown as metadata.
const SECRETS: [&str; 12] = [
    "ansible_password",
    "ansible_ssh_pass",
    "ansible_ssh_password",
    "ansible_ssh_private_key",
    "ansible_ssh_private_key_passphrase",
    "ansible_private_key_passphrase",
    "ansible_become_password",
    "ansible_become_pass",
    "ansible_sudo_pass",
    "ansible_su_pass",
    "ansible_winrm_password",
    "ansible_winrm_pass",
];

/// Whether a variable is a secret by its name.
pub(crate) fn is_secret(name: &str) -> bool {
    SECRETS.contains(&name)
}

/// The variables of a host: its own, then those of its groups.
#[derive(Clone, Copy)]
pub(super) struct Effective<'a> {
    pub(super) host: &'a NodeId,
    pub(super) own: &'a Vars,
    pub(super) shared: &'a Vars,
}

impl<'a> Effective<'a> {
    fn get(&self, name: &str) -> Option<&'a Value> {
        self.own.get(name).or_else(|| self.shared.get(name))
    }

    fn lookup(&self, name: &str) -> Option<Cow<'a, Value>> {
        match name {
            "inventory_hostname" => Some(Cow::Owned(self.host.as_str().into())),
            "inventory_hostname_short" => {
                Some(Cow::Owned(self.host.as_str().split('.').next().unwrap_or_default().into()))
            }
            _ => self.get(name).map(Cow::Borrowed),
        }
    }

    /// The variable of these names that counts, and its value.
    fn first(&self, names: &[&'static str]) -> Option<(&'static str, &'a Value)> {
        names
            .iter()
            .rev()
            .find_map(|name| Some((*name, self.get(name)?)))
            .filter(|(_, value)| !value.is_null())
    }
}

/// How a host is reached.
#[derive(Debug, Default)]
pub(super) struct Connection {
    pub(super) endpoint: Endpoint,
    /// The variables that the endpoint says word for word.
    pub(super) said: Vec<&'static str>,
    /// What could not be followed, and does not change where the host is.
    pub(super) warnings: Vec<String>,
}

/// Why a host cannot be reached as the inventory wants it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// A value that nobody could use.
    Bad(&'static str, String),
    /// Only Ansible can tell the value.
    OnlyAnsible(&'static str, String),
}

/// Maps the variables.
///
/// # Errors
/// [`Fault`] with the variable.
pub(super) fn connection(vars: Effective<'_>) -> Result<Connection, Fault> {
    let mut connection = Connection::default();
    let Connection { endpoint, said, warnings } = &mut connection;
    let lookup = |name: &str| vars.lookup(name);
    let text = |names: &[&'static str]| -> Result<Option<(&'static str, String, bool)>, Fault> {
        let Some((name, value)) = vars.first(names) else { return Ok(None) };
        let value = resolved(Cow::Borrowed(value), &lookup).map_err(|why| Fault::OnlyAnsible(name, why))?;
        let as_written = matches!(value, Cow::Borrowed(Value::String(_)));
        match value.as_ref() {
            Value::String(text) if !text.is_empty() => Ok(Some((name, text.clone(), as_written))),
            Value::String(_) => Ok(None),
            Value::Number(number) => Ok(Some((name, number.to_string(), false))),
            _ => Err(Fault::Bad(name, "must be a text".to_owned())),
        }
    };
    if let Some((name, host, as_written)) = text(&HOST)? {
        endpoint.host = Some(way::host(&host).map_err(|error| Fault::Bad(name, error))?);
        said.extend(as_written.then_some(name));
    }
    if let Some((name, port, _)) = text(&PORT)? {
        let number = port.trim().parse::<u16>().ok().filter(|port| *port > 0);
        endpoint.port =
            Some(number.ok_or_else(|| {
                Fault::Bad(name, format!("must be a port from 1 to 65535, found {port:?}"))
            })?);
        said.extend(matches!(vars.get(name), Some(Value::Number(_))).then_some(name));
    }
    if let Some((name, user, as_written)) = text(&USER)? {
        endpoint.user = Some(way::user(&user).map_err(|error| Fault::Bad(name, error))?);
        said.extend(as_written.then_some(name));
    }
    if let Some((name, transport, _)) = text(&TRANSPORT)? {
        let (transport, is_same) = transport_of(&transport);
        endpoint.transport =
            Some(PluginName::new(transport).map_err(|error| Fault::Bad(name, error.to_string()))?);
        said.extend(is_same.then_some(name));
    }
    if let Some((name, file, as_written)) = text(&KEY_FILE)? {
        let (path, is_same) = key_file(&file);
        endpoint.identity_files = vec![path];
        said.extend((as_written && is_same).then_some(name));
    }
    match text(&PASSWORD) {
        Ok(password) => endpoint.password = password.map(|(_, password, _)| Secret::new(password)),
        // Another way to log in may do.
        Err(Fault::Bad(name, why) | Fault::OnlyAnsible(name, why)) => {
            warnings.push(format!("{name} {why}; not used"))
        }
    }
    for name in SSH_ARGUMENTS {
        let Some((name, arguments, _)) = text(&[name])? else { continue };
        match jump(&arguments) {
            Ok(Some(hops)) => endpoint.jump = Some(hops),
            Ok(None) => {}
            Err(why) => warnings.push(format!("{name} {why}; not followed, ssh_config decides")),
        }
    }
    connection.said.retain(|name| WRITTEN.contains(name));
    Ok(connection)
}

/// The transport of that connection plugin, and whether the name says no more.
pub(crate) fn transport_of(connection: &str) -> (&str, bool) {
    match connection.rsplit('.').next().unwrap_or(connection) {
        "smart" | "paramiko" | "paramiko_ssh" | "libssh" | "openssh" => ("ssh", false),
        // The last part of a collection's name: `community.docker.docker`.
        last => (last, last == connection),
    }
}

/// `~/` is the home directory. What is relative is left so: Ansible takes it from where it was started.
fn key_file(text: &str) -> (PathBuf, bool) {
    match (text.strip_prefix("~/"), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) => (PathBuf::from(home).join(rest), false),
        _ => (PathBuf::from(text), true),
    }
}

/// The jump hosts of arguments that are nothing but `-J hosts` or `-o ProxyJump=hosts`.
fn jump(arguments: &str) -> Result<Option<Vec<String>>, String> {
    let words = words(arguments)?;
    let mut words = words.iter().map(String::as_str);
    let mut jump = None;
    while let Some(word) = words.next() {
        let value = match (word.strip_prefix("-J"), word.strip_prefix("-o")) {
            (Some(""), _) => words.next(),
            (Some(hosts), _) => Some(hosts),
            (None, Some(option)) => {
                let option = if option.is_empty() { words.next().unwrap_or_default() } else { option };
                let (keyword, value) = option.split_once(['=', ' ']).unwrap_or((option, ""));
                keyword.eq_ignore_ascii_case("ProxyJump").then_some(value)
            }
            (None, None) => None,
        };
        let Some(hosts) = value else {
            return Err("holds more than a jump host".to_owned());
        };
        jump = Some(way::hops(hosts)?);
    }
    Ok(jump)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn map(vars: Value) -> Result<Connection, Fault> {
        let Value::Object(own) = vars else { panic!("an object") };
        let shared = Vars::from_iter([("domain".to_owned(), json!("example.org"))]);
        connection(Effective { host: &NodeId::new("web1.dc").unwrap(), own: &own, shared: &shared })
    }

    /// R3.10
    #[test]
    fn connection_variables_become_an_endpoint() {
        let connection = map(json!({
            "ansible_host": "10.0.0.1", "ansible_port": 2222, "ansible_user": "ops",
            "ansible_ssh_private_key_file": "/k/id", "ansible_connection": "ssh", "ansible_password": "hunter2",
            "ansible_ssh_common_args": "-o ProxyJump=ops@bastion:22,b2",
        }))
        .unwrap();
        let endpoint = &connection.endpoint;
        assert_eq!((endpoint.host.as_deref(), endpoint.port), (Some("10.0.0.1"), Some(2222)));
        assert_eq!(endpoint.user.as_deref(), Some("ops"));
        assert_eq!(endpoint.identity_files, [PathBuf::from("/k/id")]);
        assert_eq!(endpoint.transport.as_ref().unwrap().as_str(), "ssh");
        assert_eq!(endpoint.password.as_ref().unwrap().expose(), b"hunter2");
        assert_eq!(endpoint.jump.as_deref().unwrap(), ["ops@bastion:22", "b2"]);
        assert_eq!(connection.said.len(), 5);
        assert!(connection.warnings.is_empty() && !format!("{connection:?}").contains("hunter2"));
    }

    #[test]
    fn older_names_other_plugins_and_templates_are_understood() {
        let connection = map(json!({
            "ansible_host": "a", "ansible_ssh_host": "{{ inventory_hostname_short }}.{{ domain }}",
            "ansible_port": "22", "ansible_connection": "community.docker.docker", "ansible_ssh_extra_args": "-J b",
        }))
        .unwrap();
        assert_eq!(connection.endpoint.host.as_deref(), Some("web1.example.org"));
        assert_eq!(connection.endpoint.port, Some(22));
        assert_eq!(connection.endpoint.transport.as_ref().unwrap().as_str(), "docker");
        assert_eq!(connection.endpoint.jump.as_deref().unwrap(), ["b"]);
        assert!(connection.said.is_empty(), "nothing of it is said word for word: {:?}", connection.said);
        let more = map(json!({"ansible_ssh_common_args": "-J b -o StrictHostKeyChecking=no"})).unwrap();
        assert!(more.endpoint.jump.is_none() && more.warnings[0].contains("more than a jump host"));
        let vaulted = map(json!({"ansible_password": {"__ansible_vault": "x"}})).unwrap();
        assert!(vaulted.endpoint.password.is_none() && vaulted.warnings[0].contains("Vault"));
    }

    #[test]
    fn values_that_could_do_harm_are_faults() {
        for (vars, name) in [
            (json!({"ansible_host": "-oProxyCommand=x"}), "ansible_host"),
            (json!({"ansible_host": "a;id"}), "ansible_host"),
            (json!({"ansible_host": ["a"]}), "ansible_host"),
            (json!({"ansible_port": 70000}), "ansible_port"),
            (json!({"ansible_user": "-l"}), "ansible_user"),
            (json!({"ansible_connection": "../x y"}), "ansible_connection"),
        ] {
            assert!(matches!(map(vars).unwrap_err(), Fault::Bad(found, _) if found == name), "{name}");
        }
        let error = map(json!({"ansible_host": "{{ x | first }}"})).unwrap_err();
        assert!(matches!(error, Fault::OnlyAnsible("ansible_host", _)), "{error:?}");
    }
}
