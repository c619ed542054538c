//! Nodes, and the users of a machine whose configuration says what each may do: [`Site`].

use std::path::Path;

use pabawi_tests::{Lab, Pab, Ran};
use serde_json::Value;

/// Runs `pab` where passwd(5) has another name for this user. Only that process sees it so (mount_namespaces(7)).
const AS: &str = r#"mount --bind "$0" /etc/passwd && exec pab "$@""#;

const NODES: &str =
    "nodes: [web01, web02, web03, web04]\ngroups: {front: [web01, web02], back: [web03, web04]}\n";

/// A policy file decides.
pub(crate) const BY_POLICY: &str = "[permissions]\npolicy = 'policy.yaml'\ninventory = 'nodes.yaml'\n";

/// Viewers look; operators do everything but on web04; the front team does everything on the nodes of its group.
pub(crate) const POLICY: &str = r#"
users:
  vera: {roles: [viewer]}
  omar: {roles: [operator]}
  gina: {groups: [front-team]}
  ines: {roles: [operator], active: false}
  nina: {}
  root: {admin: true}
groups:
  front-team: {roles: [front]}
roles:
  viewer:
    allow: [{capability: "*.list"}, {capability: "*.show"}, {capability: journal.read}]
  operator:
    allow: [{capability: "*"}]
    deny: [{capability: "*", nodes: web04}]
  front:
    allow: [{capability: "*", nodes: "@front"}]
"#;

/// Four real nodes, an inventory of them, and a configuration.
pub(crate) struct Site(pub(crate) Lab);

impl Site {
    /// `guard` are the sections of the configuration that say who may do what.
    pub(crate) fn new(guard: &str) -> Self {
        let site = Self(Lab::new(4));
        site.0.write("nodes.yaml", NODES);
        site.configure(guard);
        site
    }

    /// A policy file decides.
    pub(crate) fn of_policy(policy: &str) -> Self {
        let site = Self::new(BY_POLICY);
        site.0.write("policy.yaml", policy);
        site
    }

    /// Another configuration.
    pub(crate) fn configure(&self, guard: &str) {
        let ssh = self.0.fleet().ssh_config().display();
        let text = format!("[defaults]\ninventory = ['nodes.yaml']\nssh-config = '{ssh}'\n{guard}");
        self.0.write("config.toml", text);
    }

    /// A call of `pab` by a user of that name.
    pub(crate) fn pab(&self, user: &str, words: &[&str]) -> Pab {
        let home = self.0.path("home");
        let (uid, gid) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
        let line = format!("{user}:x:{uid}:{gid}::{}:/bin/sh\n", home.display());
        let passwd = self.0.write(&format!("passwd.{user}"), line);
        Pab::program(Path::new("unshare"), &home)
            .env("PABAWI_DB", self.0.database())
            .env("PABAWI_CONFIG", self.0.path("config.toml"))
            .args(["--mount", "sh", "-c", AS])
            .args([passwd])
            .args(words)
    }

    /// A call that is denied for want of this capability, in the words of Pabawi's plan for `pab`, with the reason below.
    pub(crate) fn denied(&self, user: &str, words: &[&str], capability: &str, reason: &str) -> Ran {
        let ran = self.pab(user, words).exits(4);
        let told = format!("✗ Permission denied: You lack the '{capability}' capability.\n");
        let error = ran.err();
        let below = error.split_once(&told).unwrap_or_else(|| panic!("{told} is missing: {ran}")).1;
        assert!(below.contains(reason) && ran.out().is_empty(), "{reason}: {ran}");
        ran
    }

    /// What a list holds for a user.
    pub(crate) fn list(&self, user: &str, words: &[&str]) -> Vec<Value> {
        self.pab(user, words).args(["--format", "ndjson"]).succeeds().events()
    }

    /// Runs a command for a user on nodes and returns the execution's id.
    pub(crate) fn run(&self, user: &str, command: &str, targets: &str) -> String {
        let ran = self.pab(user, &["run", command, "-t", targets, "--format", "ndjson"]).succeeds();
        ran.events()[0]["executionId"].as_str().unwrap().to_owned()
    }

    /// How many connections the nodes have seen.
    pub(crate) fn connections(&self) -> usize {
        self.0.all_connections_seen()
    }

    /// A file of the site, as an argument.
    pub(crate) fn file(&self, name: &str) -> String {
        self.0.path(name).to_str().unwrap().to_owned()
    }
}

/// One field of each, as texts.
pub(crate) fn texts(all: &[Value], field: &str) -> Vec<String> {
    all.iter()
        .map(|one| one[field].as_str().unwrap_or_else(|| panic!("no {field}: {one}")).to_owned())
        .collect()
}
