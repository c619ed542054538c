//! What an explanation says.

use pabawi_domain::node::Node;
use pabawi_domain::ports::InventorySnapshot;

use super::*;
use crate::expression::evaluate;

fn ids(names: &[&str]) -> Vec<NodeId> {
    names.iter().map(|name| NodeId::new(name).unwrap()).collect()
}

fn inventory() -> Inventory {
    let nodes = ids(&["web01", "web02", "web03", "db1", "db2"]).into_iter().map(Node::named).collect();
    let snapshot = InventorySnapshot { nodes, ..InventorySnapshot::default() };
    Inventory::merge(vec![("test".into(), 0, snapshot)])
}

fn explained(text: &str, asked: &[&str]) -> Result<Explanation, ValidationError> {
    let expression = Expression::parse(text).unwrap();
    explain(&expression, &inventory(), UnknownNames::Refused, &Known::default(), &ids(asked))
}

#[test]
fn every_term_says_what_it_selects_and_does() {
    let explanation = explained("web* ! web02, (db*!db1) ^ web01", &[]).unwrap();
    assert_eq!(explanation.expression, "web*!web02,(db*!db1)^web01");
    assert_eq!((explanation.count, explanation.nodes.as_str()), (2, "web03,db2"));
    let rows: Vec<_> = explanation
        .terms
        .iter()
        .map(|term| (term.operator, term.term.as_str(), term.nodes.as_str(), term.added, term.removed))
        .collect();
    assert_eq!(
        rows,
        [
            (None, "web*", "web[01-03]", 3, 0),
            (Some('!'), "web02", "web02", 0, 1),
            (Some(','), "(db*!db1)", "db2", 1, 0),
            (Some('^'), "web01", "web01", 0, 1),
        ]
    );
    let inner: Vec<&str> = explanation.terms[2].terms.iter().map(|term| term.term.as_str()).collect();
    assert_eq!(inner, ["db*", "db1"]);
    assert_eq!(explanation.terms[2].column, 15);
}

#[test]
fn a_node_is_told_which_term_decided() {
    let explanation =
        explained("web*!web02,(db*!db1)&(web*,db1)", &["web01", "web02", "db1", "db2"]).unwrap();
    let told: Vec<_> = explanation
        .asked
        .iter()
        .map(|node| {
            let decided = node.decided_by().map(|step| (step.term.as_str(), step.effect));
            (node.node.as_str(), node.selected, decided)
        })
        .collect();
    assert_eq!(
        told,
        [
            ("web01", true, Some(("web*", Effect::BringsIn))),
            ("web02", false, Some(("web02", Effect::TakesOut))),
            ("db1", false, None),
            ("db2", false, Some(("(web*,db1)", Effect::TakesOut))),
        ]
    );
    let inner: Vec<_> =
        explanation.asked[2].steps.iter().filter(|step| step.depth == 1).map(|step| step.effect).collect();
    assert_eq!(inner, [Effect::BringsIn, Effect::TakesOut, Effect::None, Effect::BringsIn]);
}

#[test]
fn it_agrees_with_the_evaluation_and_refuses_the_same() {
    for text in ["all!web*", "web*&(all!web02)^db1", "db1,web01!db1,db1"] {
        let expression = Expression::parse(text).unwrap();
        let targets = evaluate(&expression, &inventory(), UnknownNames::Refused).unwrap();
        let nodes: Vec<&NodeId> = targets.iter().map(|target| &target.node).collect();
        assert_eq!(explained(text, &[]).unwrap().nodes, fold_expression(nodes), "{text}");
    }
    assert!(explained("nosuch", &[]).unwrap_err().to_string().contains("unknown node nosuch"));
    let error = explained("all", &["web04"]).unwrap_err();
    assert!(error.to_string().contains("did you mean web0"), "{error}");
    let many = ["web01"; MAX_EXPLAINED + 1].join(",");
    assert!(explained(&many, &[]).unwrap_err().to_string().contains("at most 200"));
}
