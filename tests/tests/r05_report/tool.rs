//! A program that is a plugin, for nodes that do not exist: [`Tool`].

use std::path::PathBuf;
use std::process::Command;

use pabawi_tests::{Pab, Page};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A home folder, a database, and a program in Python that does tasks on any node.
pub(crate) struct Tool(TempDir);

impl Tool {
    /// Its `tell(node, place)` gives the lines about a node, each a dictionary without its name; `seen` is
    /// a folder for what it wants to remember.
    pub(crate) fn new(tell: &str) -> Self {
        let tool = Self(tempfile::tempdir().unwrap());
        let description = json!({
            "name": "fleet", "version": "1", "description": "Does things to nodes", "methods": {"run": true},
            "capabilities": [{"name": "task.execute", "description": "Does it", "parameters": {"type": "object"},
                              "requiredPermissions": [], "risk": "execute"}],
        });
        let program = format!(
            r#"#!/usr/bin/python3
import json, os, sys, time
if sys.argv[1] == "describe":
    print({description:?})
    sys.exit()
asked = json.loads(sys.stdin.readline())
if sys.argv[1] != "run":
    print(json.dumps({{"error": {{"code": "unsupported", "message": "knows nothing of it"}}}}))
    sys.exit()
seen = os.path.join(os.path.dirname(sys.argv[0]), "seen")
os.makedirs(seen, exist_ok=True)
{tell}
for place, target in enumerate(asked["targets"]):
    node = target["node"]
    for line in tell(node, place):
        print(json.dumps(dict(line, node=node)))
    sys.stdout.flush()
"#,
            description = description.to_string()
        );
        std::fs::write(tool.path("text"), program).unwrap();
        std::fs::write(tool.path("config.toml"), "[plugins.fleet]\nkind = 'external'\npath = 'fleet'\n")
            .unwrap();
        // Another process writes it, so that none of this one's children holds it open while it is run.
        let install = ["install", "-m", "755"];
        let (from, to) = (tool.path("text"), tool.path("fleet"));
        assert!(Command::new(install[0]).args(&install[1..]).args([from, to]).status().unwrap().success());
        tool
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn pab(&self, words: &[&str]) -> Pab {
        let call = Pab::new(self.0.path()).env("PABAWI_CONFIG", self.path("config.toml"));
        call.env("PABAWI_DB", self.path("pabawi.db")).args(words)
    }

    /// Does a task on nodes.
    pub(crate) fn run(&self, nodes: &str) -> Pab {
        self.pab(&["task", "renew", "--plugin", "fleet", "-t", nodes])
    }

    /// The last execution as JSON and as a page in a browser.
    pub(crate) fn reported(&self) -> (Value, Page) {
        let page = self.path("page.html");
        let document = self.pab(&["executions", "export", "last"]).succeeds().json();
        let written = ["executions", "report", "last", "--html", "-o", page.to_str().unwrap()];
        let _ = self.pab(&written).succeeds();
        (document, Page::open(&page))
    }
}
