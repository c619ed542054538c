//! Requirement 6 with Ansible as it is: commands, scripts, modules, packages, facts and playbooks on a fleet, one process of
//! Ansible for all nodes of a run.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use pabawi::ports::{
    ActionEnd, ActionEvent, Plugin as _, PluginCall, PluginHealth, PluginRun, TerminateMode,
};
use pabawi::{
    Action, AllowAll, CancelScope, CommandAction, Endpoint, EnvValue, ErrorCode, ExecutionId,
    ExecutionRequest, Framework, NodeId, NodeOutcome, OutputData, OutputRef, PluginName, ProcessOptions,
    ScriptAction, StdinSource, Target, TargetExpression, TargetQuery, TargetRecord, Termination, ToolAction,
};
use pabawi_testkit::{process, wait};
use pabawi_tests::facade::caller;
use pabawi_tests::{LIMIT, Lab, unique};
use serde_json::{Value, json};

/// Ansible takes a second to start, and more when all tests run.
const ANSIBLE: Duration = Duration::from_secs(180);

fn name() -> PluginName {
    PluginName::new("ansible").unwrap()
}

/// A laboratory whose nodes Ansible reaches by their names, with a project.
struct Rig {
    lab: Lab,
    framework: Framework,
}

impl Rig {
    async fn new(nodes: usize, files: &[(&str, &str)]) -> Self {
        Self::with(nodes, files, json!({})).await
    }

    /// With more settings of the plugin.
    async fn with(nodes: usize, files: &[(&str, &str)], more: Value) -> Self {
        let lab = Lab::new(nodes);
        std::fs::create_dir_all(lab.path("project")).unwrap();
        for (name, text) in files {
            lab.write(&format!("project/{name}"), text);
        }
        let framework = Framework::builder()
            .database(lab.database())
            .authorizer(AllowAll)
            .plugin(pabawi::ansible::plugin(name()), settings(&lab, more))
            .open()
            .await
            .unwrap();
        Self { lab, framework }
    }

    async fn run(&self, targets: &str, action: Action) -> Vec<TargetRecord> {
        let done = self.framework.execute(caller(), request(targets, action));
        let done = tokio::time::timeout(ANSIBLE, done).await.unwrap().unwrap();
        self.targets(done.record.id).await
    }

    async fn targets(&self, id: ExecutionId) -> Vec<TargetRecord> {
        self.framework.targets(&caller(), id, &TargetQuery::default()).await.unwrap().items
    }

    async fn text(&self, output: Option<&OutputRef>) -> String {
        let Some(output) = output else { return String::new() };
        let chunk = self.framework.output(&caller(), output.hash, 0, 1 << 20).await.unwrap().unwrap();
        String::from_utf8_lossy(&chunk.data.0).into_owned()
    }

    async fn stdout(&self, target: &TargetRecord) -> String {
        self.text(target.stdout.as_ref()).await
    }

    async fn stderr(&self, target: &TargetRecord) -> String {
        self.text(target.stderr.as_ref()).await
    }

    /// Tools that were run so far.
    fn runs(&self) -> u64 {
        self.framework.stats().tool_runs.iter().map(|(_, stats)| stats.runs).sum()
    }

    /// The directory in which files of runs are.
    fn private(&self) -> PathBuf {
        let own = std::fs::read_dir(self.lab.path("tmp")).unwrap();
        let path = own.map(|entry| entry.unwrap().path()).next().expect("it is made with the plugin");
        assert!(path.file_name().unwrap().to_string_lossy().starts_with("pabawi-ansible-"));
        path
    }

    /// The directories of runs that are there now.
    fn run_directories(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.private()).unwrap();
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect()
    }
}

fn settings(lab: &Lab, more: Value) -> Value {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = std::env::split_paths(&path).any(|directory| directory.join("ansible-playbook").exists());
    assert!(is_there, "ansible-playbook is on PATH: cargo xtask setup");
    std::fs::create_dir_all(lab.path("tmp")).unwrap();
    std::fs::create_dir_all(lab.path("project")).unwrap();
    let mut settings = json!({
        "projectPath": lab.path("project"),
        "sshArgs": format!("-F {}", lab.fleet().ssh_config().display()),
        "tempDir": lab.path("tmp"),
        "environment": {
            "ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3",
            // Other fleets have nodes of the same names, and Ansible shares connections by name.
            "ANSIBLE_SSH_CONTROL_PATH_DIR": lab.path("cp"),
        },
    });
    settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    settings
}

fn request(targets: &str, action: Action) -> ExecutionRequest {
    let mut request = ExecutionRequest::new(action, TargetExpression::new(targets));
    request.transport = Some(name());
    request
}

fn command(text: &str) -> Action {
    Action::Command(CommandAction::new(text))
}

fn tool(name: &str, parameters: Value) -> ToolAction {
    let parameters = parameters.as_object().unwrap().clone();
    ToolAction { name: name.to_owned(), parameters, ..ToolAction::default() }
}

fn outcome(target: &TargetRecord) -> &NodeOutcome {
    target.result.as_ref().expect("it has ended")
}

fn error(target: &TargetRecord) -> (ErrorCode, String) {
    let error = outcome(target).error().unwrap_or_else(|| panic!("{:?}", target.result));
    (error.code, error.message.clone())
}

/// R6.5, R8.3: one process for all nodes; what a command printed is kept as it is, by stream and node.
#[tokio::test(flavor = "multi_thread")]
async fn a_command_runs_on_all_nodes_in_one_process() {
    let rig = Rig::new(3, &[]).await;
    let mut action = CommandAction::new(
        "read word; echo \"{{ 7*7 }} $word $PLAIN $(pwd) $(umask)\"; printf 'no end' >&2; [ $word = in ] && exit 3",
    );
    action.process = ProcessOptions {
        env: [("PLAIN".to_owned(), EnvValue::from("it's $HOME"))].into(),
        cwd: Some("/usr".to_owned()),
        umask: Some(0o027),
        stdin: Some(StdinSource::Bytes(OutputData::from(b"in".to_vec()))),
        ..ProcessOptions::default()
    };
    let targets = rig.run("web[01-03]", Action::Command(action)).await;
    assert_eq!(targets.len(), 3);
    for target in &targets {
        assert_eq!(outcome(target).exit_code(), Some(3), "{:?}", target.result);
        assert_eq!(rig.stdout(target).await, "{{ 7*7 }} in it's $HOME /usr 0027\n");
        assert_eq!(rig.stderr(target).await, "no end");
    }
    assert_eq!(rig.runs(), 1);
    wait::until_async("the files to be gone", LIMIT, || rig.run_directories().is_empty()).await.unwrap();
    let nowhere = rig.run(
        "web01",
        Action::Command(CommandAction {
            process: ProcessOptions { cwd: Some("/nonexistent".to_owned()), ..ProcessOptions::default() },
            ..CommandAction::new("true")
        }),
    );
    assert_eq!(error(&nowhere.await[0]).0, ErrorCode::BadWorkingDirectory);
    let mut secret = CommandAction::new("true");
    let value = EnvValue::Secret { secret: pabawi::Secret::new("hunter2") };
    secret.process.env.insert("TOKEN".to_owned(), value);
    let refused = rig.run("web01", Action::Command(secret)).await;
    let (code, message) = error(&refused[0]);
    assert!(
        code == ErrorCode::Validation && message.starts_with("action.env.TOKEN: is a secret"),
        "{message}"
    );
}

/// R6.5: a script, with its arguments as they are and its streams apart.
#[tokio::test(flavor = "multi_thread")]
async fn a_script_runs_and_leaves_nothing() {
    let rig = Rig::new(2, &[]).await;
    let script = |content: &str, interpreter: Option<&str>| {
        Action::Script(ScriptAction {
            name: "look.sh".to_owned(),
            content: OutputData::from(content.as_bytes().to_vec()),
            interpreter: interpreter.map(str::to_owned),
            arguments: vec!["it's".to_owned(), "-n $(id)".to_owned()],
            process: ProcessOptions::default(),
        })
    };
    let text = "#!/bin/sh\nprintf '%s|' \"$@\"; echo; echo error >&2; echo \"$0\"; exit 4\n";
    for target in rig.run("web[01-02]", script(text, None)).await {
        assert_eq!(outcome(&target).exit_code(), Some(4), "{:?}", target.result);
        let stdout = rig.stdout(&target).await;
        let (arguments, path) = stdout.trim_end().split_once('\n').unwrap();
        assert_eq!(arguments, "it's|-n $(id)|");
        assert!(!Path::new(path).exists(), "{path} is gone");
        assert_eq!(rig.stderr(&target).await, "error\n");
    }
    let python = "import sys\nprint(sys.argv[1:])\n";
    let targets = rig.run("web01", script(python, Some("/usr/bin/python3"))).await;
    assert_eq!(rig.stdout(&targets[0]).await, "[\"it's\", '-n $(id)']\n");
}

/// R6.5: any module; its result is one line of JSON.
#[tokio::test(flavor = "multi_thread")]
async fn modules_packages_and_facts_give_their_result() {
    let rig = Rig::new(2, &[]).await;
    let file = rig.lab.path("made");
    let arguments =
        json!({"arguments": {"dest": file, "content": "{{ lookup('pipe', 'id') }}\n"}, "diff": true});
    let targets = rig.run("web01", Action::Task(tool("ansible.builtin.copy", arguments))).await;
    assert_eq!(outcome(&targets[0]), &NodeOutcome::Succeeded);
    let result: Value = serde_json::from_str(&rig.stdout(&targets[0]).await).unwrap();
    assert_eq!((&result["changed"], &result["dest"]), (&true.into(), &json!(file)));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "{{ lookup('pipe', 'id') }}\n", "no template");
    std::fs::remove_file(&file).unwrap();
    let checked = json!({"arguments": {"path": file, "state": "touch"}, "check": true});
    rig.run("web01", Action::Task(tool("file", checked))).await;
    assert!(!file.exists(), "nothing was changed");
    let failing = json!({"arguments": {"path": "/nonexistent/x", "state": "file"}});
    let targets = rig.run("web01", Action::Task(tool("file", failing))).await;
    assert_eq!(outcome(&targets[0]).exit_code(), Some(2), "a module that fails without a status of its own");
    assert!(rig.stderr(&targets[0]).await.contains("/nonexistent/x"), "with its message");
    // A name with keys of a task, and a module that does not exist.
    for module in ["delegate_to", "no.such.module"] {
        let targets = rig.run("web01", Action::Task(tool(module, json!({})))).await;
        let (code, message) = error(&targets[0]);
        assert!(code == ErrorCode::BadConfig && message.contains(module), "{message}");
    }
    let present = Action::Package(tool("dash", json!({"check": true})));
    for target in rig.run("web[01-02]", present).await {
        assert_eq!(outcome(&target), &NodeOutcome::Succeeded, "{}", rig.stderr(&target).await);
        let result: Value = serde_json::from_str(&rig.stdout(&target).await).unwrap();
        assert_eq!(result["changed"], false, "it is installed");
    }
    let version = Action::Package(tool("dash", json!({"version": "999", "check": true})));
    let targets = rig.run("web01", version).await;
    assert!(!outcome(&targets[0]).is_success());
    assert!(rig.stderr(&targets[0]).await.contains("dash=999"), "as apt writes a version");
    let facts = Action::Facts(tool("setup", json!({"gatherSubset": ["!all", "!min", "env", "platform"]})));
    let targets = rig.run("web[01-02]", facts).await;
    for target in &targets {
        let result: Value = serde_json::from_str(&rig.stdout(target).await).unwrap();
        assert_eq!(result["ansible_facts"]["ansible_system"], "Linux");
        assert_eq!(result["ansible_facts"].get("ansible_env"), None, "variables of the login may be secrets");
    }
}

const SITE: &str = "
- name: first
  hosts: all
  gather_facts: false
  tasks:
    - name: greet
      ansible.builtin.debug: {msg: 'hello {{ whom }}'}
    - name: break
      ansible.builtin.command: sh -c 'echo seen; echo why >&2; exit 5'
      when: inventory_hostname == 'web02'
    - block:
        - name: saved
          ansible.builtin.command: 'false'
      rescue:
        - name: rescue
          ansible.builtin.debug: {msg: rescued}
";

/// R6.5, R7.3: a playbook, with an outcome for each node of its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_playbook_has_an_outcome_for_each_node() {
    let rig =
        Rig::new(4, &[("site.yml", SITE), ("broken.yml", "- hosts: all\n  tasks: [{nonsense: {}}]\n")]).await;
    rig.lab.fleet().stop_node(2).unwrap();
    let hosts = std::fs::read_to_string(rig.lab.fleet().known_hosts()).unwrap();
    // A key that nobody knows.
    let address = rig.lab.fleet().node(3).unwrap().address.ip().to_string();
    let kept: Vec<&str> = hosts.lines().filter(|line| !line.starts_with(&format!("[{address}]"))).collect();
    std::fs::write(rig.lab.fleet().known_hosts(), kept.join("\n") + "\n").unwrap();
    let parameters = json!({"extraVars": {"whom": "{{ lookup('pipe', 'id') }}"}});
    let targets = rig.run("web[01-04]", Action::Playbook(tool("site.yml", parameters))).await;
    assert_eq!(outcome(&targets[0]), &NodeOutcome::Succeeded, "what was rescued is no failure");
    let stdout = rig.stdout(&targets[0]).await;
    for line in
        ["PLAY [first]", "TASK [greet] ok: hello {{ lookup('pipe', 'id') }}", "TASK [rescue] ok: rescued"]
    {
        assert!(stdout.lines().any(|found| found == line), "{line:?} is not in {stdout}");
    }
    assert_eq!(outcome(&targets[1]).exit_code(), Some(5));
    assert!(rig.stdout(&targets[1]).await.contains("TASK [break] failed: non-zero return code"));
    assert!(rig.stderr(&targets[1]).await.contains("seen\nwhy\n"));
    assert_eq!(error(&targets[2]).0, ErrorCode::ConnectionRefused, "{:?}", targets[2].result);
    assert_eq!(outcome(&targets[3]).word(), "hostKeyRejected", "{:?}", targets[3].result);
    assert_eq!(rig.runs(), 1);
    for (playbook, parameters, code, part) in [
        ("broken.yml", json!({}), ErrorCode::BadConfig, "nonsense"),
        ("missing.yml", json!({}), ErrorCode::Validation, "action.name: \"missing.yml\" cannot be read"),
        ("../site.yml", json!({}), ErrorCode::Validation, "action.name: must be a path below"),
    ] {
        let targets = rig.run("web01", Action::Playbook(tool(playbook, parameters))).await;
        let (found, message) = error(&targets[0]);
        assert!(found == code && message.contains(part), "{found} {message}");
    }
    // R9.3: nothing is recorded of what breaks the schema.
    for (playbook, parameters, part) in [
        ("site.yml", json!({"limit": "all"}), "action.parameters"),
        ("site.yml", json!({"tags": ["--x"]}), "action.parameters.tags[0]"),
        ("site.yml", json!({"extraVars": 1}), "action.parameters.extraVars"),
        ("--version.yml", json!({}), "action.name"),
    ] {
        let asked = request("web01", Action::Playbook(tool(playbook, parameters)));
        let refused = rig.framework.execute(caller(), asked).await.unwrap_err().to_string();
        assert!(refused.contains(part), "{refused}");
    }
    wait::until_async("the files to be gone", LIMIT, || rig.run_directories().is_empty()).await.unwrap();
}

/// R7.3: nodes that a playbook did not come to are neither well nor broken.
#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_a_playbook_gives_up_say_so() {
    let serial = "
- hosts: web01
  gather_facts: false
  tasks: [{name: first, ansible.builtin.command: 'true'}]
- hosts: all
  serial: 1
  gather_facts: false
  tasks: [{ansible.builtin.command: \"{{ 'false' if inventory_hostname == 'web02' else 'true' }}\"}]
- hosts: all
  gather_facts: false
  tasks: [{ansible.builtin.command: 'true'}]
";
    let fatal = "
- hosts: web01,web02
  any_errors_fatal: true
  gather_facts: false
  tasks:
    - ansible.builtin.command: \"{{ 'false' if inventory_hostname == 'web02' else 'true' }}\"
    - ansible.builtin.command: 'true'
";
    let rig = Rig::new(3, &[("serial.yml", serial), ("fatal.yml", fatal)]).await;
    let targets = rig.run("web[01-03]", Action::Playbook(tool("serial.yml", json!({})))).await;
    assert_eq!(error(&targets[0]).0, ErrorCode::LimitReached);
    assert!(error(&targets[0]).1.contains("given up before it was done here"), "{:?}", targets[0].result);
    assert_eq!(outcome(&targets[1]).exit_code(), Some(1));
    assert!(error(&targets[2]).1.contains("given up before it came to this node"), "{:?}", targets[2].result);
    let targets = rig.run("web[01-03]", Action::Playbook(tool("fatal.yml", json!({})))).await;
    assert!(error(&targets[0]).1.contains("given up before it was done here"), "{:?}", targets[0].result);
    assert_eq!(outcome(&targets[1]).exit_code(), Some(1));
    assert_eq!(
        error(&targets[2]),
        (ErrorCode::Unsupported, "no play of fatal.yml is for this node".to_owned())
    );
}

/// R9.5: secrets are in files of this user alone, and nowhere else.
#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_in_private_files_and_in_no_argument() {
    let playbook = "
- hosts: all
  gather_facts: false
  tasks:
    - {name: hold, ansible.builtin.wait_for: {path: \"{{ go }}\", sleep: 1}}
    - {name: tell, ansible.builtin.debug: {msg: '{{ token }}'}}
";
    let rig = Rig::new(1, &[("hold.yml", playbook)]).await;
    let canary = format!("canary{}", unique());
    let go = rig.lab.path("go");
    let mut action = tool("hold.yml", json!({"extraVars": {"token": canary, "go": go}}));
    action.sensitive = vec!["/extraVars/token".to_owned()];
    let id = rig.framework.submit(caller(), request("web01", Action::Playbook(action))).await.unwrap();
    let text = go.display().to_string();
    let seen = || process::all().iter().any(|one| one.command_line.contains("AnsiballZ_wait_for"));
    wait::until_async("the playbook to wait", ANSIBLE, seen).await.unwrap();
    let directory = rig.run_directories().pop().unwrap();
    let variables = std::fs::read_to_string(directory.join("variables.yml")).unwrap();
    assert!(variables.contains(&canary) && variables.contains(&text));
    for path in [directory.clone(), directory.join("variables.yml"), directory.join("targets.pabawi.yml")] {
        let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&path).unwrap());
        assert_eq!(mode & 0o077, 0, "{}", path.display());
    }
    for one in process::all() {
        assert!(!one.command_line.contains(&canary), "{one:?}");
        let environment = std::fs::read(format!("/proc/{}/environ", one.pid)).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&environment).contains(&canary), "{one:?}");
    }
    std::fs::write(&go, "").unwrap();
    let done = tokio::time::timeout(ANSIBLE, rig.framework.wait(&caller(), id)).await.unwrap().unwrap();
    assert_eq!(done.summary.progress.succeeded, 1);
    let stdout = rig.stdout(&rig.targets(id).await[0]).await;
    assert!(stdout.contains("TASK [tell] ok: ***") && !stdout.contains(&canary), "{stdout}");
    wait::until_async("the files to be gone", LIMIT, || !directory.exists()).await.unwrap();
}

/// R7.5: a cancelled run ends here and on the node, and what nobody saw is not called ended.
#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_run_ends_here_and_there() {
    let rig = Rig::new(2, &[]).await;
    let sleep = format!("sleep 3{}", unique());
    let id = rig.framework.submit(caller(), request("web[01-02]", command(&sleep))).await.unwrap();
    let count = || rig.lab.fleet().commands().iter().filter(|one| one.command_line == sleep).count();
    wait::until_async("both nodes to sleep", ANSIBLE, || count() == 2).await.unwrap();
    let mode = TerminateMode::Graceful { grace: Duration::from_secs(3) };
    rig.framework.cancel(&caller(), id, CancelScope::All, mode).await.unwrap();
    let done = tokio::time::timeout(LIMIT, rig.framework.wait(&caller(), id)).await.unwrap().unwrap();
    assert_eq!(done.summary.progress.cancelled, 2, "{:?}", done.summary);
    for target in rig.targets(id).await {
        let left = outcome(&target).termination().unwrap();
        assert!(
            matches!(left, Termination::Unconfirmed { why } if why.contains("nobody looked")),
            "{left:?}"
        );
    }
    wait::until_async("the nodes to be still", LIMIT, || count() == 0).await.unwrap();
    let own = rig.private().display().to_string();
    let working = || process::all().iter().any(|one| one.command_line.contains(&own));
    wait::until_async("Ansible to be gone", LIMIT, || !working()).await.unwrap();
    wait::until_async("its files to be gone", LIMIT, || rig.run_directories().is_empty()).await.unwrap();
}

/// R7.4: a tool that is killed is a fault of each node that it was not done with.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_tool_is_a_fault_that_says_so() {
    let rig = Rig::new(2, &[]).await;
    let sleep = format!("sleep 3{}", unique());
    let text = format!("[ $(echo $SSH_CONNECTION | cut -d' ' -f3) = {} ] || exec {sleep}", {
        rig.lab.fleet().node(0).unwrap().address.ip()
    });
    let id = rig.framework.submit(caller(), request("web[01-02]", command(&text))).await.unwrap();
    let count = || rig.lab.fleet().commands().iter().filter(|one| one.command_line == sleep).count();
    wait::until_async("a node to sleep", ANSIBLE, || count() == 1).await.unwrap();
    // web01 is done by then or will be in a moment; its end is told while the tool works.
    let quick = async {
        while rig.targets(id).await[0].result.is_none() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(LIMIT, quick).await.expect("a node that is done does not wait for the others");
    let own = rig.private().display().to_string();
    let of_run = process::all().into_iter().filter(|one| one.command_line.contains(&own));
    let first = of_run.min_by_key(|one| one.pid).unwrap();
    let pid = rustix::process::Pid::from_raw(first.pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    tokio::time::timeout(LIMIT, rig.framework.wait(&caller(), id)).await.unwrap().unwrap();
    let targets = rig.targets(id).await;
    assert_eq!(outcome(&targets[0]), &NodeOutcome::Succeeded);
    assert_eq!(outcome(&targets[1]).word(), "pluginFault");
    assert!(error(&targets[1]).1.contains("ended by SIGKILL"), "{:?}", targets[1].result);
    wait::until_async("the node to be still", LIMIT, || count() == 0).await.unwrap();
}

/// R6.5, R3, R4: the project's own inventory decides how its hosts are reached; others are added to it.
#[tokio::test(flavor = "multi_thread")]
async fn a_projects_inventory_is_used_and_asked() {
    let lab = Lab::new(2);
    let fleet = lab.fleet();
    let (one, two) = (fleet.node(0).unwrap().address, fleet.node(1).unwrap().address);
    std::fs::create_dir_all(lab.path("project")).unwrap();
    let inventory = format!(
        "[web]\napp ansible_host={} ansible_port={} kind=known\n[web02]\nother ansible_connection=local\n",
        one.ip(),
        one.port()
    );
    lab.write("project/hosts.ini", inventory);
    lab.write("project/who.yml", "- hosts: all\n  gather_facts: false\n  tasks: [{ansible.builtin.ping: {}}, {ansible.builtin.debug: {msg: '{{ kind | default(\"new\") }} {{ ansible_play_hosts_all | length }}'}}]\n");
    let config = settings(&lab, json!({"inventory": "hosts.ini"}));
    let plugin = pabawi::ansible::plugin(name());
    plugin.initialize(config.clone()).await.unwrap();
    let call = |capability: &str, parameters: Value, nodes: &[&str]| PluginCall {
        capability: capability.to_owned(),
        parameters: parameters.as_object().unwrap().clone(),
        caller: caller(),
        correlation_id: None,
        nodes: nodes.iter().map(|node| NodeId::new(node).unwrap()).collect(),
    };
    let listed = plugin.call(call("inventory.list", json!({}), &[])).await.unwrap();
    let names: Vec<&str> =
        listed["nodes"].as_array().unwrap().iter().map(|node| node["id"].as_str().unwrap()).collect();
    assert_eq!(names, ["app", "other"]);
    assert_eq!(plugin.inventory().unwrap().fetch().await.unwrap().nodes.len(), 2);
    let facts = plugin.call(call("facts.get", json!({}), &["other"])).await.unwrap();
    assert_eq!(facts["facts"][0]["facts"]["kernel"], "Linux", "{facts}");
    let playbooks = plugin.call(call("playbook.list", json!({}), &[])).await.unwrap();
    assert_eq!(playbooks["playbooks"], json!([{"path": "who.yml", "name": null}]));
    let shown = plugin.call(call("playbook.show", json!({"path": "who.yml"}), &[])).await.unwrap();
    assert_eq!((&shown["plays"][0]["hosts"], &shown["plays"][0]["tasks"]), (&"all".into(), &2.into()));
    let outside = plugin.call(call("playbook.show", json!({"path": "../x.yml"}), &[])).await.unwrap_err();
    assert!(outside.message.starts_with("parameters.path: must be a path below"), "{outside}");
    let tasks = plugin.call(call("task.list", json!({"filter": "ansible.builtin.ping"}), &[])).await.unwrap();
    assert_eq!(tasks["tasks"][0]["name"], "ansible.builtin.ping", "{tasks}");

    // web02 is a group there, and a node here: no name is read as a pattern.
    let endpoint = Endpoint {
        host: Some(two.ip().to_string()),
        port: Some(two.port()),
        user: Some(fleet.user().to_owned()),
        identity_files: vec![fleet.user_key().path.clone()],
        ..Endpoint::default()
    };
    // What the project says of its own host is not replaced.
    let wrong = Endpoint { port: Some(1), ..endpoint.clone() };
    let with_port = format!("{}@{two}", fleet.user());
    let asked = [("app", wrong), ("web02", endpoint.clone()), (&*with_port, endpoint)];
    let targets = asked.map(|(node, endpoint)| Target::new(NodeId::new(node).unwrap(), endpoint));
    let run = PluginRun {
        execution_id: ExecutionId::from_parts(1, [7; 10]),
        correlation_id: None,
        action: Arc::new(Action::Playbook(tool("who.yml", json!({})))),
        targets: targets.to_vec(),
    };
    let mut said = BTreeMap::new();
    for (node, mut part) in plugin.run(run).await.unwrap() {
        let mut text = String::new();
        let end = loop {
            match tokio::time::timeout(ANSIBLE, part.next()).await.unwrap() {
                ActionEvent::Output { data, .. } => text.push_str(&String::from_utf8_lossy(&data)),
                ActionEvent::Ended(end) => break end,
                other => panic!("{other:?}"),
            }
        };
        assert!(matches!(end, ActionEnd::Exited { code: 0 }), "{node} {end:?} {text}");
        let line =
            text.lines().find(|line| line.starts_with("TASK [ansible.builtin.debug]")).unwrap().to_owned();
        said.insert(node.to_string(), line);
    }
    let line = |kind: &str| format!("TASK [ansible.builtin.debug] ok: {kind} 3");
    let expected = [("app", line("known")), ("web02", line("new")), (&*with_port, line("new"))];
    assert_eq!(said, expected.map(|(node, line)| (node.to_owned(), line)).into());
}

/// R6.7: how it is depends on which programs are there.
#[tokio::test(flavor = "multi_thread")]
async fn health_tells_which_programs_are_missing() {
    let lab = Lab::new(1);
    let bin = lab.path("bin");
    std::fs::create_dir_all(&bin).unwrap();
    let plugin = pabawi::ansible::plugin(name());
    plugin.initialize(settings(&lab, json!({"binDir": bin}))).await.unwrap();
    let PluginHealth::Unhealthy { message } = plugin.health().await else { panic!("there is no Ansible") };
    assert!(message.contains("failed to start") && message.contains("ansible-playbook"), "{message}");
    std::os::unix::fs::symlink("/bin/true", bin.join("ansible-playbook")).unwrap();
    std::os::unix::fs::symlink("/bin/true", bin.join("ansible")).unwrap();
    std::os::unix::fs::symlink("/bin/false", bin.join("ansible-doc")).unwrap();
    let PluginHealth::Degraded { message, working, failing } = plugin.health().await else {
        panic!("some are missing")
    };
    assert_eq!(failing, ["inventory.list", "task.list"]);
    assert!(working.iter().any(|name| name == "playbook.execute"));
    assert!(message.contains("ansible-inventory") && message.contains("ansible-doc"), "{message}");
    let whole = pabawi::ansible::plugin(name());
    whole.initialize(settings(&lab, json!({}))).await.unwrap();
    assert_eq!(whole.health().await, PluginHealth::Healthy);
    let bad = pabawi::ansible::plugin(name()).initialize(json!({"projectPath": "/nonexistent"})).await;
    assert!(bad.unwrap_err().message.contains("config.projectPath: /nonexistent is no directory"));
}

/// A program in the place of `ansible-playbook` that tells what it likes about `web01`.
fn stand_in(lab: &Lab, script: &str) -> Value {
    let bin = lab.path("bin");
    std::fs::create_dir_all(&bin).unwrap();
    let head = "#!/usr/bin/env python3\nimport json, os, signal, sys, time\n\
                def tell(**event):\n    sys.stdout.write(json.dumps({**event, 'm': os.environ['PABAWI_MARK']}) + '\\n')\n    \
                sys.stdout.flush()\n";
    let path = bin.join("ansible-playbook");
    std::fs::write(&path, format!("{head}{script}")).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    json!({"binDir": bin})
}

async fn with_stand_in(script: &str) -> Rig {
    let lab = Lab::new(1);
    let config = settings(&lab, stand_in(&lab, script));
    let plugin = pabawi::ansible::plugin(name());
    let builder = Framework::builder().database(lab.database()).authorizer(AllowAll).plugin(plugin, config);
    let framework = builder.open().await.unwrap();
    Rig { lab, framework }
}

/// R7.5
#[tokio::test(flavor = "multi_thread")]
async fn a_tool_that_ignores_the_signal_is_killed() {
    let rig = with_stand_in(
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\ntell(e='out', h='web01', s='out', d='up')\ntime.sleep(3600)\n",
    )
    .await;
    let id = rig.framework.submit(caller(), request("web01", command("true"))).await.unwrap();
    let own = rig.private().display().to_string();
    let working = || process::all().iter().any(|one| one.command_line.contains(&own));
    wait::until_async("the tool to work", LIMIT, working).await.unwrap();
    let mode = TerminateMode::Graceful { grace: Duration::from_millis(500) };
    rig.framework.cancel(&caller(), id, CancelScope::All, mode).await.unwrap();
    let done = tokio::time::timeout(LIMIT, rig.framework.wait(&caller(), id)).await.unwrap().unwrap();
    assert_eq!(done.summary.progress.cancelled, 1);
    wait::until_async("the tool to be gone", LIMIT, || !working()).await.unwrap();
    wait::until_async("its files to be gone", LIMIT, || rig.run_directories().is_empty()).await.unwrap();
}

/// R8: what a tool prints is held nowhere as a whole.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_kept_in_part_and_counted_in_whole() {
    const PIECES: u64 = 8 * 1024;
    let rig = with_stand_in(
        "for n in range(8 * 1024):\n    tell(e='out', h='web01', s='out', d='x' * 32768)\n\
         tell(e='end', h='web01', k='ok')\n",
    )
    .await;
    let targets = rig.run("web01", command("true")).await;
    assert_eq!(outcome(&targets[0]), &NodeOutcome::Succeeded);
    let stdout = targets[0].stdout.unwrap();
    assert_eq!(stdout.total_bytes, PIECES * 32 * 1024);
    assert!(stdout.omitted_bytes > 0);
}

/// R7.4: exit status 0 with nonsense, with silence and with a failure in between is no success.
#[tokio::test(flavor = "multi_thread")]
async fn a_tool_is_not_believed_by_its_exit_status() {
    for (script, part) in [
        ("print('hello', file=sys.stderr)\n", "said nothing of this node; it said: hello"),
        ("tell(e='nonsense', h='web01')\n", "cannot be understood: the event \"nonsense\""),
        ("tell(e='end', h='web01', k='sideways')\n", "cannot be understood: the end \"sideways\""),
        ("tell(e='end')\n", "cannot be understood"),
    ] {
        let rig = with_stand_in(script).await;
        let targets = rig.run("web01", command("true")).await;
        assert_eq!(outcome(&targets[0]).word(), "pluginFault", "{script}");
        assert!(error(&targets[0]).1.contains(part), "{:?}", targets[0].result);
    }
    let rig = with_stand_in("tell(e='end', h='web01', k='failed', msg='broken')\n").await;
    assert_eq!(outcome(&rig.run("web01", command("true")).await[0]).exit_code(), Some(2));
}
