//! Facts of nodes: the last of each node and provider.

use async_trait::async_trait;
use pabawi_domain::condition::FactPath;
use pabawi_domain::id::NodeId;
use pabawi_domain::ports::{FactStore, KeptFacts, NodeFacts, StoreError};
use serde_json::{Map, Value};

use super::place::Place;
use super::store::Store;
use crate::codec;
use crate::db::{self, Builder, Connection, Pool, Row, bulk};

/// Facts as a row has them.
#[derive(Debug)]
pub(crate) struct FactsRow {
    node: NodeId,
    provider: String,
    gathered_at: i64,
    collected_at: i64,
    facts: String,
    raw: Option<String>,
    warnings: Option<String>,
}

impl FactsRow {
    /// Encodes facts, which takes time and needs no database.
    fn of(kept: &KeptFacts) -> Result<Self, StoreError> {
        let facts = &kept.facts;
        let raw = facts.raw.as_ref().map(|raw| codec::to_json(raw, "raw facts"));
        let warnings =
            (!facts.warnings.is_empty()).then(|| codec::to_json(&facts.warnings, "warnings of facts"));
        Ok(Self {
            node: facts.node.clone(),
            provider: kept.provider.clone(),
            gathered_at: codec::nanos(facts.gathered_at),
            collected_at: codec::nanos(kept.collected_at),
            facts: codec::to_json(&facts.facts, "facts")?,
            raw: raw.transpose()?,
            warnings: warnings.transpose()?,
        })
    }
}

#[async_trait]
impl FactStore for Store {
    async fn put_facts(&self, facts: Vec<KeptFacts>) -> Result<(), StoreError> {
        if facts.is_empty() {
            return Ok(());
        }
        let rows = facts.iter().map(FactsRow::of).collect::<Result<Vec<_>, _>>()?;
        self.writer().facts(rows).await
    }

    async fn facts_of(&self, nodes: &[NodeId]) -> Result<Vec<KeptFacts>, StoreError> {
        let (pool, place) = self.readers();
        let mut found = Vec::new();
        for chunk in bulk::chunks(nodes) {
            found.extend(of_nodes(chunk, pool, place).await?);
        }
        Ok(found)
    }

    async fn values_at(&self, path: &FactPath) -> Result<Vec<(NodeId, String, Value)>, StoreError> {
        let (pool, place) = self.readers();
        values(path, pool, place).await
    }
}

/// Writes facts within the open transaction, in place of those of the same node and provider.
pub(crate) async fn save(facts: &[FactsRow], conn: &mut Connection, place: &Place) -> Result<(), StoreError> {
    for chunk in bulk::chunks(facts) {
        let sql = bulk::values(
            conn.dialect(),
            "INSERT INTO pabawi_exec_facts (node, provider, gathered_at, collected_at, facts, raw, warnings) VALUES ",
            7,
            chunk.len(),
            " ON CONFLICT (node, provider) DO UPDATE SET gathered_at = excluded.gathered_at, \
             collected_at = excluded.collected_at, facts = excluded.facts, raw = excluded.raw, \
             warnings = excluded.warnings",
        );
        let mut query = db::query(sql);
        for row in chunk {
            query = query
                .bind(row.node.as_str())
                .bind(row.provider.as_str())
                .bind(row.gathered_at)
                .bind(row.collected_at)
                .bind(row.facts.as_str())
                .bind(row.raw.as_deref())
                .bind(row.warnings.as_deref());
        }
        query.execute(&mut *conn).await.map_err(|error| place.sql("write facts", &error))?;
    }
    Ok(())
}

async fn of_nodes(nodes: &[NodeId], pool: &Pool, place: &Place) -> Result<Vec<KeptFacts>, StoreError> {
    let before = "SELECT node, provider, gathered_at, collected_at, facts, raw, warnings FROM pabawi_exec_facts \
                  WHERE node IN (VALUES ";
    let mut query = db::query(bulk::values(pool.dialect(), before, 1, nodes.len(), ")"));
    for node in nodes {
        query = query.bind(node.as_str());
    }
    let rows = query.fetch_all(pool).await.map_err(|error| place.sql("read facts", &error))?;
    rows.iter().map(|row| kept(row, place)).collect()
}

fn kept(row: &Row, place: &Place) -> Result<KeptFacts, StoreError> {
    let fault = |error| place.sql("read facts", &error);
    let raw: Option<&str> = row.try_get(5).map_err(fault)?;
    let warnings: Option<&str> = row.try_get(6).map_err(fault)?;
    let warnings = warnings.map(|text| codec::from_json(text, "warnings of facts")).transpose()?;
    Ok(KeptFacts {
        provider: row.try_get(1).map_err(fault)?,
        collected_at: codec::timestamp(row.try_get(3).map_err(fault)?),
        facts: NodeFacts {
            node: node(row, place)?,
            facts: codec::from_json(row.try_get(4).map_err(fault)?, "facts")?,
            raw: raw.map(|text| codec::from_json(text, "raw facts")).transpose()?,
            warnings: warnings.unwrap_or_default(),
            gathered_at: codec::timestamp(row.try_get(2).map_err(fault)?),
        },
    })
}

fn node(row: &Row, place: &Place) -> Result<NodeId, StoreError> {
    let name: &str = row.try_get(0).map_err(|error| place.sql("read facts", &error))?;
    NodeId::new(name).map_err(|error| place.corrupt(format!("facts: {error}")))
}

/// The database takes out what stands under the first key, which is all that has to be read of a node; the path itself finds
/// its way from there, since keys may hold dots.
async fn values(
    path: &FactPath,
    pool: &Pool,
    place: &Place,
) -> Result<Vec<(NodeId, String, Value)>, StoreError> {
    let fault = |error| place.sql("read facts", &error);
    let (json, entries) = (pool.dialect().entry_value(), pool.dialect().entries("f.facts"));
    let mut sql = Builder::new(format!(
        "SELECT f.node, f.provider, e.key, {json} FROM pabawi_exec_facts AS f CROSS JOIN {entries} WHERE e.key IN ("
    ));
    sql.push_list(first_keys(path)).push(") ORDER BY f.node, f.provider");
    let rows = sql.build().fetch_all(pool).await.map_err(fault)?;
    let mut found: Vec<(NodeId, String, Value)> = Vec::new();
    let mut rows = rows.iter().peekable();
    // Rows of one node and provider follow each other; there are several where keys hold dots.
    while let Some(row) = rows.next() {
        let (name, provider): (&str, &str) = (row.try_get(0).map_err(fault)?, row.try_get(1).map_err(fault)?);
        let mut facts = Map::new();
        let mut add = |row: &Row| -> Result<(), StoreError> {
            let value: &str = row.try_get(3).map_err(fault)?;
            facts.insert(row.try_get(2).map_err(fault)?, codec::from_json(value, "a fact")?);
            Ok(())
        };
        add(row)?;
        let same = |row: &&Row| {
            row.try_get(0).is_ok_and(|other: &str| other == name)
                && row.try_get(1).is_ok_and(|other: &str| other == provider)
        };
        while let Some(row) = rows.next_if(same) {
            add(row)?;
        }
        if let Some(value) = path.find(&facts) {
            found.push((node(row, place)?, provider.to_owned(), value.clone()));
        }
    }
    if let Some(condition) = pool.dialect().without_entries("facts") {
        let others = whole(path, &condition, pool, place).await?;
        if !others.is_empty() {
            found.extend(others);
            found.sort_by(|(a, of_a, _), (b, of_b, _)| (a, of_a).cmp(&(b, of_b)));
        }
    }
    Ok(found)
}

/// The same of facts that the database cannot look into: they are read whole.
async fn whole(
    path: &FactPath,
    condition: &str,
    pool: &Pool,
    place: &Place,
) -> Result<Vec<(NodeId, String, Value)>, StoreError> {
    let fault = |error| place.sql("read facts", &error);
    let sql = format!("SELECT node, provider, facts FROM pabawi_exec_facts WHERE {condition}");
    let mut found = Vec::new();
    for row in db::query(sql).fetch_all(pool).await.map_err(fault)? {
        let facts: Map<String, Value> = codec::from_json(row.try_get(2).map_err(fault)?, "facts")?;
        if let Some(value) = path.find(&facts) {
            found.push((node(&row, place)?, row.try_get(1).map_err(fault)?, value.clone()));
        }
    }
    Ok(found)
}

/// Every key that the path may begin with: `a`, `a.b` and `a.b.c` of `a.b.c`.
fn first_keys(path: &FactPath) -> impl Iterator<Item = &str> {
    let text = path.as_str();
    let ends = text.match_indices('.').map(|(at, _)| at).chain([text.len()]);
    ends.filter_map(|end| text.get(..end))
}
