//! The provider `ansible` with the real thing, which asks this machine.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]
#![allow(clippy::indexing_slicing, reason = "tests")]

use std::sync::Arc;

use async_trait::async_trait;
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::NodeId;
use pabawi_domain::ports::{
    FactProvider as _, NodeFacts, RunningTool, ToolCommand, ToolEnd, ToolError, ToolOutput, ToolRunner,
};
use pabawi_domain::request::{Caller, EntryPoint};
use pabawi_facts::AnsibleFacts;
use pabawi_testkit::clock::ManualClock;

/// Runs tools as they are. The runner with limits lives in another crate.
struct Tools;

#[async_trait]
impl ToolRunner for Tools {
    async fn run(&self, tool: ToolCommand) -> Result<ToolOutput, ToolError> {
        let mut command = tokio::process::Command::new(&tool.program);
        command.args(&tool.arguments).kill_on_drop(true).env("ANSIBLE_LOCALHOST_WARNING", "0");
        for (name, value) in &tool.environment {
            command.env(name, String::from_utf8(value.expose().to_vec()).unwrap());
        }
        let output = tokio::time::timeout(tool.timeout, command.output()).await.expect("it ends in time");
        let output = output.map_err(|error| ToolError::NotStarted {
            program: tool.program.display().to_string(),
            reason: error.to_string(),
        })?;
        let end = ToolEnd::Exited(output.status.code().unwrap());
        Ok(ToolOutput { end, stdout: output.stdout.into(), stderr: output.stderr.into() })
    }

    async fn start(&self, _: ToolCommand) -> Result<Box<dyn RunningTool>, ToolError> {
        panic!("facts are read when the tool has ended")
    }
}

async fn asked(provider: &AnsibleFacts, names: &[&str]) -> Vec<Result<NodeFacts, (ErrorCode, String)>> {
    let caller = Caller { user: "ann".into(), entry_point: EntryPoint::Rust };
    let nodes: Vec<NodeId> = names.iter().map(|name| NodeId::new(name).unwrap()).collect();
    let answers = provider.collect(&caller, &nodes).await.into_iter();
    answers.map(|answer| answer.map_err(|error| (error.error.code, error.error.message))).collect()
}

/// R4.5, R4.6: all nodes in one run; the facts have the common names, and Ansible's own stay reachable.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ansible_asks_all_nodes_in_one_run() {
    let directory = tempfile::tempdir().unwrap();
    let inventory = directory.path().join("hosts.ini");
    let local = "ansible_connection=local ansible_python_interpreter=/usr/bin/python3";
    let down = "ansible_host=127.0.0.1 ansible_port=1";
    std::fs::write(&inventory, format!("one {local}\ntwo {local}\ndown {down}\nother {local}\n")).unwrap();
    let provider = AnsibleFacts::new(Arc::new(Tools), Arc::new(ManualClock::default()), &inventory);
    let answers = asked(&provider, &["two", "down", "one", "unknown", "root@x:22"]).await;
    for (index, node) in [(0, "two"), (2, "one")] {
        let facts = answers[index].as_ref().unwrap();
        assert_eq!(facts.node.as_str(), node);
        let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
        assert_eq!(
            (&facts.facts["kernel"], &facts.facts["kernelrelease"]),
            (&"Linux".into(), &release.trim().into())
        );
        assert!(facts.facts["memory"]["system"]["total_bytes"].is_number());
        assert!(facts.facts["os"]["family"].is_string());
        let raw = facts.raw.as_ref().unwrap();
        assert!(raw["ansible_memtotal_mb"].is_number());
        assert_eq!(raw.get("ansible_env"), None, "variables of the login may be secrets");
    }
    let code = |index: usize| answers[index].as_ref().unwrap_err().0;
    assert_eq!(
        (code(1), code(3), code(4)),
        (ErrorCode::NoRoute, ErrorCode::UnknownTarget, ErrorCode::Unsupported)
    );
    assert!(answers[1].as_ref().unwrap_err().1.contains("Connection refused"), "{:?}", answers[1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tool_that_cannot_run_is_told_for_every_node() {
    let provider = AnsibleFacts::new(Arc::new(Tools), Arc::new(ManualClock::default()), "/nonexistent");
    let missing = asked(&provider.program("/nonexistent/ansible"), &["a", "b"]).await;
    assert!(
        missing.iter().all(|one| one
            .as_ref()
            .unwrap_err()
            .1
            .contains("failed to start /nonexistent/ansible"))
    );
    let provider = AnsibleFacts::new(Arc::new(Tools), Arc::new(ManualClock::default()), "/nonexistent");
    let failing = asked(&provider.program("/bin/false"), &["a"]).await;
    assert!(failing[0].as_ref().unwrap_err().1.contains("exit status 1"), "{failing:?}");
}
