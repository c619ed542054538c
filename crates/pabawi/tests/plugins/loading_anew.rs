//! Another instance of a plugin while the engine runs (R6.7).

use std::sync::Arc;
use std::time::Duration;

use pabawi_domain::summary::ExecutionStatus;
use pabawi_plugins::host::ReloadError;
use pabawi_testkit::scripted::{Conduct, Gate, NodeScript};
use serde_json::json;

use crate::support::{Rig, bolt, settle, task};

/// R6.7, R6.2: runs that are under way end on the old one, new ones go to the new one, and the old one is shut down after
/// its last run.
#[tokio::test(start_paused = true)]
async fn a_plugin_is_loaded_anew_under_its_runs() {
    let gate = Gate::new();
    let old = bolt().default_script(NodeScript::new().waits_for(&gate));
    let rig = Rig::new(&[&old]).await;
    let under_way = rig.submit(task("a", 1)).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let new = bolt();
    rig.host.reload(Arc::new(new.clone()), json!({"project": "/srv"})).await.unwrap();
    assert_eq!(new.configs(), [json!({"project": "/srv"})]);
    let after = rig.execute(task("b", 1)).await;
    assert_eq!(after.summary.status, ExecutionStatus::Completed);
    assert_eq!((old.runs().len(), new.runs().len()), (1, 1));
    settle().await;
    assert!(!old.calls().contains(&"shutdown".to_owned()), "a run is left on it");
    gate.open();
    assert_eq!(rig.wait(under_way).await.summary.status, ExecutionStatus::Completed);
    settle().await;
    assert_eq!(old.calls().last().unwrap(), "shutdown");
    assert!(!new.calls().contains(&"shutdown".to_owned()));
}

/// R6.7: one that cannot get ready changes nothing.
#[tokio::test(start_paused = true)]
async fn a_new_one_that_does_not_get_ready_changes_nothing() {
    let old = bolt();
    let rig = Rig::new(&[&old]).await;
    let bad = bolt().initializes(Conduct::Panics);
    let refused = rig.host.reload(Arc::new(bad), json!({})).await;
    assert!(matches!(refused, Err(ReloadError::NotReady { .. })), "{refused:?}");
    rig.execute(task("a", 1)).await;
    assert_eq!(old.runs().len(), 1);
}

/// R6.7: an instance that has a run left when all is shut down is let go too, within the deadline, and told.
#[tokio::test(start_paused = true)]
async fn an_old_instance_with_a_run_left_is_let_go_with_the_others() {
    let old = bolt().default_script(NodeScript::new().hangs());
    let rig = Rig::new(&[&old]).await;
    rig.submit(task("a", 1)).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let new = bolt();
    rig.host.reload(Arc::new(new.clone()), json!({})).await.unwrap();
    let began = tokio::time::Instant::now();
    let faults = rig.host.shutdown(Duration::from_secs(4)).await;
    assert!(began.elapsed() <= Duration::from_secs(4), "{:?}", began.elapsed());
    for plugin in [&old, &new] {
        assert_eq!(plugin.calls().last().unwrap(), "shutdown");
    }
    let told: Vec<&str> = faults.iter().map(|fault| fault.message.as_str()).collect();
    assert_eq!(told, ["1 runs of it had not ended"]);
}
