//! Hosts of an OpenSSH client configuration, as Pabawi's own line reader tells them: [`parse_ssh_hosts`].
//!
//! It knows five keywords and the comment `# Groups:`. The framework reads such files itself as OpenSSH does; this is for
//! who asks for Pabawi's list.

use napi_derive::napi;

/// One host.
#[napi(object)]
#[derive(Debug, Default, PartialEq, Eq)]
pub struct SshHost {
    /// The first name of the `Host` line.
    pub name: String,
    /// `ssh://` and the `HostName`.
    pub uri: String,
    /// The second name of the `Host` line.
    pub alias: Option<String>,
    /// `User`.
    pub user: Option<String>,
    /// `Port`.
    pub port: Option<u32>,
    /// `IdentityFile`, as it is written.
    pub private_key_path: Option<String>,
    /// From `# Groups: a, b` within the block.
    pub groups: Option<Vec<String>>,
}

/// What a file holds.
#[napi(object)]
#[derive(Debug, Default)]
pub struct SshHosts {
    /// Hosts with a `HostName`, in the order of the file.
    pub hosts: Vec<SshHost>,
    /// Lines that cannot be, each with its number.
    pub errors: Vec<String>,
}

/// Reads hosts.
#[napi(catch_unwind)]
pub fn parse_ssh_hosts(content: String) -> SshHosts {
    let mut found = SshHosts::default();
    let mut open: Option<SshHost> = None;
    for (number, line) in (1_usize..).zip(content.split('\n')) {
        let line = line.trim();
        if let Some(comment) = line.strip_prefix('#') {
            if let (Some(host), Some(names)) = (&mut open, groups(comment)) {
                host.groups = Some(names);
            }
            continue;
        }
        let Some((keyword, value)) = split(line) else { continue };
        if keyword.eq_ignore_ascii_case("host") {
            found.hosts.extend(open.take().and_then(finished));
            let mut names = value.split_whitespace();
            match names.next() {
                None => found.errors.push(format!("Line {number}: Host directive without pattern")),
                Some(name) if name.contains(['*', '?']) => {}
                Some(name) => {
                    let alias = names.next().map(str::to_owned);
                    open = Some(SshHost { name: name.to_owned(), alias, ..SshHost::default() });
                }
            }
            continue;
        }
        let Some(host) = &mut open else { continue };
        if keyword.eq_ignore_ascii_case("hostname") {
            host.uri = value.to_owned();
        } else if keyword.eq_ignore_ascii_case("user") {
            host.user = text(value);
        } else if keyword.eq_ignore_ascii_case("identityfile") {
            host.private_key_path = text(unquoted(value));
        } else if keyword.eq_ignore_ascii_case("port") {
            match value.parse::<u32>() {
                Ok(port) if (1..=65_535).contains(&port) => host.port = Some(port),
                _ => found.errors.push(format!("Line {number}: Invalid port number \"{value}\"")),
            }
        }
    }
    found.hosts.extend(open.and_then(finished));
    found
}

/// A keyword and the rest of its line.
fn split(line: &str) -> Option<(&str, &str)> {
    if line.is_empty() {
        return None;
    }
    let (keyword, value) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    Some((keyword, value.trim()))
}

/// The names of a comment ` Groups: a, b`.
fn groups(comment: &str) -> Option<Vec<String>> {
    let comment = comment.trim_start();
    let head = comment.get(..7).filter(|head| head.eq_ignore_ascii_case("groups:"))?;
    let names = comment.get(head.len()..)?.split(',').map(str::trim);
    let names: Vec<String> = names.filter(|name| !name.is_empty()).map(str::to_owned).collect();
    (!names.is_empty()).then_some(names)
}

/// The host, when it has an address.
fn finished(mut host: SshHost) -> Option<SshHost> {
    if host.uri.is_empty() {
        return None;
    }
    host.uri.insert_str(0, "ssh://");
    Some(host)
}

fn text(value: &str) -> Option<String> {
    (!value.is_empty()).then(|| value.to_owned())
}

fn unquoted(value: &str) -> &str {
    let value = value.strip_prefix(['"', '\'']).unwrap_or(value);
    value.strip_suffix(['"', '\'']).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R3.10
    #[test]
    fn hosts_are_read_with_their_faults() {
        let text = "# Groups: none\nHost web1 w x\n  HostName 10.0.0.1\r\n  PORT 2222\n  User deploy\n\
                    \x20 IdentityFile \"~/.ssh/my key\"\n  # groups: web, prod ,\n  ProxyJump b\n\
                    Host *\n  HostName nobody\nHost\nHost bad\n  HostName h\n  Port 70000\nHost gone\n User x\n";
        let found = parse_ssh_hosts(text.to_owned());
        let web = SshHost {
            name: "web1".into(),
            uri: "ssh://10.0.0.1".into(),
            alias: Some("w".into()),
            user: Some("deploy".into()),
            port: Some(2222),
            private_key_path: Some("~/.ssh/my key".into()),
            groups: Some(vec!["web".into(), "prod".into()]),
        };
        let bad = SshHost { name: "bad".into(), uri: "ssh://h".into(), ..SshHost::default() };
        assert_eq!(found.hosts, [web, bad]);
        let errors = ["Line 11: Host directive without pattern", "Line 14: Invalid port number \"70000\""];
        assert_eq!(found.errors, errors);
    }
}
