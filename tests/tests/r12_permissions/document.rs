//! `docs/permissions.md` has the tables that decide.

use std::collections::BTreeMap;

use pabawi::PluginName;
use pabawi::permissions::{DEFAULTS, PermissionMap, Resource};
use pabawi::plugin::{Capability, built_in};
use pabawi::ports::Plugin;
use pabawi_tests::workspace;

/// The rows of the table of the document that has this header.
fn rows(header: &str) -> Vec<String> {
    let text = std::fs::read_to_string(workspace().join("docs/permissions.md")).unwrap();
    let rows = text.lines().skip_while(|line| *line != header).skip(2);
    rows.take_while(|line| line.starts_with('|')).map(str::to_owned).collect()
}

fn is_as_in(header: &str, expected: &[String]) {
    let found = rows(header);
    assert_eq!(found, expected, "the table has to be:\n{header}\n{}", expected.join("\n"));
}

/// Texts in code style, one after the other.
fn code<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    texts.into_iter().map(|text| format!("`{text}`")).collect::<Vec<_>>().join(", ")
}

/// R10.3: which permission of Pabawi each capability needs.
#[test]
fn the_document_has_the_permissions_of_the_code() {
    // Lines that follow each other and say the same are one row.
    let mut all: Vec<(Vec<&str>, String)> = Vec::new();
    for row in DEFAULTS {
        let permission = match row.resource {
            Resource::Named(resource) => format!("`{resource}:{}`", row.action),
            Resource::OfPlugin([]) => format!("`PLUGIN:{}`", row.action),
            Resource::OfPlugin(any) => format!("`PLUGIN:{}` of {}", row.action, code(any.iter().copied())),
        };
        let plugins = match row.plugins {
            [] => "any".to_owned(),
            some => code(some.iter().copied()),
        };
        let said = format!("{plugins} | {permission}");
        match all.last_mut() {
            Some((capabilities, last)) if *last == said => capabilities.push(row.capability),
            _ => all.push((vec![row.capability], said)),
        }
    }
    let row = |(capabilities, said): &(Vec<&str>, String)| {
        format!("| {} | {said} |", code(capabilities.iter().copied()))
    };
    let expected: Vec<String> = all.iter().map(row).collect();
    is_as_in("| capability | of the plugins | permission |", &expected);
}

/// R10.3, R6.3: what each capability of the plugins of this package needs, and how much harm it can do.
#[test]
fn the_document_has_the_capabilities_of_the_registry() {
    let named = |name: &str| PluginName::new(name).unwrap();
    let mut all: Vec<(PluginName, Vec<Capability>)> =
        built_in().into_iter().map(|(metadata, capabilities)| (metadata.name, capabilities)).collect();
    all.push((named("ansible"), pabawi::ansible::plugin(named("ansible")).capabilities()));
    all.push((named("bolt"), pabawi::bolt::plugin(named("bolt")).capabilities()));
    all.push((named("puppetdb"), pabawi::puppetdb::plugin(named("puppetdb")).capabilities()));
    let map = PermissionMap::default();
    // Plugins of which the same is to be said stand in one row.
    let mut rows: BTreeMap<(String, String, &str), Vec<String>> = BTreeMap::new();
    for (plugin, capabilities) in &all {
        for capability in capabilities {
            let itself = std::slice::from_ref(&capability.name);
            let named = match capability.required_permissions.as_slice() {
                [] => itself,
                some => some,
            };
            let needed: Vec<String> = named
                .iter()
                .flat_map(|name| map.needed(name, None, Some(plugin), Some(capability.risk)))
                .map(|permission| permission.to_string().replace(&format!("{plugin}:"), "PLUGIN:"))
                .collect();
            let needed = code(needed.iter().map(String::as_str));
            let row = (capability.name.clone(), needed, capability.risk.as_str());
            rows.entry(row).or_default().push(plugin.to_string());
        }
    }
    let row = |((name, needed, risk), plugins): (&(String, String, &str), &Vec<String>)| {
        format!("| `{name}` | {} | {needed} | {risk} |", code(plugins.iter().map(String::as_str)))
    };
    let expected: Vec<String> = rows.iter().map(row).collect();
    is_as_in("| capability | plugins | permission | risk |", &expected);
}
