//! Who has to be ready before whom: [`order`].

use std::collections::{BTreeMap, BTreeSet};

use pabawi_domain::id::PluginName;

/// The plugins in an order in which each comes after those it depends on, and those that can never be ready, with the
/// reason: a plugin is missing, or they depend on each other in a circle. What depends on such a one is in the order; that
/// its turn does not come is seen when it is waited for.
pub(super) fn order(
    all: &[(PluginName, Vec<PluginName>)],
) -> (Vec<PluginName>, BTreeMap<PluginName, String>) {
    let known: BTreeSet<&PluginName> = all.iter().map(|(name, _)| name).collect();
    let mut never = BTreeMap::new();
    for (name, depends_on) in all {
        if let Some(missing) = depends_on.iter().find(|other| !known.contains(other)) {
            never.insert(name.clone(), format!("depends on plugin {missing}, which is not registered"));
        }
    }
    let mut placed: BTreeSet<&PluginName> = BTreeSet::new();
    let mut ordered = Vec::with_capacity(all.len());
    // Every turn places at least one, or is the last.
    loop {
        let before = ordered.len();
        for (name, depends_on) in all {
            let is_next = |other: &PluginName| !known.contains(other) || placed.contains(other);
            if !placed.contains(name) && depends_on.iter().all(is_next) {
                placed.insert(name);
                ordered.push(name.clone());
            }
        }
        if ordered.len() == before {
            break;
        }
    }
    let rest: BTreeMap<&PluginName, &[PluginName]> = all
        .iter()
        .filter(|(name, _)| !placed.contains(name))
        .map(|(name, depends_on)| (name, depends_on.as_slice()))
        .collect();
    for name in rest.keys() {
        if let Some(circle) = circle_of(name, &rest) {
            let names: Vec<&str> = circle.iter().map(|name| name.as_str()).collect();
            never.insert((*name).clone(), format!("depends on itself: {}", names.join(" -> ")));
        }
    }
    ordered.extend(all.iter().map(|(name, _)| name).filter(|name| rest.contains_key(name)).cloned());
    (ordered, never)
}

/// A way from a plugin back to itself.
fn circle_of<'a>(
    start: &'a PluginName,
    rest: &BTreeMap<&'a PluginName, &'a [PluginName]>,
) -> Option<Vec<&'a PluginName>> {
    let mut seen: BTreeSet<&PluginName> = BTreeSet::new();
    let mut ways = vec![vec![start]];
    // Each plugin is gone on from once.
    while let Some(way) = ways.pop() {
        let next = way.last().and_then(|last| rest.get(last)).copied().unwrap_or_default();
        for other in next {
            let mut longer = way.clone();
            longer.push(other);
            if other == start {
                return Some(longer);
            }
            if seen.insert(other) {
                ways.push(longer);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> PluginName {
        PluginName::new(text).unwrap()
    }

    #[test]
    fn each_comes_after_those_it_depends_on() {
        let all = [
            ("c", vec!["b"]),
            ("b", vec!["a"]),
            ("a", vec![]),
            ("x", vec!["y"]),
            ("y", vec!["x"]),
            ("z", vec!["x"]),
            ("m", vec!["gone"]),
            ("n", vec!["m"]),
        ];
        let all: Vec<_> = all
            .iter()
            .map(|(one, others)| (name(one), others.iter().map(|other| name(other)).collect()))
            .collect();
        let (ordered, never) = order(&all);
        assert_eq!(ordered.len(), all.len());
        let place = |text: &str| ordered.iter().position(|one| one.as_str() == text).unwrap();
        assert!(place("a") < place("b") && place("b") < place("c") && place("m") < place("n"), "{ordered:?}");
        let reasons: Vec<(&str, &str)> =
            never.iter().map(|(name, why)| (name.as_str(), why.as_str())).collect();
        let gone = "depends on plugin gone, which is not registered";
        let circles = [("x", "depends on itself: x -> y -> x"), ("y", "depends on itself: y -> x -> y")];
        assert_eq!(reasons, [("m", gone), circles[0], circles[1]], "what depends on these is not among them");
    }
}
