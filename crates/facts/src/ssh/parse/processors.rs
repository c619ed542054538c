//! `processors.*`, `load_averages`.

use std::collections::{BTreeMap, BTreeSet};

use crate::ssh::sections::Sections;
use crate::tree::Tree;

/// More processors than any machine has.
const MOST: usize = 65_536;

pub(super) fn put(sections: &Sections<'_>, tree: &mut Tree) {
    let isa = sections.value("isa").filter(|isa| *isa != "unknown");
    tree.put_some(&["processors", "isa"], isa);
    match sections.value("kernel") {
        Some("Linux") => linux(sections.lines("cpuinfo"), tree),
        _ => {
            let count = sections.number("cpu_count");
            tree.put_some(&["processors", "count"], count);
            tree.put_some(&["processors", "physicalcount"], sections.number("cpu_packages"));
            // The model is repeated for each processor, so it must not be anything.
            let model = sections.value("cpu_model").filter(|model| model.len() <= 256);
            if let (Some(model), Some(count)) = (model, count) {
                let count = usize::try_from(count).unwrap_or(MOST).min(MOST);
                tree.put(&["processors", "models"], vec![model; count]);
            }
        }
    }
    // "5.39 5.24 3.88 9/163 16098" of proc(5), "{ 0.10 0.20 0.30 }" of sysctl(8).
    let numbers = sections.value("loadavg").unwrap_or_default();
    let mut numbers = numbers.split_whitespace().filter_map(|text| text.parse::<f64>().ok());
    for key in ["1m", "5m", "15m"] {
        tree.put_some(&["load_averages", key], numbers.next());
    }
}

/// Lines of `/proc/cpuinfo`. Not every architecture tells a model.
fn linux(lines: &[&str], tree: &mut Tree) {
    let mut models: BTreeMap<u64, Option<String>> = BTreeMap::new();
    let mut sockets = BTreeSet::new();
    let (mut current, mut cores) = (None, None);
    for line in lines {
        let Some((key, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        match key.trim() {
            "processor" if models.len() < MOST => {
                current = value.parse::<u64>().ok();
                if let Some(number) = current {
                    models.insert(number, None);
                }
            }
            "model name" => {
                if let Some(model) = current.and_then(|number| models.get_mut(&number)) {
                    *model = Some(value.to_owned());
                }
            }
            "physical id" => {
                sockets.insert(value);
            }
            "cpu cores" => cores = value.parse::<u64>().ok(),
            _ => {}
        }
    }
    if models.is_empty() {
        return;
    }
    tree.put(&["processors", "count"], models.len());
    let models: Vec<String> = models.into_values().flatten().collect();
    if !models.is_empty() {
        tree.put(&["processors", "models"], models);
    }
    if !sockets.is_empty() {
        tree.put(&["processors", "physicalcount"], sockets.len());
    }
    tree.put_some(&["processors", "cores"], cores);
}

#[cfg(test)]
mod tests {
    use super::super::facts_of;
    use super::*;
    use serde_json::{Value, json};

    fn facts(output: &str) -> Value {
        facts_of(put, output)
    }

    #[test]
    fn processors_are_counted() {
        let linux = facts(
            "@kernel\n Linux\n@isa\n unknown\n@cpuinfo\n processor\t: 0\n model name\t: AMD EPYC\n physical id\t: 0\n \
             cpu cores\t: 1\n processor\t: 1\n model name\t: AMD EPYC\n physical id\t: 1\n cpu cores\t: 1\n@loadavg\n \
             5.39 5.24 3.88 9/163 16098\n@end\n",
        );
        let processors =
            json!({"count": 2, "models": ["AMD EPYC", "AMD EPYC"], "physicalcount": 2, "cores": 1});
        assert_eq!(
            linux,
            json!({"processors": processors, "load_averages": {"1m": 5.39, "5m": 5.24, "15m": 3.88}})
        );
        let arm = facts("@kernel\n Linux\n@cpuinfo\n processor\t: 0\n processor\t: 1\n@end\n");
        assert_eq!(arm, json!({"processors": {"count": 2}}));
        let bsd = facts(
            "@kernel\n FreeBSD\n@isa\n amd64\n@cpu_count\n 2\n@cpu_model\n Xeon\n@loadavg\n { 0.10 0.20 0.30 }\n@end\n",
        );
        assert_eq!(bsd["processors"], json!({"isa": "amd64", "count": 2, "models": ["Xeon", "Xeon"]}));
        assert_eq!(bsd["load_averages"]["15m"], 0.3);
        let hostile = facts("@kernel\n Darwin\n@cpu_count\n 18446744073709551615\n@cpu_model\n x\n@end\n");
        assert_eq!(hostile["processors"]["models"].as_array().unwrap().len(), MOST);
    }
}
