//! Copies through the SSH transport: progress, cancelling, what is left behind, many at once.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what a test's own functions meet is the test's failure"
)]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pabawi_domain::action::{Action, DownloadAction, UploadAction};
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::NodeId;
use pabawi_domain::node::{Endpoint, Target};
use pabawi_domain::outcome::Termination;
use pabawi_domain::ports::{ActionEnd, ActionEvent, RunningAction, TerminateMode, Transport};
use pabawi_testkit::contract::{Finished, TransportSubject};
use pabawi_testkit::fleet::Fleet;
use pabawi_testkit::wait;
use pabawi_transport::ssh_config::SshConfig;
use pabawi_transport::{SshSettings, SshTransport};

const LIMIT: Duration = Duration::from_secs(60);

fn transport(fleet: &Fleet) -> Arc<dyn Transport> {
    let mut settings = SshSettings::default();
    settings.config = Arc::new(SshConfig::load(fleet.ssh_config()).unwrap());
    Arc::new(SshTransport::new(settings))
}

fn target(fleet: &Fleet, node: usize, endpoint: Endpoint) -> Target {
    let name = fleet.node(node).unwrap().name.clone();
    Target::new(NodeId::new(name).unwrap(), endpoint)
}

fn subject() -> TransportSubject {
    let fleet = Fleet::builder().nodes(1).start().unwrap();
    TransportSubject::new(transport(&fleet), target(&fleet, 0, Endpoint::default()), fleet)
}

fn upload(from: &Path, to: &Path) -> Action {
    Action::Upload(UploadAction {
        source: from.to_owned(),
        destination: to.display().to_string(),
        mode: None,
    })
}

/// Far larger than what is copied until the test has seen enough, and takes no room.
fn endless(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("endless");
    std::fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
    path
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

async fn first_progress(running: &mut dyn RunningAction) -> u64 {
    match tokio::time::timeout(LIMIT, running.next()).await.unwrap() {
        ActionEvent::Progress { done_bytes, total_bytes } => {
            assert_eq!(total_bytes, Some(1 << 40));
            done_bytes
        }
        other => panic!("progress comes first: {other:?}"),
    }
}

/// R5.4, R8.8: progress is told, and a cancelled copy says that it is gone and leaves nothing, either way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_tells_its_progress_and_can_be_cancelled() {
    let subject = subject();
    let folder = tempfile::tempdir().unwrap();
    let source = endless(folder.path());
    let download = Action::Download(DownloadAction {
        source: source.display().to_string(),
        destination: folder.path().join("back"),
    });
    let back = folder.path().join("back").join(subject.target.node.as_str());
    for action in [upload(&source, &folder.path().join("there")), download] {
        let mut running = subject.start(action).await.unwrap();
        let first = first_progress(&mut *running).await;
        assert!(first > 0 && first_progress(&mut *running).await > first);
        assert_eq!(running.terminate(TerminateMode::Kill).await, Termination::Confirmed);
        let ActionEvent::Ended(ActionEnd::Failed(error)) = running.next().await else { panic!() };
        assert!(error.may_have_started && error.to_string().contains("cancelled"), "{error}");
        assert!(!back.exists() || names(&back).is_empty());
    }
    assert_eq!(names(folder.path()), ["back", "endless"]);
}

/// Who drops a running copy ends it, and its temporary file goes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_copy_leaves_nothing() {
    let subject = subject();
    let folder = tempfile::tempdir().unwrap();
    let mut running =
        subject.start(upload(&endless(folder.path()), &folder.path().join("there"))).await.unwrap();
    first_progress(&mut *running).await;
    assert!(names(folder.path()).iter().any(|name| name.starts_with(".pabawi")));
    drop(running);
    wait::until_async("the temporary file to go", LIMIT, || names(folder.path()) == ["endless"])
        .await
        .unwrap();
}

/// R7.3: a link that is lost in the middle is told as that, and nothing stands under the name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_link_is_told() {
    let fleet = Fleet::builder().nodes(1).start().unwrap();
    let subject = TransportSubject::new(transport(&fleet), target(&fleet, 0, Endpoint::default()), ());
    let folder = tempfile::tempdir().unwrap();
    let there = folder.path().join("there");
    let mut running = subject.start(upload(&endless(folder.path()), &there)).await.unwrap();
    first_progress(&mut *running).await;
    assert!(fleet.cut_links(0).unwrap() > 0);
    let finished = tokio::time::timeout(LIMIT, Finished::read(&mut *running)).await.unwrap();
    let error = finished.failure().unwrap();
    assert_eq!(error.error.code, ErrorCode::LinkLost, "{error}");
    assert!(error.may_have_started && !there.exists());
    // The node itself cannot be told to remove it any more, and the message says so.
    assert!(error.to_string().contains("may be left"), "{error}");
}

/// A copy goes through a jump host as a command does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_goes_through_a_jump_host() {
    let fleet = Fleet::builder().nodes(2).start().unwrap();
    let jump = Some(vec![fleet.node(0).unwrap().name.clone()]);
    let target = target(&fleet, 1, Endpoint { jump, ..Endpoint::default() });
    let subject = TransportSubject::new(transport(&fleet), target, fleet);
    let folder = tempfile::tempdir().unwrap();
    let content: Vec<u8> = (0..2_000_000_u32).flat_map(u32::to_le_bytes).collect();
    std::fs::write(folder.path().join("from"), &content).unwrap();
    let finished = subject.run(upload(&folder.path().join("from"), &folder.path().join("there"))).await;
    let ActionEnd::Copied(report) = &finished.end else { panic!("{:?}", finished.end) };
    assert_eq!((report.files, report.bytes), (1, 8_000_000));
    assert!(std::fs::read(folder.path().join("there")).unwrap() == content);
}

/// R8.1: many copies to one node at the same time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_run_beside_each_other() {
    let subject = subject();
    let folder = tempfile::tempdir().unwrap();
    let mut running = Vec::new();
    for number in 0..6_usize {
        let from = folder.path().join(format!("from{number}"));
        std::fs::write(&from, vec![b'x'; number * 100_000]).unwrap();
        running.push(subject.start(upload(&from, &folder.path().join(format!("to{number}")))).await.unwrap());
    }
    for (number, running) in running.iter_mut().enumerate() {
        let finished = Finished::read(&mut **running).await;
        assert!(matches!(finished.end, ActionEnd::Copied(_)), "{:?}", finished.end);
        let there = std::fs::metadata(folder.path().join(format!("to{number}"))).unwrap();
        assert_eq!(there.len(), u64::try_from(number * 100_000).unwrap());
    }
}
