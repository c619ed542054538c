//! [`PuppetDbSettings`]: where PuppetDB is, who asks, and what it is asked.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use hyper::header::HeaderValue;
use pabawi_domain::id::GroupName;
use pabawi_domain::secret::Secret;
use pabawi_domain::validation::ValidationError;
use serde::{Deserialize, Serialize};

use super::address::Address;
use super::fact_path::FactPath;
use super::metadata::COLUMNS;
use super::pql;

/// The word of [`PuppetDbSettings::group_by`] that is no fact.
pub(super) const ENVIRONMENT: &str = "environment";

/// A longer token file is none.
const MAX_TOKEN_BYTES: u64 = 64 * 1024;
/// The most facts, grouping facts or groups.
const MAX_LIST: usize = 1000;

/// Where PuppetDB is, who asks, and what it is asked. Only `url` has no default. Names of fields are read in camel case
/// and, as files of people have them, in snake case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct PuppetDbSettings {
    /// `https://host:8081`, with the path of a reverse proxy if there is one. `http://` only for this machine itself.
    pub url: String,
    /// Name of the source and of the provider, unique among them.
    #[serde(default = "default_name")]
    pub name: String,
    /// Higher wins where two sources or providers disagree.
    #[serde(default = "default_priority")]
    pub priority: i32,
    /// PEM file with the CA that signed PuppetDB's certificate. Needed for `https://`; nothing else is trusted.
    #[serde(default, skip_serializing_if = "Option::is_none", alias = "ca_file")]
    pub ca_file: Option<PathBuf>,
    /// PEM file with the client certificate, and behind it its intermediate CAs.
    #[serde(default, skip_serializing_if = "Option::is_none", alias = "certificate_file")]
    pub certificate_file: Option<PathBuf>,
    /// PEM file with the client certificate's key, without a passphrase.
    #[serde(default, skip_serializing_if = "Option::is_none", alias = "key_file")]
    pub key_file: Option<PathBuf>,
    /// RBAC token, sent as `X-Authentication`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Secret>,
    /// File with the token, as `puppet access login` writes it.
    #[serde(default, skip_serializing_if = "Option::is_none", alias = "token_file")]
    pub token_file: Option<PathBuf>,
    /// How long one question may take, from the look-up of the host's name to the last byte, in milliseconds.
    #[serde(default = "default_timeout_ms", alias = "timeout_ms")]
    pub timeout_ms: u64,
    /// The longest answer that is read, in bytes.
    #[serde(default = "default_max_response_bytes", alias = "max_response_bytes")]
    pub max_response_bytes: u64,
    /// How many nodes one answer holds.
    #[serde(default = "default_page_size", alias = "page_size")]
    pub page_size: u32,
    /// Of how many nodes facts are asked at once.
    #[serde(default = "default_facts_chunk", alias = "facts_chunk")]
    pub facts_chunk: u32,
    /// PQL that gives the nodes, with the column `certname`; what else it gives becomes metadata. By default all active
    /// nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// Facts that become metadata of nodes: `os.family`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<String>,
    /// `environment` or facts: a group for each value, named like `os.family=Debian`.
    #[serde(default, skip_serializing_if = "Vec::is_empty", alias = "group_by")]
    pub group_by: Vec<String>,
    /// Groups by their PQL, which gives the column `certname`. Only nodes of `query` become members.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<String, String>,
}

fn default_name() -> String {
    "puppetdb".to_owned()
}

fn default_priority() -> i32 {
    10
}

fn default_timeout_ms() -> u64 {
    30_000
}

fn default_max_response_bytes() -> u64 {
    64 * 1024 * 1024
}

fn default_page_size() -> u32 {
    1000
}

fn default_facts_chunk() -> u32 {
    200
}

impl PuppetDbSettings {
    /// The defaults for a URL.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            name: default_name(),
            priority: default_priority(),
            ca_file: None,
            certificate_file: None,
            key_file: None,
            token: None,
            token_file: None,
            timeout_ms: default_timeout_ms(),
            max_response_bytes: default_max_response_bytes(),
            page_size: default_page_size(),
            facts_chunk: default_facts_chunk(),
            query: None,
            facts: Vec::new(),
            group_by: Vec::new(),
            groups: BTreeMap::new(),
        }
    }

    /// Takes relative paths from `directory`: that of the file in which the settings stand.
    pub fn take_paths_from(&mut self, directory: &Path) {
        let files = [&mut self.ca_file, &mut self.certificate_file, &mut self.key_file, &mut self.token_file];
        for path in files.into_iter().flatten() {
            *path = directory.join(&path);
        }
    }

    /// Checks the values alone; no file is opened.
    ///
    /// # Errors
    /// Every violation, each with its field.
    pub fn check(&self) -> Result<(), ValidationError> {
        let mut faults = ValidationError::default();
        self.check_connection(&mut faults);
        self.check_limits(&mut faults);
        self.check_queries(&mut faults);
        faults.into_result()
    }

    fn check_connection(&self, faults: &mut ValidationError) {
        let tls = match Address::parse(&self.url) {
            Ok(address) => address.tls,
            Err(reason) => {
                faults.push("url", reason);
                self.url.starts_with("https:")
            }
        };
        if self.name.trim().is_empty() || self.name.len() > 253 || self.name.chars().any(char::is_control) {
            faults.push("name", "must be 1 to 253 printable characters");
        }
        match &self.ca_file {
            None if tls => faults.push(
                "caFile",
                "is needed for https://; name the CA's file, such as /etc/puppetlabs/puppet/ssl/certs/ca.pem",
            ),
            Some(_) if !tls => faults.push("caFile", "has no use without https:// in url; leave it out"),
            _ => {}
        }
        match (&self.certificate_file, &self.key_file) {
            (Some(_), None) => faults.push("keyFile", "is needed with certificateFile"),
            (None, Some(_)) => faults.push("certificateFile", "is needed with keyFile"),
            (Some(_), Some(_)) if !tls => {
                faults
                    .push("certificateFile", "has no use without https:// in url; leave it and keyFile out");
            }
            _ => {}
        }
        if self.token.is_some() && self.token_file.is_some() {
            faults.push("tokenFile", "cannot be given together with token; leave one out");
        }
        if let Some(Err(reason)) = self.token.as_ref().map(header) {
            faults.push("token", reason);
        }
    }

    fn check_limits(&self, faults: &mut ValidationError) {
        let mut within = |field: &str, value: u64, least: u64, most: u64| {
            if value < least || value > most {
                faults.push(field, format!("must be from {least} to {most}"));
            }
        };
        within("timeoutMs", self.timeout_ms, 1, 60 * 60 * 1000);
        within("maxResponseBytes", self.max_response_bytes, 4096, 1024 * 1024 * 1024);
        within("pageSize", self.page_size.into(), 1, 10_000);
        within("factsChunk", self.facts_chunk.into(), 1, 10_000);
    }

    fn check_queries(&self, faults: &mut ValidationError) {
        if let Some(Err(reason)) = self.query.as_deref().map(check_query) {
            faults.push("query", reason);
        }
        for (field, list, word) in
            [("facts", &self.facts, None), ("groupBy", &self.group_by, Some(ENVIRONMENT))]
        {
            if list.len() > MAX_LIST {
                faults.push(field, format!("has {} entries, at most {MAX_LIST} are allowed", list.len()));
            }
            for (index, path) in list.iter().enumerate().filter(|(_, path)| word != Some(path.as_str())) {
                if let Err(reason) = FactPath::parse(path) {
                    faults.push(format!("{field}[{index}]"), reason);
                } else if path.split('.').next() == Some(COLUMNS) {
                    let reason = "cannot be shown: PuppetDB's own columns stand under that name";
                    faults.push(format!("{field}[{index}]"), reason);
                }
            }
        }
        if self.groups.len() > MAX_LIST {
            faults
                .push("groups", format!("has {} entries, at most {MAX_LIST} are allowed", self.groups.len()));
        }
        for (name, pql) in &self.groups {
            if let Err(error) = GroupName::new(name) {
                faults.push("groups", error.to_string());
            } else if let Err(reason) = check_query(pql) {
                faults.push(format!("groups.{name}"), reason);
            }
        }
    }

    /// The token as a header's value, which is marked so that it is never shown.
    pub(super) fn token_header(&self) -> Result<Option<(Secret, HeaderValue)>, ValidationError> {
        let (field, token) = match (&self.token, &self.token_file) {
            (Some(token), _) => ("token", token.clone()),
            (None, Some(path)) => {
                let mut text = Vec::new();
                std::fs::File::open(path)
                    .and_then(|file| file.take(MAX_TOKEN_BYTES).read_to_end(&mut text))
                    .map_err(|error| {
                        ValidationError::of(
                            "tokenFile",
                            format!("{}: cannot be read: {error}", path.display()),
                        )
                    })?;
                ("tokenFile", Secret::new(text.trim_ascii()))
            }
            (None, None) => return Ok(None),
        };
        let value = header(&token).map_err(|reason| ValidationError::of(field, reason))?;
        Ok(Some((token, value)))
    }
}

fn header(token: &Secret) -> Result<HeaderValue, &'static str> {
    if token.is_redacted() {
        return Err("was not stored with the settings; give it again");
    }
    if token.expose().is_empty() || !token.expose().iter().all(u8::is_ascii_graphic) {
        return Err("must be one word of printable ASCII characters");
    }
    let mut value = HeaderValue::from_bytes(token.expose())
        .map_err(|_| "must be one word of printable ASCII characters")?;
    value.set_sensitive(true);
    Ok(value)
}

fn check_query(query: &str) -> Result<(), String> {
    pql::check(query)?;
    match pql::own_paging(query) {
        Some(word) => Err(format!("must have no {word} of its own, since it is read page by page")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: serde_json::Value) -> PuppetDbSettings {
        serde_json::from_value(json).unwrap()
    }

    fn faults(settings: &PuppetDbSettings) -> Vec<String> {
        settings.check().unwrap_err().fields.into_iter().map(|fault| fault.path).collect()
    }

    #[test]
    fn a_url_is_enough_on_this_machine() {
        let settings = read(serde_json::json!({"url": "http://127.0.0.1:8080"}));
        assert_eq!(settings, PuppetDbSettings::new("http://127.0.0.1:8080"));
        settings.check().unwrap();
    }

    #[test]
    fn unknown_fields_are_refused() {
        let error =
            serde_json::from_value::<PuppetDbSettings>(serde_json::json!({"url": "x", "cafile": "y"}));
        assert!(error.unwrap_err().to_string().contains("unknown field `cafile`"));
    }

    #[test]
    fn names_are_read_in_both_spellings_and_paths_from_their_file() {
        let mut settings = read(serde_json::json!({
            "url": "https://pdb:8081", "ca_file": "ca.pem", "certificate_file": "/etc/pdb.pem", "keyFile": "pdb.key",
            "timeout_ms": 5, "max_response_bytes": 5000, "page_size": 7, "facts_chunk": 8, "group_by": ["environment"],
        }));
        settings.take_paths_from(Path::new("/srv"));
        let paths = [&settings.ca_file, &settings.certificate_file, &settings.key_file];
        assert_eq!(
            paths.map(|path| path.as_deref().and_then(Path::to_str).unwrap()),
            ["/srv/ca.pem", "/etc/pdb.pem", "/srv/pdb.key"]
        );
        assert_eq!((settings.timeout_ms, settings.page_size, settings.facts_chunk), (5, 7, 8));
        settings.check().unwrap();
        let twice = serde_json::json!({"url": "x", "page_size": 1, "pageSize": 1});
        assert!(
            serde_json::from_value::<PuppetDbSettings>(twice)
                .unwrap_err()
                .to_string()
                .contains("duplicate field")
        );
    }

    #[test]
    fn every_bad_setting_is_told_at_once_by_its_name() {
        let settings = read(serde_json::json!({
            "url": "https://pdb:8081", "name": " ", "keyFile": "k", "token": "two words", "tokenFile": "t",
            "timeoutMs": 0, "maxResponseBytes": 1, "pageSize": 0, "factsChunk": 0,
            "query": "nodes { limit 3 }", "facts": ["os.family", "os family", "puppetdb.x"], "groupBy": ["environment", ""],
            "groups": {"-x": "nodes {}", "web": " "},
        }));
        let expected = [
            "name",
            "caFile",
            "certificateFile",
            "tokenFile",
            "token",
            "timeoutMs",
            "maxResponseBytes",
            "pageSize",
            "factsChunk",
            "query",
            "facts[1]",
            "facts[2]",
            "groupBy[1]",
            "groups",
            "groups.web",
        ];
        assert_eq!(faults(&settings), expected);
    }

    #[test]
    fn files_for_tls_have_no_use_without_it() {
        let settings = read(serde_json::json!({
            "url": "http://127.0.0.1:1", "caFile": "c", "certificateFile": "x", "keyFile": "k",
        }));
        assert_eq!(faults(&settings), ["caFile", "certificateFile"]);
    }

    #[test]
    fn tokens_are_not_shown() {
        let mut settings = PuppetDbSettings::new("http://127.0.0.1:1");
        settings.token = Some(Secret::new("0123-hunter2"));
        let (_, header) = settings.token_header().unwrap().unwrap();
        let shown = format!("{settings:?} {header:?} {}", serde_json::to_string(&settings).unwrap());
        assert!(!shown.contains("hunter2"), "{shown}");
        settings.token = Some(Secret::new("hunter2\n"));
        assert!(!settings.check().unwrap_err().to_string().contains("hunter2"));
    }
}
