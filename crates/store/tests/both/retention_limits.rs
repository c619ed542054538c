//! Limits by what an execution does and by its plugins: compared with what they mean, worked out from all executions at once.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use pabawi_domain::action::{Action, ActionKind, CommandAction, ToolAction};
use pabawi_domain::event::{EventKind, ExecutionEvent};
use pabawi_domain::id::{ExecutionId, PluginName};
use pabawi_domain::journal::{ExecutionLimit, OutputPlace};
use pabawi_domain::outcome::NodeOutcome;
use pabawi_domain::output::{OutputData, StreamKind};
use pabawi_domain::ports::{ExecutionStore as _, RetentionStore as _, StoreWrite};
use pabawi_domain::record::{NewExecution, TargetRecord};
use pabawi_store::Store;

use crate::records::{all_targets, at, execution, finished, hash, node, open, result, start, stored_events};
use crate::retention::{before, done, prune_outputs};

/// An execution on one node, that was submitted in the second of its place.
#[derive(Debug, Clone)]
struct Made {
    id: ExecutionId,
    kind: ActionKind,
    plugins: BTreeSet<PluginName>,
    is_over: bool,
    output: &'static str,
}

/// Each is printed by few, so that some go with the last one of them.
const OUTPUTS: [&str; 24] = [
    "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s", "t", "u",
    "v", "w", "x",
];

fn plugin(name: &str) -> PluginName {
    PluginName::new(name).unwrap()
}

/// Numbers in the same order in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % most
    }
}

async fn make(
    store: &Store,
    seconds: usize,
    kind: ActionKind,
    plugins: &[&str],
    is_over: bool,
    output: &'static str,
) -> Made {
    let mut new = NewExecution { submitted_at: at(i64::try_from(seconds).unwrap()), ..execution("x", 1) };
    let tool = ToolAction { name: "deploy".into(), ..ToolAction::default() };
    new.request.action = match kind {
        ActionKind::Task => Action::Task(tool),
        ActionKind::Plan => Action::Plan(tool),
        _ => Action::Command(CommandAction::new("x")),
    };
    new.plugins = plugins.iter().map(|name| plugin(name)).collect();
    let (id, plugins) = (new.id, new.plugins.clone());
    store.create(new).await.unwrap();
    let printed = EventKind::Output {
        node: node("n0"),
        stream: StreamKind::Stdout,
        offset: 0,
        data: OutputData(Bytes::from_static(output.as_bytes())),
    };
    let mut writes = vec![
        StoreWrite::Started { id, at: at(1) },
        start(id, "n0", 1),
        result(id, "n0", NodeOutcome::Succeeded, output.as_bytes()),
        StoreWrite::Events {
            id,
            events: vec![Arc::new(ExecutionEvent { execution_id: id, seq: 1, at: at(1), kind: printed })],
        },
    ];
    if is_over {
        writes.push(finished(id, 1));
    }
    store.append(&writes).await.unwrap();
    Made { id, kind, plugins, is_over, output }
}

/// The limits that an execution follows: of those about it those that say most.
fn followed<'l>(one: &Made, limits: &'l [ExecutionLimit]) -> Vec<(usize, &'l ExecutionLimit)> {
    let is_about = |limit: &ExecutionLimit| {
        limit.action_kind.is_none_or(|kind| kind == one.kind)
            && limit.plugin.as_ref().is_none_or(|plugin| one.plugins.contains(plugin))
    };
    let about: Vec<_> = limits.iter().enumerate().filter(|(_, limit)| is_about(limit)).collect();
    let most = about.iter().map(|(_, limit)| limit.rank()).max();
    about.into_iter().filter(|(_, limit)| Some(limit.rank()) == most).collect()
}

/// What goes, by limit, by what the limits say.
fn expected(all: &[Made], limits: &[ExecutionLimit]) -> Vec<BTreeSet<ExecutionId>> {
    // Where each limit ends: what was submitted before that time goes.
    let submitted = |place: usize| at(i64::try_from(place).unwrap());
    let ends: Vec<Option<Timestamp>> = limits
        .iter()
        .enumerate()
        .map(|(number, limit)| {
            let mut newest_first = all.iter().enumerate().rev().filter(|(_, one)| {
                one.is_over && followed(one, limits).iter().any(|(other, _)| *other == number)
            });
            let newest = limit.keep.and_then(|keep| newest_first.nth(usize::try_from(keep).unwrap()));
            let by_number = newest.map(|(place, _)| submitted(place) + SignedDuration::from_nanos(1));
            limit.before.max(by_number)
        })
        .collect();
    let mut gone = vec![BTreeSet::new(); limits.len()];
    for (place, one) in all.iter().enumerate().filter(|(_, one)| one.is_over) {
        let keeps_longest = followed(one, limits).into_iter().min_by_key(|(number, _)| ends[*number]);
        if let Some((number, _)) = keeps_longest
            && ends[number].is_some_and(|end| submitted(place) < end)
        {
            gone[number].insert(one.id);
        }
    }
    gone
}

/// Some limits, no two about the same.
fn some_limits(numbers: &mut Numbers, most: usize) -> Vec<ExecutionLimit> {
    let mut limits = BTreeMap::new();
    for _ in 0..=numbers.below(5) {
        let kind = [None, Some(ActionKind::Command), Some(ActionKind::Task)][numbers.below(3)];
        let name = [None, Some("ssh"), Some("bolt"), Some("nobody")][numbers.below(4)];
        let age = (numbers.below(3) > 0).then(|| at(numbers.below(most + 1) as i64));
        let keep = (numbers.below(2) > 0).then(|| numbers.below(most / 2) as u64);
        let limit = ExecutionLimit { action_kind: kind, plugin: name.map(plugin), before: age, keep };
        limits.insert((Reverse(kind), name), limit);
    }
    limits.into_values().collect()
}

/// R11.13: an execution follows the limit that says most about it, and of two about its plugins the one that keeps it longest; one
/// that is not over stays; outputs go by limits of their own, each with the last execution that gives it up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_execution_follows_the_limit_that_says_most_about_it() {
    const MANY: usize = 60;
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let mut numbers = Numbers(7);
    let mut all = Vec::new();
    for place in 0..MANY {
        let kind = [ActionKind::Command, ActionKind::Task, ActionKind::Plan][numbers.below(3)];
        let plugins: &[&str] = [&[][..], &["ssh"], &["bolt"], &["bolt", "ssh"]][numbers.below(4)];
        let output = OUTPUTS[numbers.below(OUTPUTS.len())];
        all.push(make(&store, place, kind, plugins, numbers.below(8) > 0, output).await);
    }
    let (mut gone, mut ties, mut shared) = (0, 0, 0);
    for _ in 0..100 {
        let limits = some_limits(&mut numbers, MANY);
        let expected = expected(&all, &limits);
        let cuts = store.execution_cuts(&limits).await.unwrap();
        let counts: Vec<u64> = cuts.iter().map(|cut| cut.executions).collect();
        assert_eq!(counts, expected.iter().map(|ids| ids.len() as u64).collect::<Vec<_>>(), "{limits:#?}");
        assert_eq!(counts, cuts.iter().map(|cut| cut.targets).collect::<Vec<_>>());
        let ids: BTreeSet<_> = expected.iter().flatten().collect();
        let lost = |output| all.iter().filter(|one| one.output == output).all(|one| ids.contains(&one.id));
        let printed = |output: &&&str| all.iter().any(|one| one.output == **output);
        let lost = OUTPUTS.iter().filter(printed).filter(|output| lost(**output)).count();
        assert_eq!(store.output_cut(&limits).await.unwrap().outputs, lost as u64, "{limits:#?}");
        shared += ids.len() - lost.min(ids.len());
        gone += ids.len();
        ties += all.iter().filter(|one| followed(one, &limits).len() > 1).count();
    }
    assert!(gone > 500 && ties > 50 && shared > 50, "they were about something: {gone} {ties} {shared}");

    // Each of these is carried out on what the one before it has left.
    let (mut given, mut lost) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..12 {
        let limits = some_limits(&mut numbers, MANY);
        given.extend(expected(&all, &limits).into_iter().flatten());
        let cut = store.output_cut(&limits).await.unwrap();
        let removed: u64 = prune_outputs(&store, &cut).await.iter().sum();
        assert_eq!(cut.outputs, removed, "{limits:#?}");
        for one in &all {
            let events = stored_events(&store, one.id, 10).await.len();
            assert_eq!(events, usize::from(!given.contains(&one.id)), "{one:?} {limits:#?}");
            let others = all.iter().filter(|other| other.output == one.output);
            let is_kept = others.clone().any(|other| !given.contains(&other.id));
            let target = all_targets(&store, one.id).await.remove(0);
            let output = target.stdout.unwrap();
            assert_eq!(output.omitted_bytes == 0, is_kept, "{one:?} {limits:#?}");
            if !is_kept && others.count() > 1 {
                lost.insert(one.output);
            }
            assert_eq!(output.total_bytes, one.output.len() as u64);
        }
    }
    assert!(lost.len() > 3 && given.len() < MANY, "some went with the last one: {lost:?} {}", given.len());
    let limits = some_limits(&mut numbers, MANY);
    let ids: BTreeSet<_> = expected(&all, &limits).into_iter().flatten().collect();
    let cuts = store.execution_cuts(&limits).await.unwrap();
    let mut from = None;
    for _ in 0..MANY {
        from = store.prune_executions(&cuts, from, 10).await.unwrap().next;
        if from.is_none() {
            break;
        }
    }
    assert!(from.is_none() && !ids.is_empty());
    for one in &all {
        assert_eq!(store.execution(one.id).await.unwrap().is_none(), ids.contains(&one.id), "{one:?}");
    }
}

/// R11.13: a step that went on with an execution that another process has finished meanwhile begins with the next one anew.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_take_outputs_of_the_same_executions() {
    let dir = tempfile::tempdir().unwrap();
    let (store, other) = (open(dir.path()).await, open(dir.path()).await);
    // The last one was written first, so that its output comes before those of the others.
    let last = done(&store, 3, &[b"last"]).await;
    let ids = [done(&store, 1, &[b"one", b"more"]).await, done(&store, 2, &[b"two"]).await, last];
    let cut = store.output_cut(&[before(9)]).await.unwrap();
    assert_eq!(cut.outputs, 4);
    let step = store.prune_outputs(&cut, None, 1).await.unwrap();
    assert!(matches!(step.next, Some(OutputPlace::Output { .. })), "{step:?}");
    let both = other.output_cut(&[before(3)]).await.unwrap();
    assert_eq!((both.outputs, prune_outputs(&other, &both).await), (2, vec![2]));
    let rest = store.prune_outputs(&cut, step.next, 10).await.unwrap();
    assert_eq!((rest.outputs, rest.next), (1, None));
    for id in ids {
        let targets = all_targets(&store, id).await;
        let is_gone = |one: &TargetRecord| one.stdout.is_some_and(|output| output.omitted_bytes > 0);
        assert!(targets.iter().all(is_gone), "{targets:?}");
    }
    let again = done(&other, 4, &[b"one"]).await;
    assert_eq!(all_targets(&store, again).await[0].stdout.map(|output| output.omitted_bytes), Some(0));
    assert_eq!(store.output(hash(b"one"), 0, 9).await.unwrap().unwrap().data.0, "one");
}

/// Bad luck: as many limits as are taken are still one question for the database, and the first and the last of them hold.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_limits_are_looked_through() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    for (place, name) in ["p0", "p199", "p200"].into_iter().enumerate() {
        make(&store, place, ActionKind::Task, &[name], true, OUTPUTS[place]).await;
    }
    let limit = |number: usize| ExecutionLimit {
        action_kind: Some(ActionKind::Task),
        plugin: Some(plugin(&format!("p{number}"))),
        keep: Some(0),
        ..ExecutionLimit::default()
    };
    let limits: Vec<ExecutionLimit> = (0..200).map(limit).collect();
    let cuts = store.execution_cuts(&limits).await.unwrap();
    let counts: Vec<u64> = [0, 1, 199].map(|number: usize| cuts[number].executions).into();
    assert_eq!(counts, [1, 0, 1]);
    let cut = store.output_cut(&limits).await.unwrap();
    assert_eq!((cut.outputs, prune_outputs(&store, &cut).await), (2, vec![2]));
    assert_eq!(store.prune_executions(&cuts, None, 10).await.unwrap().executions, 2);
}
