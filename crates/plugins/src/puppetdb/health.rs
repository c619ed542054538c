//! How PuppetDB is: [`health`] asks a small question for each thing that it is asked for otherwise.

use std::time::Duration;

use pabawi_domain::ports::PluginHealth;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::Instrument as _;

use super::client::{Endpoint, PuppetDbClient};
use crate::together;

/// What each question may take: shorter than what a plugin is given to say how it is.
const LIMIT: Duration = Duration::from_secs(8);

/// A question, and the capabilities that have no answer where it has none.
struct Probe {
    what: &'static str,
    endpoint: Endpoint,
    query: fn() -> Value,
    capabilities: &'static [&'static str],
}

const PROBES: [Probe; 5] = [
    Probe {
        what: "nodes",
        endpoint: Endpoint::Root,
        query: || "nodes[certname] { }".into(),
        capabilities: &["inventory.list", "query.run"],
    },
    Probe {
        what: "facts",
        endpoint: Endpoint::Inventory,
        query: || json!(["extract", ["certname", "timestamp"]]),
        capabilities: &["facts.get"],
    },
    Probe {
        what: "reports",
        endpoint: Endpoint::Reports,
        query: || json!(["extract", ["hash", "certname"]]),
        capabilities: &["reports.list", "reports.show"],
    },
    Probe {
        what: "events",
        endpoint: Endpoint::Events,
        query: || json!(["extract", ["report", "certname"]]),
        capabilities: &["events.list"],
    },
    Probe {
        what: "catalogs",
        endpoint: Endpoint::Catalogs,
        query: || json!(["extract", ["hash", "certname"]]),
        capabilities: &["catalog.show"],
    },
];

/// Asks for one row of each, all at the same time.
pub(super) async fn health(client: &PuppetDbClient) -> PluginHealth {
    let mut asked = JoinSet::new();
    for (place, probe) in PROBES.iter().enumerate() {
        let client = client.clone();
        let ask = async move {
            let question = json!({"query": (probe.query)(), "limit": 1});
            let answer = match timeout(LIMIT, client.ask(probe.endpoint, &question)).await {
                Ok(answer) => answer.map(drop).map_err(|error| error.to_string()),
                Err(_) => Err(format!("no answer within {} s", LIMIT.as_secs())),
            };
            (place, probe, answer)
        };
        asked.spawn(ask.in_current_span());
    }
    let mut answers = together::all(asked).await;
    answers.sort_by_key(|(place, ..)| *place);
    let (mut working, mut failing, mut messages) = (Vec::new(), Vec::new(), Vec::new());
    for (_, probe, answer) in answers {
        let names = probe.capabilities.iter().map(|name| (*name).to_owned());
        match answer {
            Ok(()) => working.extend(names),
            Err(message) => {
                failing.extend(names);
                messages.push((probe.what, message));
            }
        }
    }
    match messages.as_slice() {
        [] => PluginHealth::Healthy,
        [(_, first), rest @ ..] if working.is_empty() && rest.iter().all(|(_, message)| message == first) => {
            PluginHealth::Unhealthy { message: first.clone() }
        }
        all => {
            let told: Vec<String> = all.iter().map(|(what, message)| format!("{what}: {message}")).collect();
            let message = told.join("; ");
            if working.is_empty() {
                PluginHealth::Unhealthy { message }
            } else {
                PluginHealth::Degraded { message, working, failing }
            }
        }
    }
}
