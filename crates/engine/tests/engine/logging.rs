//! What the log says (R5.1 to R5.3, R5.6), and what it never says.

use std::cell::RefCell;
use std::fmt::{Debug, Write};
use std::sync::Once;
use std::time::Duration;

use pabawi_domain::action::{EnvValue, RunAs, RunAsMethod};
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::CorrelationId;
use pabawi_domain::resilience::BreakerPolicy;
use pabawi_domain::secret::Secret;
use pabawi_engine::EngineLimits;
use pabawi_testkit::scripted::{NodeScript, ScriptedTransport};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::support::{Rig, ann, command, node};

thread_local! {
    /// What was logged on this test's thread, which its whole runtime lives on. `None` while nobody listens.
    static LINES: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// Writes every event down as one line, for the thread that it comes from. It is set once for all tests: a
/// subscriber for a single thread would race with the others for what tracing remembers of each call site.
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
        LINES.with_borrow_mut(|lines| {
            if let Some(lines) = lines {
                let mut line = Line(event.metadata().level().to_string());
                event.record(&mut line);
                lines.push(line.0);
            }
        });
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

pub(super) fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| tracing::subscriber::set_global_default(Collector).unwrap());
    LINES.set(Some(Vec::new()));
}

/// The lines of this test that contain the text.
pub(super) fn lines_with(text: &str) -> Vec<String> {
    LINES.with_borrow(|lines| {
        let lines = lines.as_ref().expect("this test listens");
        lines.iter().filter(|line| line.contains(text)).cloned().collect()
    })
}

/// The only line of this test that contains the text.
fn line_with(text: &str) -> String {
    let mut lines = lines_with(text);
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines.remove(0)
}

/// R5.1, R5.2, R5.3, R5.6, R5.7
#[tokio::test(start_paused = true)]
async fn start_end_and_failures_are_logged_without_secrets() {
    listen();
    let transport =
        ScriptedTransport::new().node(&node("b"), NodeScript::new().connect_fails(ErrorCode::NoRoute));
    let rig = Rig::new(transport).await;
    let mut request = command("a,b");
    request.correlation_id = Some(CorrelationId::new("ticket-9").unwrap());
    let process = request.action.process_mut().unwrap();
    process.env.insert("TOKEN".into(), EnvValue::Secret { secret: Secret::new("canary-1") });
    let password = Some(Secret::new("canary-2"));
    process.run_as = Some(RunAs { user: "root".into(), method: RunAsMethod::Sudo, password });
    let id = rig.execute(request).await.record.id.to_string();

    let started = line_with("execution started");
    for part in [id.as_str(), "ticket-9", "ann", "targets=2", "a,b", "uptime", "INFO"] {
        assert!(started.contains(part), "{part} is not in {started}");
    }
    let finished = line_with("execution finished");
    for part in [id.as_str(), "ticket-9", "partial", "duration_ms=", "succeeded=1", "failed=1"] {
        assert!(finished.contains(part), "{part} is not in {finished}");
    }
    let failed = line_with("unreachable");
    for part in [id.as_str(), "node=b", "no_route", "WARN"] {
        assert!(failed.contains(part), "{part} is not in {failed}");
    }
    assert!(lines_with("canary").is_empty());
}

/// R7.8: a breaker that opens is a warning with all that is needed to understand it; how it closes again is told too.
#[tokio::test(start_paused = true)]
async fn what_becomes_of_a_breaker_is_logged() {
    listen();
    let fails = NodeScript::new().connect_fails_times(2, ErrorCode::ConnectionRefused);
    let policy =
        BreakerPolicy { failures: 2, window_ms: 60_000, open_ms: 30_000, ..BreakerPolicy::default() };
    let limits = EngineLimits { node_breaker: Some(policy), ..EngineLimits::default() };
    let rig = Rig::with(ScriptedTransport::new().node(&node("a"), fails), limits).await;
    rig.execute(command("a")).await;
    assert!(lines_with("circuit breaker").is_empty());
    rig.execute(command("a")).await;
    let next_probe = rig.engine.breakers(&ann()).await.unwrap()[0].next_probe_at.unwrap();
    let opened = line_with("circuit breaker");
    for part in [
        "WARN",
        "message=circuit breaker opened",
        "component=node:a",
        "state=\"open\"",
        "failures=2",
        "window_ms=60000",
        &format!("next_probe_at=\"{next_probe}\""),
    ] {
        assert!(opened.contains(part), "{part} is not in {opened}");
    }
    rig.clock.advance(Duration::from_secs(30));
    rig.execute(command("a")).await;
    let changed = lines_with("message=circuit breaker changed");
    assert!(
        changed.iter().all(|line| line.contains("INFO") && line.contains("component=node:a")),
        "{changed:?}"
    );
    assert!(changed.last().unwrap().contains("state=\"closed\""), "{changed:?}");
}

/// A line break in a command cannot forge a log line, and a long command does not flood the log.
#[tokio::test(start_paused = true)]
async fn a_command_cannot_forge_or_flood_the_log() {
    listen();
    let rig = Rig::new(ScriptedTransport::new()).await;
    let mut request = command("a");
    if let pabawi_domain::action::Action::Command(command) = &mut request.action {
        command.command = format!("true\nINFO execution finished {}", "x".repeat(100_000));
    }
    rig.execute(request).await;
    let started = line_with("execution started");
    assert!(!started.contains('\n') && started.len() < 1000, "{} bytes", started.len());
}

/// R5.6: a thousand nodes that fail do not make a thousand warnings.
#[tokio::test(start_paused = true)]
async fn many_failures_are_a_few_warnings() {
    listen();
    let rig = Rig::new(ScriptedTransport::new().default_script(NodeScript::new().exits(1))).await;
    rig.execute(command("n*300")).await;
    assert_eq!(lines_with("exit status 1").iter().filter(|line| line.starts_with("WARN")).count(), 20);
    assert_eq!(lines_with("exit status 1").len(), 300);
}
