//! The service with providers that are made up, a clock that is set by hand and a store in memory.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use pabawi_domain::error::{ErrorCode, NodeError};
use pabawi_domain::id::NodeId;
use pabawi_domain::ports::{Clock, FactProvider, FactProviderError, NodeFacts, StoreError};
use pabawi_domain::request::{Caller, EntryPoint};
use pabawi_testkit::clock::ManualClock;
use pabawi_testkit::memory_facts::MemoryFacts;
use serde_json::{Map, Value, json};
use tokio::sync::Semaphore;

use super::*;
use crate::condition::parse_condition;
use crate::known::KnownFacts;

type Says = Box<dyn Fn(&Caller, &NodeId) -> Result<Value, ErrorCode> + Send + Sync>;

/// A provider that says what it is told to, counts its calls and can be made to wait.
struct Fake {
    name: &'static str,
    priority: i32,
    says: Says,
    clock: Arc<ManualClock>,
    calls: Mutex<Vec<Vec<NodeId>>>,
    begun: Semaphore,
    gate: Semaphore,
}

impl Fake {
    fn calls(&self) -> Vec<usize> {
        self.calls.lock().unwrap().iter().map(Vec::len).collect()
    }

    fn asked(&self) -> usize {
        self.calls().iter().sum()
    }
}

#[async_trait]
impl FactProvider for Fake {
    fn name(&self) -> &str {
        self.name
    }

    fn priority(&self) -> i32 {
        self.priority
    }

    async fn collect(&self, caller: &Caller, nodes: &[NodeId]) -> Vec<Result<NodeFacts, FactProviderError>> {
        self.calls.lock().unwrap().push(nodes.to_vec());
        self.begun.add_permits(1);
        let _open = self.gate.acquire().await.unwrap();
        let answer = |node: &NodeId| {
            let facts = (self.says)(caller, node).map_err(|code| FactProviderError {
                provider: self.name.to_owned(),
                error: NodeError::new(node.clone(), code, "it is so"),
            })?;
            let Value::Object(facts) = facts else { panic!("no mapping: {facts}") };
            let gathered_at = self.clock.now();
            Ok(NodeFacts {
                node: node.clone(),
                facts,
                raw: Some("raw".into()),
                warnings: vec![],
                gathered_at,
            })
        };
        nodes.iter().map(answer).collect()
    }
}

struct Lab {
    clock: Arc<ManualClock>,
    store: Arc<MemoryFacts>,
    builder: Option<FactsBuilder>,
}

impl Lab {
    fn new() -> Self {
        let (clock, store) = (Arc::new(ManualClock::default()), Arc::new(MemoryFacts::default()));
        let builder = Some(Facts::builder(KnownFacts::new(Arc::clone(&store) as _), Arc::clone(&clock) as _));
        Self { clock, store, builder }
    }

    fn with(
        &mut self,
        name: &'static str,
        priority: i32,
        options: ProviderOptions,
        says: impl Fn(&Caller, &NodeId) -> Result<Value, ErrorCode> + Send + Sync + 'static,
    ) -> Arc<Fake> {
        let fake = Arc::new(Fake {
            name,
            priority,
            says: Box::new(says),
            clock: Arc::clone(&self.clock),
            calls: Mutex::default(),
            begun: Semaphore::new(0),
            gate: Semaphore::new(1000),
        });
        let builder = self.builder.take().unwrap();
        self.builder = Some(builder.provider(Arc::clone(&fake) as _, options).unwrap());
        fake
    }

    fn facts(&mut self) -> Facts {
        self.builder.take().unwrap().build()
    }

    /// A service of another process on the same store.
    fn again(&mut self) {
        self.builder =
            Some(Facts::builder(KnownFacts::new(Arc::clone(&self.store) as _), Arc::clone(&self.clock) as _));
    }
}

fn caller() -> Caller {
    named("ann")
}

fn named(user: &str) -> Caller {
    Caller { user: user.to_owned(), entry_point: EntryPoint::Rust }
}

fn node(name: &str) -> NodeId {
    NodeId::new(name).unwrap()
}

fn nodes(count: usize) -> Vec<NodeId> {
    (0..count).map(|number| node(&format!("n{number}"))).collect()
}

fn map(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn ttl(seconds: u64) -> ProviderOptions {
    ProviderOptions { ttl: Duration::from_secs(seconds), ..ProviderOptions::default() }
}

/// R4.1, R4.2, R4.3, R4.4, R4.8
#[tokio::test]
async fn facts_hold_for_their_time_and_are_collected_anew_after_it_or_by_force() {
    let mut lab = Lab::new();
    let count = AtomicUsize::new(0);
    let counted =
        move |_: &Caller, _: &NodeId| Ok(json!({"count": count.fetch_add(1, Ordering::Relaxed) + 1}));
    let fake = lab.with("ssh", 0, ttl(60), counted);
    let facts = lab.facts();
    let ask = async |freshness| {
        let answers = facts.facts(&caller(), &[node("web1")], freshness).await;
        answers[0].facts()["count"].as_u64().unwrap()
    };
    assert_eq!(ask(Freshness::Cached).await, 1);
    lab.clock.advance(Duration::from_secs(59));
    assert_eq!(ask(Freshness::Cached).await, 1);
    assert_eq!(fake.asked(), 1, "nothing was asked while they held");
    lab.clock.advance(Duration::from_secs(1));
    assert_eq!(ask(Freshness::Cached).await, 2, "their time is over");
    assert_eq!(ask(Freshness::Forced).await, 3, "by force");
    assert_eq!(ask(Freshness::Cached).await, 3, "what was forced is what holds now");
    lab.clock.advance(Duration::from_secs(10));
    assert_eq!(ask(Freshness::MaxAge(Duration::from_secs(11))).await, 3);
    assert_eq!(ask(Freshness::MaxAge(Duration::from_secs(10))).await, 4);
    lab.clock.set(Timestamp::UNIX_EPOCH);
    assert_eq!(ask(Freshness::Cached).await, 5, "a clock that was set back makes nothing hold for years");
    assert_eq!(fake.asked(), 5);
}

/// R4.3: the same answer, not a copy.
#[tokio::test]
async fn a_cached_answer_is_the_same_allocation() {
    let mut lab = Lab::new();
    lab.with("ssh", 0, ttl(60), |_, _| Ok(json!({"a": 1})));
    let facts = lab.facts();
    let first = facts.facts(&caller(), &[node("web1")], Freshness::Cached).await;
    let second = facts.facts(&caller(), &[node("web1"), node("web1")], Freshness::Cached).await;
    assert!(Arc::ptr_eq(&first[0], &second[0]) && Arc::ptr_eq(&second[0], &second[1]));
}

/// R4.5, R4.6, R4.7
#[tokio::test]
async fn providers_are_merged_by_priority_and_by_the_order_of_their_registration() {
    let mut lab = Lab::new();
    lab.with("low", 1, ttl(60), |_, _| Ok(json!({"a": "low", "b": "low", "c": "low", "d": "low"})));
    lab.with("first", 5, ttl(60), |_, _| Ok(json!({"a": "first", "b": "first", "c": "first"})));
    lab.with("second", 5, ttl(60), |_, _| Ok(json!({"a": "second", "b": "second"})));
    lab.with("by option", -9, ProviderOptions { priority: Some(9), ..ttl(60) }, |_, _| {
        Ok(json!({"a": "option"}))
    });
    let facts = lab.facts();
    let merged = facts.facts(&caller(), &[node("web1")], Freshness::Cached).await.remove(0);
    assert_eq!(*merged.facts(), map(json!({"a": "option", "b": "first", "c": "first", "d": "low"})));
    let explained = merged.explain(Some(&"b".parse_path()));
    let losers: Vec<&str> = explained[0].losers.iter().map(|one| one.provider.as_str()).collect();
    assert_eq!((explained[0].winner.provider.as_str(), losers), ("first", vec!["second", "low"]));
    assert_eq!(explained[0].winner.age(lab.clock.now() + jiff::SignedDuration::from_secs(7)).as_secs(), 7);
    assert!(
        merged.layers().iter().all(|layer| layer.facts.raw == Some("raw".into())),
        "raw facts stay reachable"
    );

    // A plugin that comes later.
    let late = Fake {
        name: "plugin",
        priority: 20,
        says: Box::new(|_, _| Ok(json!({"a": "plugin"}))),
        clock: Arc::clone(&lab.clock),
        calls: Mutex::default(),
        begun: Semaphore::new(0),
        gate: Semaphore::new(9),
    };
    let late: Arc<dyn FactProvider> = Arc::new(late);
    facts.register(Arc::clone(&late), ttl(60)).unwrap();
    let merged = facts.facts(&caller(), &[node("web1")], Freshness::Cached).await.remove(0);
    assert_eq!(merged.facts()["a"], "plugin");
    assert_eq!(facts.register(late, ttl(60)), Err(RegisterError::NameTaken("plugin".into())));
    assert_eq!(facts.providers()[0], ("plugin".into(), 20));
}

trait ParsePath {
    fn parse_path(&self) -> pabawi_domain::condition::FactPath;
}

impl ParsePath for str {
    fn parse_path(&self) -> pabawi_domain::condition::FactPath {
        pabawi_domain::condition::FactPath::new(self).unwrap()
    }
}

/// R4.6: one provider that fails costs only its own keys, and its failure holds for a short while.
#[tokio::test(start_paused = true)]
async fn a_provider_that_fails_costs_only_its_own_keys_and_the_answer_says_so() {
    let mut lab = Lab::new();
    lab.with("good", 0, ttl(600), |_, _| Ok(json!({"a": 1})));
    let bad = lab.with("bad", 5, ttl(600), |_, node| match node.as_str() {
        "web1" => Err(ErrorCode::ConnectionRefused),
        _ => Ok(json!({"a": 2})),
    });
    lab.with("panics", 1, ttl(600), |_, _| panic!("as it is meant to"));
    let hangs = ProviderOptions { timeout: Duration::from_secs(7), ..ttl(600) };
    let hanging = lab.with("hangs", 1, hangs, |_, _| Ok(json!({})));
    hanging.gate.forget_permits(1000);
    let facts = lab.facts();
    let both = facts.facts(&caller(), &[node("web1"), node("web2")], Freshness::Cached).await;
    assert_eq!((&both[0].facts()["a"], &both[1].facts()["a"]), (&json!(1), &json!(2)));
    let told = |index: usize| -> Vec<String> { both[index].failures().map(ToString::to_string).collect() };
    assert_eq!(
        told(0),
        [
            "provider bad: web1: it is so",
            "provider panics: web1: broke down (it panicked)",
            "provider hangs: web1: did not answer within 7s",
        ]
    );
    assert_eq!(told(1).len(), 2);
    let _ = facts.facts(&caller(), &[node("web1")], Freshness::Cached).await;
    assert_eq!(bad.asked(), 2, "a failure holds for a while");
    lab.clock.advance(Duration::from_secs(30));
    let _ = facts.facts(&caller(), &[node("web1"), node("web2")], Freshness::Cached).await;
    assert_eq!(bad.asked(), 3, "and not for as long as facts do");
}

/// Two callers that want the same at the same time collect it once, also where only some nodes are the same.
#[tokio::test]
async fn what_is_being_collected_is_waited_for() {
    let mut lab = Lab::new();
    let fake = lab.with("ssh", 0, ttl(60), |_, node| Ok(json!({"name": node.as_str()})));
    fake.gate.forget_permits(1000);
    let facts = lab.facts();
    let ask = |names: Vec<NodeId>, freshness| {
        let facts = facts.clone();
        tokio::spawn(async move { facts.facts(&caller(), &names, freshness).await })
    };
    let first = ask(vec![node("a"), node("b")], Freshness::Cached);
    fake.begun.acquire().await.unwrap().forget();
    let second = ask(vec![node("b"), node("c")], Freshness::Cached);
    fake.begun.acquire().await.unwrap().forget();
    // What goes on already may have looked before this call began.
    let forced = ask(vec![node("b")], Freshness::Forced);
    fake.begun.acquire().await.unwrap().forget();
    // Nor is it young enough for who wants nothing older than a second, after two.
    lab.clock.advance(Duration::from_secs(2));
    let young = ask(vec![node("c")], Freshness::MaxAge(Duration::from_secs(1)));
    fake.begun.acquire().await.unwrap().forget();
    // The first caller goes away; who waits for the same is not hurt.
    first.abort();
    fake.gate.add_permits(1000);
    let second = second.await.unwrap();
    assert_eq!((&second[0].facts()["name"], &second[1].facts()["name"]), (&json!("b"), &json!("c")));
    assert_eq!(forced.await.unwrap()[0].facts()["name"], "b");
    let calls = fake.calls.lock().unwrap().clone();
    assert_eq!(young.await.unwrap()[0].facts()["name"], "c");
    assert_eq!(calls, [vec![node("a"), node("b")], vec![node("c")], vec![node("b")], vec![node("c")]]);
}

/// A denial is for the caller who was denied, and is not remembered.
#[tokio::test]
async fn a_denial_is_nobody_elses() {
    let mut lab = Lab::new();
    let fake = lab.with("ssh", 0, ttl(60), |caller, _| match caller.user.as_str() {
        "eve" => Err(ErrorCode::Denied),
        _ => Ok(json!({"a": 1})),
    });
    lab.with("other", 0, ttl(60), |_, _| Ok(json!({"b": 1})));
    fake.gate.forget_permits(1000);
    let facts = lab.facts();
    let ask = |user: &'static str| {
        let facts = facts.clone();
        tokio::spawn(
            async move { facts.facts(&named(user), &[node("web1")], Freshness::Cached).await.remove(0) },
        )
    };
    let eve = ask("eve");
    fake.begun.acquire().await.unwrap().forget();
    let ann = ask("ann");
    // On this runtime of one thread, Ann comes as far as she can meanwhile: she waits for what is collected for Eve.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(fake.calls().len(), 1);
    fake.gate.add_permits(1000);
    assert_eq!(eve.await.unwrap().failures().count(), 1);
    assert_eq!(*ann.await.unwrap().facts(), map(json!({"a": 1, "b": 1})));
}

/// R4.1: thousands of nodes go in few calls, of which only some run at once.
#[tokio::test]
async fn thousands_of_nodes_are_few_calls() {
    let mut lab = Lab::new();
    let options = ProviderOptions { nodes_at_once: 1000, calls_at_once: 2, ..ttl(60) };
    let fake = lab.with("ssh", 0, options, |_, node| Ok(json!({"name": node.as_str()})));
    let facts = lab.facts();
    let all = nodes(4500);
    let answers = facts.facts(&caller(), &all, Freshness::Cached).await;
    assert_eq!(answers.len(), 4500);
    assert!(answers.iter().zip(&all).all(|(answer, node)| answer.facts()["name"] == node.as_str()));
    let mut calls = fake.calls();
    calls.sort_unstable();
    assert_eq!(calls, [500, 1000, 1000, 1000, 1000]);
    let again = facts.facts(&caller(), &all, Freshness::Cached).await;
    assert!(again.iter().zip(&answers).all(|(one, other)| Arc::ptr_eq(one, other)));
    assert_eq!(fake.asked(), 4500);
}

/// R4.3: facts hold across processes, and serve target expressions.
#[tokio::test]
async fn facts_of_an_earlier_process_hold_and_answer_conditions() {
    let mut lab = Lab::new();
    let family = |_: &Caller, node: &NodeId| {
        Ok(json!({"os": {"family": if node.as_str() == "web1" { "Debian" } else { "RedHat" }}}))
    };
    lab.with("ssh", 5, ttl(60), family);
    lab.with("free", 9, ProviderOptions { reuse_stored: false, ..ttl(60) }, |_, node| match node.as_str() {
        "web3" => Ok(json!({"os": {"family": "Alpine"}})),
        _ => Ok(json!({"os": {"family": null}})),
    });
    let all = [node("web1"), node("web2"), node("web3")];
    let before = lab.facts().facts(&caller(), &all, Freshness::Cached).await;
    lab.again();
    let ssh = lab.with("ssh", 5, ttl(60), family);
    let free = lab.with("free", 9, ProviderOptions { reuse_stored: false, ..ttl(60) }, |_, _| Ok(json!({})));
    let facts = lab.facts();
    let matching = async |text: &str| {
        let found = facts.known().matching(&parse_condition(text).unwrap()).await.unwrap();
        found.into_iter().map(|node| node.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(matching("os.family=RedHat").await, ["web2"]);
    assert_eq!(matching("os.family=Debian").await, ["web1"]);
    assert_eq!(matching("os.family=Alpine").await, ["web3"]);
    assert_eq!(matching("os.family").await.len(), 3);
    assert!(matching("nothing").await.is_empty());
    let error = facts.known().matching(&parse_condition("a~(").unwrap()).await.unwrap_err();
    assert!(error.to_string().contains("regular expression"), "{error}");
    let after = facts.facts(&caller(), &all[..1], Freshness::Cached).await;
    assert_eq!(after[0].facts(), before[0].facts());
    assert_eq!((ssh.asked(), free.asked()), (0, 1));
    lab.clock.advance(Duration::from_secs(60));
    let _ = facts.facts(&caller(), &all[..1], Freshness::Cached).await;
    assert_eq!(ssh.asked(), 1, "stored facts hold no longer than others");
    lab.store.fail(Some(StoreError::Closed));
    let shown = facts.facts(&caller(), &[node("web9")], Freshness::Cached).await;
    assert_eq!(shown[0].facts()["os"]["family"], "RedHat", "a store that fails does not hide what was found");
    assert!(facts.known().matching(&parse_condition("os").unwrap()).await.is_err());
}

/// What does not fit into the cache is forgotten and read from the store again.
#[tokio::test]
async fn the_cache_is_bounded() {
    let mut lab = Lab::new();
    let fake = lab.with("ssh", 0, ttl(60), |_, _| Ok(json!({"text": "x".repeat(10_000)})));
    let builder = lab.builder.take().unwrap();
    let facts = builder.cache_bytes(100_000).build();
    let all = nodes(100);
    let _ = facts.facts(&caller(), &all, Freshness::Cached).await;
    let again = facts.facts(&caller(), &all, Freshness::Cached).await;
    assert_eq!(again.len(), 100);
    assert_eq!(fake.asked(), 100, "what was forgotten is still stored");
    assert!(facts.cached_bytes().await <= 100_000, "{}", facts.cached_bytes().await);
}

/// A provider that answers about other nodes, or not at all, is not believed.
#[tokio::test]
async fn answers_about_other_nodes_are_refused() {
    struct Odd;
    #[async_trait]
    impl FactProvider for Odd {
        fn name(&self) -> &str {
            "odd"
        }
        fn priority(&self) -> i32 {
            0
        }
        async fn collect(&self, _: &Caller, _: &[NodeId]) -> Vec<Result<NodeFacts, FactProviderError>> {
            vec![Ok(NodeFacts {
                node: node("other"),
                facts: Map::new(),
                raw: None,
                warnings: vec![],
                gathered_at: Timestamp::UNIX_EPOCH,
            })]
        }
    }
    let lab = Lab::new();
    let facts = lab.builder.unwrap().provider(Arc::new(Odd), ttl(1)).unwrap().build();
    let both = facts.facts(&caller(), &[node("a"), node("b")], Freshness::Cached).await;
    let told: Vec<String> = both.iter().flat_map(|one| one.failures().map(ToString::to_string)).collect();
    assert_eq!(
        told,
        ["provider odd: a: answered about other instead", "provider odd: b: gave no answer about this node"]
    );
    let none = ProviderOptions { nodes_at_once: 0, ..ttl(1) };
    assert!(facts.register(Arc::new(Odd), none).is_err());
}

/// A provider that comes and goes, and that is another one now and then.
struct Changing {
    fake: Arc<Fake>,
    stands: Mutex<(bool, i32, Option<Timestamp>)>,
}

impl Changing {
    fn stands(&self, is_there: bool, priority: i32, renewed_at: Option<Timestamp>) {
        *self.stands.lock().unwrap() = (is_there, priority, renewed_at);
    }
}

#[async_trait]
impl FactProvider for Changing {
    fn name(&self) -> &str {
        self.fake.name
    }

    fn priority(&self) -> i32 {
        self.stands.lock().unwrap().1
    }

    fn is_there(&self) -> bool {
        self.stands.lock().unwrap().0
    }

    fn renewed_at(&self) -> Option<Timestamp> {
        self.stands.lock().unwrap().2
    }

    async fn collect(&self, caller: &Caller, nodes: &[NodeId]) -> Vec<Result<NodeFacts, FactProviderError>> {
        self.fake.collect(caller, nodes).await
    }
}

/// R4.5, R4.7: a provider that comes later is asked at once, one that has become another one is asked anew whatever was
/// collected or stored before, and one that has gone says nothing any more.
#[tokio::test]
async fn providers_come_and_go_and_become_others() {
    let mut lab = Lab::new();
    lab.with("ssh", 5, ttl(60), |_, _| Ok(json!({"by": "ssh"})));
    let count = AtomicUsize::new(0);
    let fake = Lab::new().with("bolt", 0, ttl(60), move |_, _| {
        Ok(json!({"by": "bolt", "count": count.fetch_add(1, Ordering::Relaxed) + 1}))
    });
    let changing = Arc::new(Changing { fake, stands: Mutex::new((false, 9, None)) });
    let builder = lab.builder.take().unwrap();
    lab.builder = Some(builder.provider(Arc::clone(&changing) as _, ttl(60)).unwrap());
    let facts = lab.facts();
    let ask = async || {
        let answer = facts.facts(&caller(), &[node("web1")], Freshness::Cached).await.remove(0);
        (
            answer.facts()["by"].as_str().unwrap().to_owned(),
            answer.facts().get("count").and_then(Value::as_u64),
        )
    };
    let names = || facts.providers().iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>();
    assert_eq!((ask().await, names()), (("ssh".to_owned(), None), vec!["ssh".to_owned()]));
    changing.stands(true, 9, None);
    assert_eq!((ask().await, ask().await), (("bolt".to_owned(), Some(1)), ("bolt".to_owned(), Some(1))));
    assert_eq!(names(), ["bolt", "ssh"]);
    lab.clock.advance(Duration::from_secs(5));
    changing.stands(true, 9, Some(lab.clock.now()));
    assert_eq!(ask().await, ("bolt".to_owned(), Some(2)), "what the old one said does not hold");
    changing.stands(true, 1, Some(lab.clock.now()));
    assert_eq!(ask().await, ("ssh".to_owned(), Some(2)), "its priority is another one");
    assert_eq!(names(), ["ssh", "bolt"]);
    changing.stands(false, 1, None);
    assert_eq!((ask().await, names()), (("ssh".to_owned(), None), vec!["ssh".to_owned()]));
}
