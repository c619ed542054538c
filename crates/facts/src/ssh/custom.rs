//! Facts of the site, from `/etc/pabawi/facts.d` of the node: JSON files, and programs that print JSON or `key=value` lines.
//! Main function: [`put`].
//!
//! As Facter's external facts, they stand in place of what was gathered under the same key.

use serde_json::{Map, Value};

use super::sections::Sections;
use crate::tree::Tree;

/// Puts them into the tree; what is broken becomes a warning.
pub(super) fn put(sections: &Sections<'_>, tree: &mut Tree, warnings: &mut Vec<String>) {
    let mut all = sections.iter().peekable();
    while let Some((name, lines)) = all.next() {
        match name {
            "custom" => {}
            "custom_left_out" => {
                warnings.push("custom facts: only the first 100 files are read".to_owned());
                continue;
            }
            _ => continue,
        }
        let file = lines.first().copied().unwrap_or_default();
        let mut warn = |text: String| warnings.push(format!("custom fact {file}: {text}"));
        let found = match all.next_if(|(name, _)| matches!(*name, "custom_json" | "custom_output")) {
            None => Err("it is neither a .json file nor a program that may be run".to_owned()),
            Some(("custom_json", lines)) => from_json(&lines.join("\n")),
            Some((_, lines)) => {
                let status = all.next_if(|(name, _)| *name == "custom_status").map(|(_, lines)| lines);
                let status = status.and_then(|lines| lines.first().copied());
                match status {
                    Some("0") => from_output(lines, &mut warn),
                    Some("137") => Err("it did not end in time and was ended".to_owned()),
                    Some(status) => Err(format!("it ended with exit status {status}")),
                    None => Err("its end is missing".to_owned()),
                }
            }
        };
        match found {
            Ok(facts) => tree.put_over(facts),
            Err(text) => warn(text),
        }
    }
}

fn from_json(text: &str) -> Result<Map<String, Value>, String> {
    match serde_json::from_str(text) {
        Ok(Value::Object(facts)) => Ok(facts),
        Ok(_) => Err("it is JSON, but no mapping of names to values".to_owned()),
        Err(error) => Err(format!("it is not valid JSON: {error}")),
    }
}

fn from_output(lines: &[&str], warn: &mut impl FnMut(String)) -> Result<Map<String, Value>, String> {
    if lines
        .iter()
        .map(|line| line.trim_start())
        .find(|line| !line.is_empty())
        .is_some_and(|line| line.starts_with('{'))
    {
        return from_json(&lines.join("\n"));
    }
    let mut facts = Map::new();
    for (line, number) in lines.iter().zip(1..) {
        let line = line.trim();
        match line.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() => {
                facts.insert(key.trim().to_owned(), value.trim().into());
            }
            _ if line.is_empty() => {}
            _ => warn(format!("line {number} is not of the form key=value")),
        }
    }
    Ok(facts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn files_and_programs_give_facts_and_broken_ones_warnings() {
        let output = "@custom\n a.json\n@custom_json\n {\"role\": \"web\",\n \"os\": {\"name\": \"Own\"}}\n\
            @custom\n b\n@custom_output\n rack = 7 \n site.name=north=1\n \n nonsense\n@custom_status\n 0\n\
            @custom\n c\n@custom_output\n {\"deep\": {\"er\": [1]}}\n@custom_status\n 0\n\
            @custom\n d.json\n@custom_json\n {\"x\": \n@custom\n e.json\n@custom_json\n [1]\n\
            @custom\n f\n@custom_output\n lost=1\n@custom_status\n 3\n@custom\n g\n@custom_output\n@custom_status\n 137\n\
            @custom\n h.txt\n@custom_left_out\n yes\n@end\n";
        let (mut tree, mut warnings) = (Tree::default(), Vec::new());
        tree.put(&["os", "name"], "Debian");
        tree.put(&["os", "family"], "Debian");
        put(&Sections::of(output), &mut tree, &mut warnings);
        let expected = json!({"role": "web", "os": {"name": "Own", "family": "Debian"}, "rack": "7", "site.name": "north=1",
            "deep": {"er": [1]}});
        assert_eq!(Value::Object(tree.into_map()), expected);
        let parts = [
            "custom fact b: line 4 is not of the form key=value",
            "custom fact d.json: it is not valid JSON: EOF",
            "custom fact e.json: it is JSON, but no mapping",
            "custom fact f: it ended with exit status 3",
            "custom fact g: it did not end in time and was ended",
            "custom fact h.txt: it is neither a .json file nor a program that may be run",
            "custom facts: only the first 100 files are read",
        ];
        assert_eq!(warnings.len(), parts.len(), "{warnings:#?}");
        for (warning, part) in warnings.iter().zip(parts) {
            assert!(warning.starts_with(part), "{warning}");
        }
    }
}
