//! A plugin that tells what it was trusted with wherever it can, in every form: [`Gossip`].

use std::collections::VecDeque;

use async_trait::async_trait;
use pabawi::plugin::{Capability, RiskLevel};
use pabawi::ports::{
    ActionEnd, ActionEvent, Plugin, PluginCall, PluginError, PluginHealth, PluginMetadata, PluginMethods,
    PluginRun, RunningAction, TerminateMode, TransportError,
};
use pabawi::{ErrorCode, NodeError, NodeId, OutputData, PluginName, StreamKind, Termination};
use pabawi_testkit::canary::said;
use serde_json::{Map, Value, json};

/// Its name.
pub const GOSSIP: &str = "gossip";

/// Its tasks and calls take a password, and end as the task, or the parameter `how` of the call, is called: `works`, `fails`,
/// `panics`, `hangs`, `breaks` in the middle, `ends badly`, and `talks too long`, so that what it says is cut in a password.
#[derive(Debug)]
pub struct Gossip {
    sensitive: Vec<String>,
}

impl Gossip {
    /// The password is a secret.
    #[must_use]
    pub fn trusted() -> Self {
        Self { sensitive: vec!["/login/password".to_owned()] }
    }

    /// The password is a parameter as every other one.
    #[must_use]
    pub fn untrusted() -> Self {
        Self { sensitive: Vec::new() }
    }

    fn capability(&self, name: &str) -> Capability {
        Capability {
            name: name.to_owned(),
            description: "Gossips".to_owned(),
            parameters: json!({"properties": {"login": {"properties": {"password": {"type": "string"}}}}}),
            result: Some(json!({"type": "array"})),
            required_permissions: Vec::new(),
            risk: RiskLevel::Execute,
            sensitive: self.sensitive.clone(),
            commands: Vec::new(),
            idempotent: false,
            timeout_ms: Some(300),
        }
    }
}

fn error(secret: &str) -> PluginError {
    PluginError {
        plugin: PluginName::new(GOSSIP).unwrap(),
        code: ErrorCode::ToolFailed,
        message: format!("login with {secret:?} failed: {}", said(secret)),
        stack: Some(format!("Error: {}\n    at login (plugin.js:7)", said(secret))),
    }
}

/// More than is kept of a message or a stack, cut where a secret has only begun.
fn too_long(secret: &str) -> String {
    secret.repeat(20_000 / secret.len() + 1)
}

fn secret_of(parameters: &Map<String, Value>) -> String {
    parameters["login"]["password"].as_str().unwrap().to_owned()
}

#[async_trait]
impl Plugin for Gossip {
    fn metadata(&self) -> PluginMetadata {
        PluginMetadata {
            name: PluginName::new(GOSSIP).unwrap(),
            version: "1.0.0".into(),
            description: "Tells everything".into(),
            priority: 5,
            depends_on: Vec::new(),
        }
    }

    fn capabilities(&self) -> Vec<Capability> {
        vec![self.capability("task.execute"), self.capability("task.show")]
    }

    fn methods(&self) -> PluginMethods {
        PluginMethods { run: true, call: true }
    }

    async fn initialize(&self, _: Value) -> Result<(), PluginError> {
        Ok(())
    }

    async fn health(&self) -> PluginHealth {
        PluginHealth::Healthy
    }

    async fn shutdown(&self) {}

    async fn call(&self, call: PluginCall) -> Result<Value, PluginError> {
        let secret = secret_of(&call.parameters);
        match call.parameters["how"].as_str().unwrap() {
            "fails" => Err(error(&secret)),
            "panics" => panic!("called with {secret}: {}", said(&secret)),
            "hangs" => std::future::pending().await,
            "talks too long" => Err(PluginError { message: too_long(&secret), ..error(&secret) }),
            // Not what its schema says.
            _ => Ok(json!({ "secret": secret })),
        }
    }

    async fn run(&self, run: PluginRun) -> Result<Vec<(NodeId, Box<dyn RunningAction>)>, PluginError> {
        let tool = run.action.tool().unwrap();
        let secret = secret_of(&tool.parameters);
        match tool.name.as_str() {
            "fails" => return Err(error(&secret)),
            "panics" => panic!("run with {secret}: {}", said(&secret)),
            "talks too long" => {
                let (message, stack) = (too_long(&secret), Some(too_long(&secret)));
                return Err(PluginError { message, stack, ..error(&secret) });
            }
            _ => {}
        }
        let of_node = |node: &NodeId| -> Box<dyn RunningAction> {
            let output = output(&secret);
            Box::new(Gossiping { node: node.clone(), how: tool.name.clone(), secret: secret.clone(), output })
        };
        Ok(run.targets.iter().map(|target| (target.node.clone(), of_node(&target.node))).collect())
    }
}

/// Every form on both streams, and the secret once more in two pieces.
fn output(secret: &str) -> VecDeque<(StreamKind, String)> {
    let half = secret.floor_char_boundary(secret.len() / 3);
    let pieces = |stream| {
        let (head, tail) = secret.split_at(half);
        let all =
            [format!("it is {secret}\n{}\n", said(secret)), format!("[[split:{head}"), format!("{tail}]]\n")];
        all.map(|text| (stream, text))
    };
    [StreamKind::Stdout, StreamKind::Stderr].into_iter().flat_map(pieces).collect()
}

struct Gossiping {
    node: NodeId,
    how: String,
    secret: String,
    output: VecDeque<(StreamKind, String)>,
}

#[async_trait]
impl RunningAction for Gossiping {
    async fn next(&mut self) -> ActionEvent {
        if let Some((stream, text)) = self.output.pop_front() {
            return ActionEvent::Output { stream, data: OutputData::from(text.into_bytes()).0 };
        }
        let said = said(&self.secret);
        match self.how.as_str() {
            "hangs" => std::future::pending().await,
            "breaks" => panic!("in the middle with {}: {said}", self.secret),
            "ends badly" => {
                let text = format!("of {}: {said}", self.secret);
                let mut error = NodeError::new(self.node.clone(), ErrorCode::ToolFailed, text);
                error.causes = vec![format!("because of {}: {said}", self.secret), too_long(&self.secret)];
                ActionEvent::Ended(ActionEnd::Failed(TransportError {
                    error,
                    may_have_started: true,
                    termination: None,
                }))
            }
            _ => ActionEvent::Ended(ActionEnd::Exited { code: 0 }),
        }
    }

    async fn terminate(&mut self, _: TerminateMode) -> Termination {
        Termination::Unconfirmed { why: format!("{} may still be used: {}", self.secret, said(&self.secret)) }
    }
}
