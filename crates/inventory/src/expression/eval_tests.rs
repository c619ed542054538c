//! What expressions select.

use std::collections::BTreeMap;

use pabawi_domain::id::{GroupName, NodeId};
use pabawi_domain::ports::InventorySnapshot;
use proptest::prelude::*;

use super::*;
use crate::expression::ast::Operator;
use crate::expression::fold_expression;
use pabawi_domain::condition::{FactCondition, LastCondition};
use pabawi_domain::node::{Node, NodeGroup};
use pabawi_domain::ports::{TargetError, TargetKnowledge};
use std::future::Future as _;

fn inventory() -> Inventory {
    let ids = |names: &[&str]| names.iter().map(|name| NodeId::new(name).unwrap()).collect::<Vec<_>>();
    let group = |name: &str, nodes: &[&str], children: &[&str]| NodeGroup {
        name: GroupName::new(name).unwrap(),
        sources: vec![],
        nodes: ids(nodes),
        children: children.iter().map(|name| GroupName::new(name).unwrap()).collect(),
        metadata: BTreeMap::new(),
    };
    let nodes = ids(&["web01", "web02", "web03", "db1", "db2"]).into_iter().map(Node::named).collect();
    let groups = vec![
        group("web", &["web01", "web02", "web03"], &[]),
        group("db", &["db1", "db2"], &[]),
        group("site, all of it", &[], &["db", "web"]),
        group("empty", &[], &[]),
    ];
    let snapshot = InventorySnapshot { nodes, groups, ..InventorySnapshot::default() };
    Inventory::merge(vec![("test".into(), 0, snapshot)])
}

fn select(text: &str) -> Result<Vec<String>, ValidationError> {
    let expression = Expression::parse(text).unwrap();
    evaluate(&expression, &inventory(), UnknownNames::Refused)
        .map(|targets| targets.iter().map(|target| target.node.to_string()).collect())
}

#[test]
fn every_kind_of_term_selects_in_the_order_of_first_appearance() {
    assert_eq!(select("db2,web[02-03],db2").unwrap(), ["db2", "web02", "web03"]);
    assert_eq!(select("web*,db?").unwrap(), ["web01", "web02", "web03", "db1", "db2"]);
    assert_eq!(select("@db,web01").unwrap(), ["db1", "db2", "web01"]);
    assert_eq!(select("@[web,db]").unwrap(), ["web01", "web02", "web03", "db1", "db2"]);
    assert_eq!(select("@d*").unwrap(), ["db1", "db2"]);
    assert_eq!(select("@\"site, all of it\"").unwrap(), ["db1", "db2", "web01", "web02", "web03"]);
    assert_eq!(select("all").unwrap(), select("*").unwrap());
    assert_eq!(select("\"web01\"").unwrap(), ["web01"]);
}

#[test]
fn what_selects_nothing_is_an_error_and_all_are_told() {
    let error = select("wev01,web[01-05],@bd,@empty,x*,@web").unwrap_err();
    let messages: Vec<&str> = error.fields.iter().map(|field| field.message.as_str()).collect();
    assert_eq!(messages.len(), 5, "{messages:#?}");
    for (message, part) in messages.iter().zip([
        "unknown node wev01: in no source (test); did you mean web01 or web02 or web03? (at column 1)",
        "unknown nodes web[04-05]",
        "unknown group @bd: no source has it; did you mean db?",
        "group @empty has no members",
        "x* matches no node",
    ]) {
        assert!(message.contains(part), "{message} lacks {part}");
    }
    assert!(select("web").unwrap_err().to_string().contains("written @web"));
}

#[test]
fn without_sources_names_are_nodes_and_the_rest_says_what_is_missing() {
    let none = Inventory::default();
    let run = |text: &str| evaluate(&Expression::parse(text).unwrap(), &none, UnknownNames::AreNodes);
    let targets = run("n[1-2],root@n3:2222,[::1]:22").unwrap();
    assert_eq!(targets.len(), 4);
    assert_eq!(targets[0].endpoint, Default::default());
    assert_eq!(targets[2].endpoint.port, Some(2222));
    assert_eq!(targets[3].node.as_str(), "::1/22");
    let error = run("all,@web,w*").unwrap_err();
    assert_eq!(error.fields.len(), 3);
    assert!(error.fields.iter().all(|field| field.message.contains("needs an inventory")), "{error}");
}

#[test]
fn bad_names_are_refused_with_the_reason() {
    let none = Inventory::default();
    for (text, part) in [
        ("-oProxyCommand=x", "start with '-'"),
        ("\"a\nb\"", "line break"),
        ("\"a\u{0}b\"", "NUL"),
        ("a;b", "only letters"),
        ("n[1-999999999]", "at most 1000000"),
    ] {
        let expression = Expression::parse(text).unwrap();
        let error = evaluate(&expression, &none, UnknownNames::AreNodes).unwrap_err();
        assert!(error.to_string().contains(part), "{text:?}: {error}");
    }
}

fn node_ids(names: &[&str]) -> Vec<NodeId> {
    names.iter().map(|name| NodeId::new(name).unwrap()).collect()
}

#[test]
fn operators_go_from_left_to_right_without_precedence() {
    assert_eq!(select("all!@db").unwrap(), ["web01", "web02", "web03"]);
    assert_eq!(select("db2,web01,db1&@db").unwrap(), ["db2", "db1"], "the union first, then what is in @db");
    assert_eq!(select("@web!web02,web02").unwrap(), ["web01", "web03", "web02"], "in again, at the end");
    assert_eq!(select("@db,web01,(@web!web03)").unwrap(), ["db1", "db2", "web01", "web02"]);
    assert_eq!(select("web[01-02]^web[02-03]").unwrap(), ["web01", "web03"]);
    assert_eq!(select("all&(@web,db1)!(web01,db1)").unwrap(), ["web02", "web03"]);
    assert_eq!(select("((web01))").unwrap(), ["web01"]);
    assert_eq!(select("@web&~0[13]$~").unwrap(), ["web01", "web03"]);
    assert!(select("@web&@db").unwrap().is_empty(), "that is for whoever runs something to refuse");
}

#[test]
fn names_that_mean_something_else_are_folded_so_that_they_are_read_back() {
    let names = ["all", "~x", "@y", "web1", "web2", "last"];
    let text = fold_expression(&node_ids(&names));
    assert_eq!(text, "web[1-2],last,\"all\",\"~x\",\"@y\"");
    let none = Inventory::default();
    let targets = evaluate(&Expression::parse(&text).unwrap(), &none, UnknownNames::AreNodes);
    // A destination with nothing before its '@' is refused by itself, whatever it is written as.
    assert!(targets.unwrap_err().to_string().contains("\"@y\""));
    let text = text.replace(",\"@y\"", "");
    assert_eq!(evaluate(&Expression::parse(&text).unwrap(), &none, UnknownNames::AreNodes).unwrap().len(), 5);
}

#[test]
fn what_is_taken_away_may_be_nothing_but_not_unknown() {
    assert_eq!(select("@db!x*!~^y~!@empty!(z*,@db&db1)").unwrap(), ["db2"]);
    let error = select("@db!(web99,@nosuch)").unwrap_err().to_string();
    assert!(error.contains("unknown node web99") && error.contains("unknown group @nosuch"), "{error}");
    for text in ["@db&x*", "@db,@empty", "@db^~x~", "all!(all&(x*!y*))&x*"] {
        assert!(select(text).is_err(), "{text}");
    }
}

#[test]
fn a_group_of_one_source() {
    let group = |name: &str, nodes: &[&str]| NodeGroup {
        name: GroupName::new(name).unwrap(),
        sources: vec![],
        nodes: node_ids(nodes),
        children: vec![],
        metadata: BTreeMap::new(),
    };
    let snapshot = |groups| InventorySnapshot { groups, ..InventorySnapshot::default() };
    let inventory = Inventory::merge(vec![
        ("file:/etc/a.yaml".into(), 0, snapshot(vec![group("web", &["a"]), group("x:y", &["c"])])),
        ("puppetdb".into(), 0, snapshot(vec![group("db", &["b"])])),
    ]);
    let run = |text: &str| {
        evaluate(&Expression::parse(text).unwrap(), &inventory, UnknownNames::Refused)
            .map(|targets| targets.iter().map(|target| target.node.to_string()).collect::<Vec<_>>())
    };
    assert_eq!(run("@file:/etc/a.yaml:web").unwrap(), ["a"]);
    assert_eq!(run("@\"x:y\",@puppetdb:*").unwrap(), ["c", "b"]);
    for (text, part) in [
        ("@puppetdb:web", "unknown group @puppetdb:web: that source does not have it"),
        ("@nosuch:web", "unknown source \"nosuch\"; there are file:/etc/a.yaml, puppetdb"),
        ("@x:y", "unknown source \"x\""),
    ] {
        let error = run(text).unwrap_err().to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
}

/// Answers from two lists.
struct TwoLists;

#[async_trait::async_trait]
impl TargetKnowledge for TwoLists {
    async fn by_fact(&self, condition: &FactCondition) -> Result<Vec<NodeId>, TargetError> {
        assert_eq!(condition.path.as_str(), "os.family");
        Ok(node_ids(&["web03", "web01", "gone"]))
    }

    async fn by_last(&self, _: &LastCondition) -> Result<Vec<NodeId>, TargetError> {
        Ok(node_ids(&["db2", "root@elsewhere:22"]))
    }
}

#[test]
fn facts_and_outcomes_are_asked_for_before() {
    let expression =
        Expression::parse("fact(os.family=Debian),(last(failed))!fact(os.family=Debian)&all").unwrap();
    assert!(expression.needs_knowledge() && !Expression::parse("all,(a!b)").unwrap().needs_knowledge());
    let mut asked = std::pin::pin!(Known::default().ask(&expression, &TwoLists));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let std::task::Poll::Ready(Ok(known)) = asked.as_mut().poll(&mut context) else {
        panic!("nothing to wait for")
    };
    let run = |text: &str, inventory: &Inventory, unknown| {
        evaluate_with(&Expression::parse(text).unwrap(), inventory, unknown, &known)
            .map(|targets| targets.iter().map(|target| target.node.to_string()).collect::<Vec<_>>())
    };
    let (inventory, refused) = (inventory(), UnknownNames::Refused);
    let debian = "fact(os.family=Debian)";
    assert_eq!(
        run(debian, &inventory, refused).unwrap(),
        ["web01", "web03"],
        "in the order of the inventory"
    );
    assert_eq!(run("all!last(failed)&@db", &inventory, refused).unwrap(), ["db1"]);
    let none = Inventory::default();
    assert_eq!(run("last(failed)", &none, UnknownNames::AreNodes).unwrap(), ["db2", "root@elsewhere:22"]);
    for (text, part) in
        [("fact(a)", "needs facts, and none are kept"), ("last(cancelled)", "needs a history")]
    {
        let error = select(text).unwrap_err().to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
}

#[test]
fn work_is_bounded_whatever_is_asked() {
    let started = std::time::Instant::now();
    let nodes = (0..20_000).map(|n| Node::named(NodeId::new(format!("node{n}")).unwrap())).collect();
    let snapshot = InventorySnapshot { nodes, ..InventorySnapshot::default() };
    let inventory = Inventory::merge(vec![("many".into(), 0, snapshot)]);
    // As many steps as a build without optimisation makes in a moment; each is counted alike.
    let run = |text: &str| {
        let (expression, known) = (Expression::parse(text).unwrap(), Known::default());
        let mut evaluation = Evaluation::new(&inventory, UnknownNames::Refused, &known);
        evaluation.steps = Steps::of(1_000_000);
        let mut selection = Selection::default();
        evaluation.expression(&expression, Nothing::IsRefused, &mut selection);
        evaluation.errors.into_result().map(|_| selection.len())
    };
    for text in [
        "n*,".repeat(100_000) + "all",
        "all,".repeat(500_000) + "all",
        "(all&".repeat(60) + "all" + &")".repeat(60),
    ] {
        if let Err(error) = run(&text) {
            assert_eq!(error.fields.len(), 1, "{error}");
            assert!(error.to_string().contains("look-ups"), "{error}");
        }
    }
    assert!(run(&("n*,".repeat(100_000) + "all")).is_err());
    // Ranges are counted over the whole expression before they are expanded.
    let error = run("n[1-600000]!n[1-600000]").unwrap_err().to_string();
    assert!(error.contains("at most 1000000"), "{error}");
    // A difference of many single nodes costs each of them once.
    let many: String = (1..20_000).map(|n| format!("!node{n}")).collect();
    assert_eq!(run(&format!("all{many}")).unwrap(), 1);
    assert!(started.elapsed() < std::time::Duration::from_secs(60), "{:?}", started.elapsed());
}

const TERMS: [&str; 9] =
    ["web01", "web[01-02]", "@db", "all", "db?", "@web", "\"db2\"", "~[13]$~", "(@web!web02)"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Every operator, in every mixture and with parentheses, is what it is on plain lists.
    #[test]
    fn operators_are_those_of_plain_sets(
        first in 0usize..9,
        rest in proptest::collection::vec((0usize..4, 0usize..9), 0..7),
        open in proptest::option::of(0usize..6),
    ) {
        let mut expected = select(TERMS[first]).unwrap();
        let mut text = TERMS[first].to_owned();
        let apply = |expected: &mut Vec<String>, operator: usize, right: &[String]| match Operator::ALL[operator] {
            Operator::Union => {
                for node in right {
                    if !expected.contains(node) {
                        expected.push(node.clone());
                    }
                }
            }
            Operator::Intersection => expected.retain(|node| right.contains(node)),
            Operator::Difference => expected.retain(|node| !right.contains(node)),
            Operator::SymmetricDifference => {
                let both: Vec<String> = expected.iter().filter(|node| right.contains(node)).cloned().collect();
                expected.extend(right.iter().filter(|node| !both.contains(node)).cloned());
                expected.retain(|node| !both.contains(node));
            }
        };
        let mut at = 0;
        while let Some((operator, pick)) = rest.get(at) {
            text.push(Operator::ALL[*operator].sign());
            at += 1;
            if open == Some(at) {
                // The rest stands in parentheses.
                let mut inner = select(TERMS[*pick]).unwrap();
                text.push('(');
                text.push_str(TERMS[*pick]);
                for (operator, pick) in &rest[at..] {
                    text.push(Operator::ALL[*operator].sign());
                    text.push_str(TERMS[*pick]);
                    apply(&mut inner, *operator, &select(TERMS[*pick]).unwrap());
                }
                text.push(')');
                apply(&mut expected, *operator, &inner);
                break;
            }
            text.push_str(TERMS[*pick]);
            apply(&mut expected, *operator, &select(TERMS[*pick]).unwrap());
        }
        prop_assert_eq!(select(&text).unwrap(), expected, "{}", text);
    }

    /// What was selected, folded and expanded again, is the same set.
    #[test]
    fn fold_then_expand_is_the_same_selection(picks in proptest::collection::vec(0usize..9, 1..5)) {
        let text = picks.iter().map(|pick| TERMS[*pick]).collect::<Vec<_>>().join(",");
        let mut selected = select(&text).unwrap();
        let ids: Vec<NodeId> = selected.iter().map(|name| NodeId::new(name).unwrap()).collect();
        let mut again = select(&fold_expression(&ids)).unwrap();
        selected.sort();
        again.sort();
        prop_assert_eq!(selected, again);
    }
}
