//! What the log says of plugins, and what it never says (R5.6, R10.2).

use std::cell::RefCell;
use std::fmt::{Debug, Write};
use std::sync::{Arc, Once};
use std::time::Duration;

use async_trait::async_trait;
use pabawi_domain::action::{Action, ActionKind, ToolAction};
use pabawi_domain::capability::Capability;
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::{ExecutionId, PluginName};
use pabawi_domain::node::{Endpoint, Target};
use pabawi_domain::ports::{
    ActionEnd, ActionEvent, CallDenial, CallGate, CallPassage, CallQuestion, CapabilityCall, ConnectRequest,
    ExecutionRef, PluginMethods,
};
use pabawi_domain::request::{Caller, EntryPoint};
use pabawi_testkit::scripted::{Conduct, capability};
use serde_json::json;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::living::{host, plugin};

thread_local! {
    /// What was logged on this test's thread, which its whole runtime lives on.
    static LINES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Writes every event down as one line, for the thread that it comes from.
struct Collector;

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }
}

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("pabawi")
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        LINES.with_borrow_mut(|lines| lines.push(line.0));
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| tracing::subscriber::set_global_default(Collector).unwrap());
}

/// The line that holds this text.
fn line(text: &str) -> String {
    let found = LINES.with_borrow(|lines| lines.iter().find(|line| line.contains(text)).cloned());
    found.unwrap_or_else(|| panic!("{text} is not in the log"))
}

fn says() -> Conduct {
    Conduct::Says(ErrorCode::PluginFault, "no way with canary-1".to_owned())
}

/// R10.2: a fault of a plugin is logged and told without the secrets of the action that it happened with.
#[tokio::test(start_paused = true)]
async fn a_fault_of_a_run_is_logged_without_secrets() {
    listen();
    let bad = plugin("bolt");
    bad.next_run(says());
    let host = host(&[&bad]).await;
    let request = ConnectRequest {
        target: Target::new("a".parse().unwrap(), Endpoint::default()),
        timeout: Duration::from_secs(5),
        host_keys: None,
        execution: Some(ExecutionRef { id: ExecutionId::from_parts(1, [1; 10]), correlation_id: None }),
    };
    let tool = ToolAction {
        name: "users".to_owned(),
        parameters: json!({"password": "canary-1"}).as_object().unwrap().clone(),
        sensitive: vec!["/password".to_owned()],
        ..ToolAction::default()
    };
    let session = host.transports()[0].connect(&request).await.unwrap();
    let mut running = session.start(Arc::new(Action::Task(tool))).await.unwrap();
    let ActionEvent::Ended(ActionEnd::Failed(error)) = running.next().await else { panic!("it fails") };
    assert_eq!(error.error.message, "plugin bolt: no way with ***");
    let logged = line("plugin failed");
    assert!(logged.contains("no way with ***") && !logged.contains("canary"), "{logged}");
}

/// Lets everything through.
struct Open;

impl CallPassage for Open {
    fn end(self: Box<Self>, _: bool) {}
}

#[async_trait]
impl CallGate for Open {
    async fn authorize(&self, _: &CallQuestion<'_>) -> Result<(), CallDenial> {
        Ok(())
    }

    fn lets_pass(&self, _: &PluginName) -> bool {
        true
    }

    fn pass(&self, _: &CallQuestion<'_>) -> Result<Box<dyn CallPassage>, String> {
        Ok(Box::new(Self))
    }
}

/// R5.6, R10.2: a call is logged with who asked whom for what and the request it belongs to, and without its secrets.
#[tokio::test(start_paused = true)]
async fn a_call_is_logged_with_its_request_and_without_secrets() {
    listen();
    let list = Capability {
        name: "task.list".to_owned(),
        sensitive: vec!["/token".to_owned()],
        ..capability(ActionKind::Task)
    };
    let answers = plugin("bolt").capabilities([list]).methods(PluginMethods { run: false, call: true });
    let host = host(&[&answers]).await;
    let caller = Caller { user: "ann".to_owned(), entry_point: EntryPoint::Rust };
    let call = CapabilityCall {
        capability: "task.list".to_owned(),
        parameters: json!({"token": "canary-1"}).as_object().unwrap().clone(),
        correlation_id: Some("req-1".parse().unwrap()),
        ..CapabilityCall::default()
    };
    let early = host.call(&caller, call.clone()).await.unwrap_err();
    assert_eq!(early.code(), ErrorCode::Unavailable, "nobody says who may");
    host.open_calls(Arc::new(Open));
    host.call(&caller, call.clone()).await.unwrap();
    let logged = line("plugin called");
    for part in
        ["INFO", "plugin=bolt", "capability=\"task.list\"", "user=\"ann\"", "correlation_id=\"req-1\""]
    {
        assert!(logged.contains(part), "{part}: {logged}");
    }
    answers.next_call(says());
    host.call(&caller, call).await.unwrap_err();
    let logged = line("plugin failed to answer");
    assert!(logged.contains("reason=no way with ***") && logged.contains("req-1"), "{logged}");
    let all = LINES.with_borrow(|lines| lines.join("\n"));
    assert!(!all.contains("canary"), "{all}");
}
