//! An engine with one object of v1.x: [`V1Rig`].

use std::sync::Arc;

use pabawi_domain::action::{Action, CommandAction};
use pabawi_domain::id::ExecutionId;
use pabawi_domain::node::TargetExpression;
use pabawi_domain::outcome::NodeOutcome;
use pabawi_domain::ports::ExecutionStore;
use pabawi_domain::record::{OutputRef, TargetQuery, TargetRecord};
use pabawi_domain::request::ExecutionRequest;
use pabawi_engine::AllowAll;
use pabawi_plugins::host::HostSettings;
use pabawi_plugins::v1::{V1Adapter, V1Settings};
use pabawi_testkit::memory_store::MemoryStore;
use pabawi_testkit::v1::V1Object;
use serde_json::Value;

use crate::support::{Rig, node, task, tool};

/// An engine with one object of v1.x.
pub(super) struct V1Rig {
    pub(super) rig: Rig,
    pub(super) adapter: V1Adapter,
}

/// What is known of one node.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) outcome: NodeOutcome,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Seen {
    /// Outcome, stdout and stderr in a line.
    pub(super) fn line(&self) -> String {
        format!("{}|{}|{}", self.outcome.describe(), self.stdout, self.stderr)
    }
}

impl V1Rig {
    pub(super) async fn new(object: &V1Object) -> Self {
        Self::with(object, V1Settings::default()).await
    }

    pub(super) async fn with(object: &V1Object, settings: V1Settings) -> Self {
        let adapter = V1Adapter::adopt(Arc::new(object.clone()), Value::Null, settings).await.unwrap();
        let plugins = vec![(Arc::new(adapter.clone()) as _, adapter.config())];
        let store = Arc::new(MemoryStore::new());
        let rig = Rig::hosting(store, plugins, Arc::new(AllowAll), HostSettings::default()).await;
        Self { rig, adapter }
    }

    /// Runs a request on `web1` and looks what became of it.
    pub(super) async fn run(&self, request: ExecutionRequest) -> Seen {
        let ended = self.rig.execute(request).await;
        self.seen(ended.record.id, "web1").await
    }

    pub(super) async fn seen(&self, id: ExecutionId, name: &str) -> Seen {
        let query = TargetQuery { nodes: vec![node(name)], ..TargetQuery::default() };
        let target: TargetRecord = self.rig.store.targets(id, &query).await.unwrap().items.remove(0);
        let outcome = target.result.clone().unwrap();
        let (stdout, stderr) = (self.text(target.stdout).await, self.text(target.stderr).await);
        Seen { outcome, stdout, stderr }
    }

    async fn text(&self, output: Option<OutputRef>) -> String {
        let Some(output) = output else { return String::new() };
        let chunk = self.rig.store.output(output.hash, 0, 1_000_000).await.unwrap();
        chunk.unwrap().data.to_text()
    }
}

/// A command on these nodes by a plugin.
pub(super) fn command(plugin: &str, text: &str, targets: &str) -> ExecutionRequest {
    let action = Action::Command(CommandAction::new(text));
    let mut request = ExecutionRequest::new(action, TargetExpression::new(targets));
    request.transport = Some(crate::support::name(plugin));
    request
}

/// A tool task on `web1`.
pub(super) fn named_task(name: &str, parameters: &Value) -> ExecutionRequest {
    let mut request = task("web1", 1);
    let action = tool(&mut request);
    name.clone_into(&mut action.name);
    action.parameters = parameters.as_object().unwrap().clone();
    request
}
