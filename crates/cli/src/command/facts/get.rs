//! `pab facts get`.

use jiff::Timestamp;
use pabawi::facts::Explained;
use serde::Serialize;
use serde_json::Value;

use super::collect::{cell, collected_with, path, told_failures};
use crate::args::{FactsGetArgs, GlobalArgs, format_duration};
use crate::command::listing::List;
use crate::exit::{Exit, Failure};
use crate::text::{Table, escape_for_terminal};
use crate::watch::Sink;

/// One fact of a node.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Got<'a> {
    node: &'a str,
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a Value>,
    /// Where it comes from; several where it is a mapping.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sources: Vec<Explained>,
}

/// Shows one fact.
///
/// # Errors
/// [`Failure`].
pub(crate) async fn get(global: &GlobalArgs, args: &FactsGetArgs) -> Result<Exit, Failure> {
    let path = path(&args.path)?;
    let mut sink = Sink::standard(global.no_color);
    let Some(all) = collected_with(global, &args.nodes, &args.collect, &mut sink).await? else {
        return Ok(Exit::Cancelled);
    };
    let mut exit = told_failures(&all, &mut sink)?;
    let got: Vec<Got<'_>> = all
        .iter()
        .map(|one| {
            let value = one.get(&path);
            let sources = if value.is_some() { one.explain(Some(&path)) } else { Vec::new() };
            Got { node: one.node().as_str(), path: path.as_str(), value, sources }
        })
        .collect();
    if exit == Exit::AllSucceeded && got.iter().any(|one| one.value.is_none()) {
        exit = Exit::SomeFailed;
    }
    let now = Timestamp::now();
    List::of_all(&got, "no node is selected").write(global, args.collect.format, |_| {
        let mut table = Table::new(&["NODE", "FACT", "FROM", "AGE", "VALUE"]);
        for one in &got {
            let row = |fact: &str, from: &str, age: String, value: String| {
                [one.node.to_owned(), escape_for_terminal(fact.as_bytes()), from.to_owned(), age, value]
            };
            match (one.value, one.sources.as_slice()) {
                (None, _) => table.row(row(one.path, "-", "-".to_owned(), "-".to_owned())),
                // An item of a list, or the fact itself.
                (Some(value), [source]) if !value.is_object() => {
                    let age = format_duration(source.winner.age(now));
                    table.row(row(one.path, &source.winner.provider, age, cell(value)));
                }
                (Some(_), sources) => {
                    for source in sources {
                        let age = format_duration(source.winner.age(now));
                        table.row(row(
                            &source.path,
                            &source.winner.provider,
                            age,
                            cell(&source.winner.value),
                        ));
                    }
                }
            }
        }
        table
    })?;
    Ok(exit)
}
