//! A project, a program in the place of `bolt`, and a framework that uses both.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pabawi::{
    Action, AllowAll, CommandAction, ErrorCode, ExecutionId, ExecutionRequest, Framework, NodeOutcome,
    OutputRef, PluginName, TargetExpression, TargetQuery, TargetRecord, ToolAction,
};
use pabawi_tests::facade::caller;
use pabawi_tests::lines_of;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Python takes a moment to start, and a flood its time, and more when all tests run.
pub(crate) const BOLT: Duration = Duration::from_secs(300);

/// The name of the plugin, and of the transport.
pub(crate) fn name() -> PluginName {
    PluginName::new("bolt").unwrap()
}

/// A directory with a project and the program.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        for directory in ["project", "bin", "tmp"] {
            std::fs::create_dir(place.path(directory)).unwrap();
        }
        // Another process writes it, so that none of this one's children holds it open while it is run.
        let program = place.path("bin/bolt");
        std::fs::write(place.path("text"), include_str!("bolt.py")).unwrap();
        let copied = std::process::Command::new("cp").arg(place.path("text")).arg(&program).status().unwrap();
        assert!(copied.success());
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// The plugin's configuration, with variables of the program.
    pub(crate) fn settings(&self, variables: &[(&str, &str)]) -> Value {
        let mut environment = json!({"STANDIN_LOG": self.path("calls")});
        for (name, value) in variables {
            environment[*name] = (*value).into();
        }
        json!({
            "projectPath": self.path("project"), "binDir": self.path("bin"), "tempDir": self.path("tmp"),
            "environment": environment,
        })
    }

    /// What the program was called with, a call each; not when it was asked for its version.
    pub(crate) fn calls(&self) -> Vec<String> {
        if !self.path("calls").exists() {
            return Vec::new();
        }
        let words = |line: String| {
            let call: Value = serde_json::from_str(&line).unwrap();
            let words: Vec<&str> =
                call["argv"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
            words.join(" ")
        };
        lines_of(&self.path("calls")).into_iter().map(words).filter(|call| call != "--version").collect()
    }
}

/// A framework with the plugin.
pub(crate) struct Rig {
    pub(crate) place: Place,
    pub(crate) framework: Framework,
}

impl Rig {
    pub(crate) async fn new() -> Self {
        Self::with(Place::new(), &[], json!({})).await
    }

    /// With a program that misbehaves.
    pub(crate) async fn mode(mode: &str) -> Self {
        Self::with(Place::new(), &[("STANDIN_MODE", mode)], json!({})).await
    }

    /// With variables of the program and more settings of the plugin.
    pub(crate) async fn with(place: Place, variables: &[(&str, &str)], more: Value) -> Self {
        let mut settings = place.settings(variables);
        settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let framework = Framework::builder()
            .database(place.path("pabawi.db"))
            .authorizer(AllowAll)
            .plugin(pabawi::bolt::plugin(name()), settings)
            .open()
            .await
            .unwrap();
        Self { place, framework }
    }

    pub(crate) async fn run(&self, targets: &str, action: Action) -> Vec<TargetRecord> {
        let done = self.framework.execute(caller(), request(targets, action));
        let done = tokio::time::timeout(BOLT, done).await.unwrap().unwrap();
        self.targets(done.record.id).await
    }

    pub(crate) async fn targets(&self, id: ExecutionId) -> Vec<TargetRecord> {
        self.framework.targets(&caller(), id, &TargetQuery::default()).await.unwrap().items
    }

    async fn text(&self, output: Option<&OutputRef>) -> String {
        let Some(output) = output else { return String::new() };
        let chunk = self.framework.output(&caller(), output.hash, 0, 1 << 20).await.unwrap().unwrap();
        String::from_utf8_lossy(&chunk.data.0).into_owned()
    }

    pub(crate) async fn stdout(&self, target: &TargetRecord) -> String {
        self.text(target.stdout.as_ref()).await
    }

    pub(crate) async fn stderr(&self, target: &TargetRecord) -> String {
        self.text(target.stderr.as_ref()).await
    }

    /// Tools that were run so far.
    pub(crate) fn runs(&self) -> u64 {
        self.framework.stats().tool_runs.iter().map(|(_, stats)| stats.runs).sum()
    }

    /// The directory in which files of runs are.
    pub(crate) fn private(&self) -> PathBuf {
        let own = std::fs::read_dir(self.place.path("tmp")).unwrap();
        let path = own.map(|entry| entry.unwrap().path()).next().expect("it is made with the plugin");
        assert!(path.file_name().unwrap().to_string_lossy().starts_with("pabawi-bolt-"));
        path
    }

    /// The directories of runs that are there now.
    pub(crate) fn run_directories(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.private()).unwrap();
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect()
    }
}

pub(crate) fn request(targets: &str, action: Action) -> ExecutionRequest {
    let mut request = ExecutionRequest::new(action, TargetExpression::new(targets));
    request.transport = Some(name());
    request
}

pub(crate) fn command(text: &str) -> Action {
    Action::Command(CommandAction::new(text))
}

pub(crate) fn tool(name: &str, parameters: Value) -> ToolAction {
    let parameters = parameters.as_object().unwrap().clone();
    ToolAction { name: name.to_owned(), parameters, ..ToolAction::default() }
}

pub(crate) fn task(name: &str, parameters: Value) -> Action {
    Action::Task(tool(name, parameters))
}

pub(crate) fn outcome(target: &TargetRecord) -> &NodeOutcome {
    target.result.as_ref().expect("it has ended")
}

pub(crate) fn error(target: &TargetRecord) -> (ErrorCode, String) {
    let error = outcome(target).error().unwrap_or_else(|| panic!("{:?}", target.result));
    (error.code, error.message.clone())
}

/// The mode of a file or directory, for others than its owner.
pub(crate) fn mode_for_others(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o077
}
