//! Secrets that nodes say back are in nothing that is told, stored or kept.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pabawi_domain::action::EnvValue;
use pabawi_domain::error::ErrorCode;
use pabawi_domain::outcome::{NodeOutcome, Termination};
use pabawi_domain::ports::TerminateMode;
use pabawi_domain::request::ExecutionRequest;
use pabawi_domain::secret::Secret;
use pabawi_engine::CancelScope;
use pabawi_testkit::scripted::{NodeScript, ScriptedTransport};

use super::support::{Rig, ann, command, node};

const SECRET: &str = "canary 'token'/1";

fn with_secret(targets: &str) -> ExecutionRequest {
    let mut request = command(targets);
    let process = request.action.process_mut().unwrap();
    process.env.insert("TOKEN".into(), EnvValue::Secret { secret: Secret::new(SECRET) });
    request
}

/// Everything that is known of a target and all events of its execution, as text.
async fn all_of(rig: &Rig, id: pabawi_domain::id::ExecutionId, name: &str) -> String {
    let target = rig.stored(id, name).await;
    let mut text = serde_json::to_string(&target).unwrap();
    for output in [target.stdout, target.stderr].into_iter().flatten() {
        let chunk = rig.engine.output(&ann(), output.hash, 0, u32::MAX).await.unwrap().unwrap();
        text.push_str(&chunk.data.to_text());
    }
    for event in rig.events(id).await.rest().await {
        text.push_str(&serde_json::to_string(&*event).unwrap());
    }
    text
}

/// R5.8: in every form that tools write, and cut in two, in short output and in debug mode.
#[tokio::test(start_paused = true)]
async fn secrets_are_taken_out_of_output() {
    let forms = [
        SECRET.to_owned(),
        SECRET.replace('\'', "'\\''"),
        STANDARD.encode(SECRET),
        STANDARD.encode(format!("user:{SECRET}")),
        "canary%20%27token%27%2F1".to_owned(),
        "canary+%27token%27%2F1".to_owned(),
        "canary 'token'\\/1".to_owned(),
    ];
    for debug in [false, true] {
        let mut script =
            NodeScript::new().stdout("begin\n").stdout("can").stdout("ary 'to").stdout("ken'/1\n");
        for form in &forms {
            script = script.stderr(format!("<{form}>\n"));
        }
        let rig = Rig::new(ScriptedTransport::new().default_script(script.stdout("canar"))).await;
        let mut request = with_secret("a");
        request.debug = debug;
        let id = rig.execute(request).await.record.id;
        let text = all_of(&rig, id, "a").await;
        assert!(text.contains("begin") && text.contains("***") && text.contains("canar\""), "{text}");
        for form in forms.iter().map(|form| form.get(8..).unwrap_or_default()) {
            assert!(!text.contains(form), "{form} is in {text}");
        }
    }
}

/// R5.8, R7.3: errors of transports and reports of terminations are told without them.
#[tokio::test(start_paused = true)]
async fn secrets_are_taken_out_of_errors() {
    let survivors = Termination::Unconfirmed { why: format!("ps said {SECRET}") };
    let transport = ScriptedTransport::new()
        .node(&node("a"), NodeScript::new().fails(ErrorCode::NoShell, &format!("sh: {SECRET}: not found")))
        .node(&node("b"), NodeScript::new().hangs().terminate_reports(survivors));
    let rig = Rig::new(transport).await;
    let id = rig.submit(with_secret("a,b")).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    rig.engine.cancel(&ann(), id, CancelScope::All, TerminateMode::Kill).await.unwrap();
    rig.engine.wait(&ann(), id).await.unwrap();
    let NodeOutcome::Failed { error } = rig.stored(id, "a").await.result.unwrap() else { panic!() };
    assert_eq!(error.message, "sh: ***: not found");
    let NodeOutcome::Cancelled { termination } = rig.stored(id, "b").await.result.unwrap() else { panic!() };
    assert_eq!(termination, Some(Termination::Unconfirmed { why: "ps said ***".into() }));
    assert!(
        !all_of(&rig, id, "a").await.contains("canary") && !all_of(&rig, id, "b").await.contains("canary")
    );
}
