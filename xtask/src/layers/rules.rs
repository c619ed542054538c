//! The allowed arrows, and who may use which crate of others. Main function: [`check`].

use super::graph::{Arrow, Graph, Kind};

/// The scripted transport, the fleet and the contracts: a dev-dependency of everybody but the domain.
const TESTKIT: &str = "pabawi-testkit";
const DOMAIN: &str = "pabawi-domain";
const FACADE: &str = "pabawi";

/// Each crate of ours with those of ours that it may ship with.
const ALLOWED: &[(&str, &[&str])] = &[
    (DOMAIN, &[]),
    ("pabawi-engine", &[DOMAIN]),
    ("pabawi-inventory", &[DOMAIN]),
    ("pabawi-facts", &[DOMAIN]),
    ("pabawi-journal", &[DOMAIN]),
    ("pabawi-transport", &[DOMAIN]),
    ("pabawi-plugins", &[DOMAIN]),
    ("pabawi-store", &[DOMAIN]),
    ("pabawi-permissions", &[DOMAIN]),
    ("pabawi-report", &[DOMAIN]),
    ("pabawi-traces", &[DOMAIN]),
    (TESTKIT, &[DOMAIN]),
    (
        FACADE,
        &[
            DOMAIN,
            "pabawi-engine",
            "pabawi-inventory",
            "pabawi-facts",
            "pabawi-journal",
            "pabawi-transport",
            "pabawi-plugins",
            "pabawi-store",
            "pabawi-permissions",
            "pabawi-report",
            "pabawi-traces",
        ],
    ),
    ("pabawi-cli", &[FACADE]),
    ("pabawi-node", &[FACADE]),
    ("pabawi-c", &[FACADE]),
    ("pabawi-tests", &[FACADE, TESTKIT, "pabawi-cli"]),
    ("xtask", &[TESTKIT]),
];

/// A crate of others that only some of ours may use.
struct Restricted {
    /// Its name, or with a `*` at the end the beginning of its name.
    name: &'static str,
    only: &'static [&'static str],
    /// Whether tests may use it everywhere.
    dev_is_free: bool,
}

const RESTRICTED: &[Restricted] = &[
    Restricted { name: "napi*", only: &["pabawi-node"], dev_is_free: false },
    Restricted { name: "cbindgen", only: &["xtask"], dev_is_free: false },
    Restricted { name: "ssh2", only: &["pabawi-transport"], dev_is_free: false },
    Restricted { name: "libssh2-sys", only: &["pabawi-transport"], dev_is_free: false },
    Restricted { name: "sqlx*", only: &["pabawi-store"], dev_is_free: false },
    Restricted { name: "hyper*", only: &["pabawi-plugins", "pabawi-traces"], dev_is_free: false },
    Restricted { name: "tokio-openssl", only: &["pabawi-plugins", "pabawi-traces"], dev_is_free: false },
    Restricted { name: "opentelemetry*", only: &["pabawi-traces"], dev_is_free: true },
    Restricted { name: "clap*", only: &["pabawi-cli", "xtask"], dev_is_free: false },
    Restricted { name: "anyhow", only: &["pabawi-cli", "xtask", "pabawi-tests"], dev_is_free: true },
];

/// Crates that the domain must not ship with: it knows no runtime.
const NOT_IN_DOMAIN: [&str; 2] = ["tokio", "tokio-util"];

/// Every dependency that is not allowed, one line each.
pub(crate) fn check(graph: &Graph) -> Vec<String> {
    let unknown = graph.crates.iter().filter(|name| allowed(name).is_none());
    let mut faults: Vec<String> = unknown
        .map(|name| format!("{name} has no place in the layers; give it one in xtask/src/layers/rules.rs"))
        .collect();
    for arrow in &graph.arrows {
        faults.extend(ours(arrow).or_else(|| others(arrow)));
    }
    faults
}

fn allowed(name: &str) -> Option<&'static [&'static str]> {
    ALLOWED.iter().find(|(from, _)| *from == name).map(|(_, to)| *to)
}

/// What is wrong with an arrow between two crates of ours.
fn ours(arrow: &Arrow) -> Option<String> {
    let Arrow { from, to, kind } = arrow;
    allowed(to)?;
    let may_ship = allowed(from).unwrap_or_default().contains(&to.as_str());
    if may_ship || (*kind == Kind::Dev && to == TESTKIT && from != DOMAIN) {
        return None;
    }
    // Tests are no exception: what stands beside or above a crate is tested with it in `tests`.
    Some(format!("{from} must not depend on {to}"))
}

/// What is wrong with an arrow to somebody else's crate.
fn others(arrow: &Arrow) -> Option<String> {
    let Arrow { from, to, kind } = arrow;
    if from == DOMAIN && *kind != Kind::Dev && NOT_IN_DOMAIN.contains(&to.as_str()) {
        return Some(format!("{from} must not depend on {to}: it knows no runtime"));
    }
    let rule = RESTRICTED.iter().find(|rule| match rule.name.strip_suffix('*') {
        Some(beginning) => to.starts_with(beginning),
        None => to == rule.name,
    })?;
    if rule.only.contains(&from.as_str()) || (rule.dev_is_free && *kind == Kind::Dev) {
        return None;
    }
    Some(format!("{from} must not depend on {to}: only {} may", rule.only.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults_of(from: &str, to: &str, kind: Kind) -> Vec<String> {
        check(&Graph {
            crates: vec![from.to_owned()],
            arrows: vec![Arrow { from: from.to_owned(), to: to.to_owned(), kind }],
        })
    }

    #[test]
    fn arrows_of_the_design_pass() {
        for (from, to, kind) in [
            ("pabawi-engine", "pabawi-domain", Kind::Normal),
            ("pabawi", "pabawi-transport", Kind::Normal),
            ("pabawi-cli", "pabawi", Kind::Normal),
            ("pabawi-engine", "pabawi-testkit", Kind::Dev),
            ("xtask", "pabawi-testkit", Kind::Normal),
            ("pabawi-transport", "ssh2", Kind::Normal),
            ("pabawi-store", "sqlx", Kind::Normal),
            ("pabawi-plugins", "hyper", Kind::Normal),
            ("pabawi-cli", "clap_mangen", Kind::Normal),
            ("pabawi-domain", "tokio", Kind::Dev),
            ("pabawi-store", "anyhow", Kind::Dev),
            ("pabawi-engine", "serde", Kind::Normal),
        ] {
            assert_eq!(faults_of(from, to, kind), Vec::<String>::new(), "{from} -> {to}");
        }
    }

    #[test]
    fn every_other_arrow_is_refused() {
        for (from, to, kind) in [
            ("pabawi-engine", "pabawi-transport", Kind::Normal),
            ("pabawi-engine", "pabawi-store", Kind::Dev),
            ("pabawi-domain", "pabawi-engine", Kind::Normal),
            ("pabawi-domain", "pabawi-testkit", Kind::Dev),
            ("pabawi-engine", "pabawi-testkit", Kind::Normal),
            ("pabawi-engine", "pabawi-testkit", Kind::Build),
            ("pabawi-cli", "pabawi-engine", Kind::Normal),
            ("pabawi-testkit", "pabawi-engine", Kind::Normal),
            ("xtask", "pabawi", Kind::Normal),
            ("pabawi-engine", "ssh2", Kind::Normal),
            ("pabawi-engine", "ssh2", Kind::Dev),
            ("pabawi", "sqlx", Kind::Normal),
            ("pabawi-inventory", "hyper-util", Kind::Normal),
            ("pabawi", "clap", Kind::Normal),
            ("pabawi-domain", "tokio", Kind::Normal),
            ("pabawi-domain", "tokio-util", Kind::Normal),
            ("pabawi-engine", "anyhow", Kind::Normal),
            ("pabawi-cli", "napi-derive", Kind::Normal),
            ("pabawi-c", "cbindgen", Kind::Build),
        ] {
            assert_eq!(faults_of(from, to, kind).len(), 1, "{from} -> {to}");
        }
        assert_eq!(check(&Graph { crates: vec!["pabawi-new".to_owned()], arrows: vec![] }).len(), 1);
    }
}
