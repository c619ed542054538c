//! [`Address`]: where PuppetDB is, taken out of a URL.

use std::net::IpAddr;

use hyper::Uri;

/// Where PuppetDB is. Holds neither a user's name nor a password, so it can be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    /// Whether TLS is spoken.
    pub(super) tls: bool,
    /// Name or address, an IPv6 address without brackets.
    pub(super) host: String,
    /// TCP port.
    pub(super) port: u16,
    /// What stands before `/pdb`, without a slash at the end: empty, or that of a reverse proxy.
    pub(super) prefix: String,
}

impl Address {
    /// Reads `http[s]://host[:port][/prefix]`. The reason why it cannot be used never repeats the text, which may hold
    /// a password.
    pub(super) fn parse(url: &str) -> Result<Self, &'static str> {
        let example = "must be written like https://puppetdb.example.org:8081";
        let uri: Uri = url.parse().map_err(|_| example)?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(example),
        };
        let authority = uri.authority().ok_or(example)?;
        if authority.as_str().contains('@') {
            return Err("must not hold a user or password; use token, or certificateFile and keyFile");
        }
        if uri.query().is_some() || url.contains('#') {
            return Err("must end after the path; the queries are added here");
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(example);
        }
        let port = match authority.port() {
            Some(port) => port.as_u16(),
            // A port that is no number reads as none.
            None if authority.as_str().ends_with(':') || has_port(authority.as_str()) => return Err(example),
            None if tls => 443,
            None => 80,
        };
        if port == 0 {
            return Err("must have a port from 1 to 65535");
        }
        let address = Self { tls, host, port, prefix: uri.path().trim_end_matches('/').to_owned() };
        if !tls && !address.may_be_loopback() {
            return Err("must begin with https://; without TLS only this machine itself can be asked");
        }
        Ok(address)
    }

    fn may_be_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
    }

    /// Host and port as the `Host` header has them (RFC 9110 section 7.2).
    pub(super) fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// The URL for messages.
    pub(super) fn show(&self) -> String {
        format!("{}://{}{}", if self.tls { "https" } else { "http" }, self.authority(), self.prefix)
    }
}

fn has_port(authority: &str) -> bool {
    let after = authority.rsplit_once(']').map_or(authority, |(_, after)| after);
    after.contains(':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_fall_into_their_parts() {
        let address = Address::parse("https://pdb.example.org:8081/proxy/").unwrap();
        assert_eq!(address.show(), "https://pdb.example.org:8081/proxy");
        let v6 = Address::parse("http://[::1]:8080").unwrap();
        assert_eq!((v6.host.as_str(), v6.authority().as_str()), ("::1", "[::1]:8080"));
        assert_eq!(Address::parse("https://pdb").unwrap().port, 443);
        assert!(
            Address::parse("http://localhost:8080").is_ok() && Address::parse("http://127.9.9.9:1").is_ok()
        );
    }

    #[test]
    fn what_is_no_address_is_refused_without_repeating_it() {
        for (url, why) in [
            ("", "written like"),
            ("pdb", "written like"),
            ("ftp://pdb", "written like"),
            ("https://", "written like"),
            ("https://pdb:x", "written like"),
            ("https://pdb:", "written like"),
            ("https://pdb:70000", "written like"),
            ("https://pdb:0", "port"),
            ("https://a b", "written like"),
            ("https://ops:hunter2@pdb", "must not hold a user"),
            ("https://pdb/?query=x", "end after the path"),
            ("https://pdb/#x", "end after the path"),
            ("http://pdb.example.org:8080", "https://"),
            ("http://localhost.example.org", "https://"),
        ] {
            let error = Address::parse(url).unwrap_err();
            assert!(error.contains(why) && !error.contains("hunter2"), "{url}: {error}");
        }
    }
}
