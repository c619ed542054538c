//! [`node`]: from what is effective for a target to a [`Node`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pabawi_domain::id::{InvalidName, NodeId, PluginName};
use pabawi_domain::node::{Endpoint, Node};
use pabawi_domain::secret::Secret;
use serde_json::{Map, Value};

use super::data::Data;
use crate::source::way;

/// A URI of Bolt's: `[protocol://][user[:password]@]host[:port]`.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Uri {
    pub(super) protocol: Option<String>,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    pub(super) host: Option<String>,
    pub(super) port: Option<u16>,
}

impl Uri {
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (protocol, rest) = match text.split_once("://") {
            Some((protocol, rest)) => (Some(protocol.to_owned()), rest),
            None => (None, text),
        };
        let rest = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (login, address) = match rest.rsplit_once('@') {
            Some((login, address)) => (Some(login), address),
            None => (None, rest),
        };
        let (user, password) = match login.map(|login| login.split_once(':').unwrap_or((login, ""))) {
            Some((user, password)) => {
                (Some(decoded(user)?), (!password.is_empty()).then(|| decoded(password)))
            }
            None => (None, None),
        };
        let (host, port) = match address.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') && !host.contains(':') || host.ends_with(']') => {
                (host, Some(port))
            }
            _ => (address, None),
        };
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let port = match port {
            None | Some("") => None,
            Some(port) => match port.parse::<u16>() {
                Ok(port) if port > 0 => Some(port),
                _ => return Err(format!("has a port that is not a number from 1 to 65535: {port}")),
            },
        };
        let host = if host.is_empty() { None } else { Some(way::host(host)?) };
        Ok(Self { protocol, user, password: password.transpose()?, host, port })
    }
}

/// `%40` is `@` (RFC 3986, 2.1).
fn decoded(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match (first, hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).map_err(|_| "is not UTF-8 where it is percent-encoded".to_owned())
}

/// The name of a target that has only a URI: the URI without its password. Brackets around an address are left out, as
/// a node's id cannot have them.
///
/// # Errors
/// It cannot be a node's id.
pub(super) fn name_of_uri(uri: &str) -> Result<NodeId, InvalidName> {
    let (protocol, rest) = match uri.split_once("://") {
        Some((protocol, rest)) => (format!("{protocol}://"), rest),
        None => (String::new(), uri),
    };
    let rest = match rest.rsplit_once('@') {
        Some((login, address)) => format!("{}@{address}", login.split(':').next().unwrap_or_default()),
        None => rest.to_owned(),
    };
    let plain = if rest.contains('[') { rest.replace("]:", "/").replace(['[', ']'], "") } else { rest };
    NodeId::new(format!("{protocol}{plain}"))
}

/// Options that are never shown.
const SECRETS: [&str; 7] =
    ["password", "sudo-password", "su-password", "key-data", "token", "passphrase", "private-key-passphrase"];

/// A configuration without its secrets. The depth is that of the document, which is limited.
pub(super) fn without_secrets(config: &Map<String, Value>) -> Map<String, Value> {
    config
        .iter()
        .filter(|(key, _)| !SECRETS.contains(&key.as_str()))
        .map(|(key, value)| {
            let value = match value {
                Value::Object(map) => Value::Object(without_secrets(map)),
                other => other.clone(),
            };
            (key.clone(), value)
        })
        .collect()
}

/// What a group or node shows of what is said about it.
pub(super) fn metadata(data: &Data) -> BTreeMap<String, Value> {
    let mut metadata = BTreeMap::new();
    let mut show = |name: &str, map: Map<String, Value>| {
        if !map.is_empty() {
            metadata.insert(name.to_owned(), Value::Object(map));
        }
    };
    show("config", without_secrets(&data.config));
    show("vars", data.vars.clone());
    show("facts", data.facts.clone());
    if !data.features.is_empty() {
        metadata.insert("features".to_owned(), data.features.clone().into());
    }
    metadata
}

/// A node, and what could not be followed. Relative key files are taken from the project's directory, as with Bolt.
///
/// # Errors
/// The field and what is wrong with it.
pub(super) fn node(
    name: &NodeId,
    uri: Option<&str>,
    data: &Data,
    project: &Path,
) -> Result<(Node, Option<String>), (String, String)> {
    let uri = match uri {
        Some(text) => Uri::parse(text).map_err(|error| ("uri".to_owned(), error))?,
        None => Uri::default(),
    };
    let mut warning = None;
    let mut endpoint = Endpoint::default();
    let configured =
        text(&data.config, "transport").map_err(|error| ("config.transport".to_owned(), error))?;
    // Bolt reaches a target of that name without SSH, unless it is told otherwise.
    let by_name = (name.as_str() == "localhost").then(|| "local".to_owned());
    let transport = uri.protocol.or(configured).or(by_name);
    let section = transport.as_deref().unwrap_or("ssh").to_owned();
    let field = |option: &str| format!("config.{section}.{option}");
    if let Some(transport) = transport {
        let name = PluginName::new(transport).map_err(|error| ("transport".to_owned(), error.to_string()))?;
        endpoint.transport = Some(name);
    }
    let empty = Map::new();
    let options = match data.config.get(&section) {
        Some(Value::Object(options)) => options,
        None | Some(Value::Null) => &empty,
        Some(_) => return Err((format!("config.{section}"), "must be a mapping".to_owned())),
    };
    let option = |name: &str| text(options, name).map_err(|error| (field(name), error));
    if let Some(host) = uri.host.map_or_else(|| option("host"), |host| Ok(Some(host)))? {
        let host = way::host(&host).map_err(|error| (field("host"), error))?;
        // A plain name is looked up by the transport, in ssh_config for example.
        endpoint.host = (host != name.as_str()).then_some(host);
    }
    endpoint.port = match (uri.port, option("port")?) {
        (Some(port), _) => Some(port),
        (None, None) => None,
        (None, Some(port)) => Some(
            port.parse::<u16>()
                .ok()
                .filter(|port| *port > 0)
                .ok_or_else(|| (field("port"), "must be a port from 1 to 65535".to_owned()))?,
        ),
    };
    if let Some(user) = uri.user.map_or_else(|| option("user"), |user| Ok(Some(user)))? {
        endpoint.user = Some(way::user(&user).map_err(|error| (field("user"), error))?);
    }
    let password = uri.password.map_or_else(|| option("password"), |password| Ok(Some(password)))?;
    endpoint.password = password.map(Secret::new);
    match options.get("private-key") {
        Some(Value::Object(_)) => {
            warning = Some(format!("{name}: {} as data is not used; give a file", field("private-key")));
        }
        _ => endpoint.identity_files.extend(option("private-key")?.map(|file| key_file(&file, project))),
    }
    if let Some(hops) = option("proxyjump")? {
        endpoint.jump = Some(way::hops(&hops).map_err(|error| (field("proxyjump"), error))?);
    }
    Ok((Node { endpoint, metadata: metadata(data).into(), ..Node::named(name.clone()) }, warning))
}

fn text(options: &Map<String, Value>, name: &str) -> Result<Option<String>, String> {
    match options.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok((!text.is_empty()).then(|| text.clone())),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(_) => Err("must be a text".to_owned()),
    }
}

fn key_file(text: &str, project: &Path) -> PathBuf {
    match (text.strip_prefix("~/"), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => project.join(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_fall_into_their_parts() {
        let parse = |text: &str| {
            let uri = Uri::parse(text).unwrap();
            let part = |part: Option<String>| part.unwrap_or_else(|| "-".to_owned());
            let port = uri.port.map_or_else(|| "-".to_owned(), |port| port.to_string());
            [part(uri.protocol), part(uri.user), part(uri.password), part(uri.host), port].join(" ")
        };
        for (text, expected) in [
            ("web1", "- - - web1 -"),
            ("web1:2222", "- - - web1 2222"),
            ("ssh://ops:p%40ss:w@web1:22/x", "ssh ops p@ss:w web1 22"),
            ("[::1]:22", "- - - ::1 22"),
            ("[::1]", "- - - ::1 -"),
            ("::1", "- - - ::1 -"),
            ("winrm://win1", "winrm - - win1 -"),
            ("local://", "local - - - -"),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
        for bad in ["web1:0", "web1:x", "a b", "-oProxyCommand=x", "ssh://-x", "a;b"] {
            assert!(Uri::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(name_of_uri("ssh://ops:secret@web1:22").unwrap().as_str(), "ssh://ops@web1:22");
        assert_eq!(name_of_uri("[::1]:22").unwrap().as_str(), "::1/22");
    }
}
