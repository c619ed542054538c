//! Calls about what is known: inventory, targets, facts, the journal.

use std::time::Duration;

use crate::facts::{self, MergedFacts};
use crate::inventory::{self, Explanation, SourceReport};
use crate::journal::{EntryId, JournalEntry, JournalQuery, JournalVerification, Timeline, TimelineQuery};
use crate::{
    Caller, ErrorCode, Framework, FrameworkError, Node, NodeGroup, NodeId, Page, Target, TargetExpression,
    ValidationError,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::failure::Failure;

/// How old an answer may be.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) enum Freshness {
    /// As old as the settings allow.
    #[default]
    Cached,
    /// Asked for now.
    Forced,
    /// No older than so many milliseconds.
    MaxAgeMs(u64),
}

/// Which inventory.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "InventoryRequest")]
pub(super) struct Inventory {
    /// How old it may be.
    #[serde(default)]
    freshness: Freshness,
}

/// What the sources of nodes know, and how they did.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct InventoryView {
    /// The nodes.
    nodes: Vec<Node>,
    /// The groups.
    groups: Vec<NodeGroup>,
    /// How each source did.
    sources: Vec<SourceReport>,
    /// What the sources had to leave out, and where they contradict each other.
    warnings: Vec<String>,
}

/// Which targets.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "ResolveRequest")]
pub(super) struct Resolve {
    /// The expression that selects them.
    expression: TargetExpression,
}

/// What is to be explained.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "ExplainRequest")]
pub(super) struct Explain {
    /// The expression.
    expression: TargetExpression,
    /// The nodes of which it is asked why they are selected, or not.
    #[serde(default)]
    nodes: Vec<NodeId>,
}

/// Whose facts.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "FactsRequest")]
pub(super) struct Facts {
    /// The expression that selects the nodes.
    targets: TargetExpression,
    /// How old they may be.
    #[serde(default)]
    freshness: Freshness,
}

/// Which fact.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "FactsMatchingRequest")]
pub(super) struct Matching {
    /// What it has to be, as in `fact(…)` of a target expression: `os.family=Debian`, `processors.count>=4`.
    condition: String,
}

/// Facts of a node, merged by priority, and how each provider did.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct FactsOfNode {
    /// The node.
    node: NodeId,
    /// The merged facts.
    facts: Map<String, Value>,
    /// Who knows something, the highest priority first.
    providers: Vec<FactsOfProvider>,
    /// Who failed.
    failures: Vec<FactsFailure>,
}

/// What one provider knows of a node.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct FactsOfProvider {
    /// Its name.
    provider: String,
    /// Its priority; higher wins.
    priority: i32,
    /// When it was asked, UTC.
    #[schemars(with = "jiff::Timestamp")]
    collected_at: String,
}

/// Why a provider knows nothing.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct FactsFailure {
    /// Its name.
    provider: String,
    /// The kind of error.
    code: ErrorCode,
    /// The reason.
    message: String,
}

/// A note about a node.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "NoteRequest")]
pub(super) struct Note {
    /// The node.
    node: NodeId,
    /// The note.
    text: String,
}

/// Another text for a note.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "EditNoteRequest")]
pub(super) struct EditNote {
    /// The note.
    id: EntryId,
    /// Its new text.
    text: String,
}

/// One journal entry.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct OfEntry {
    /// Its id.
    id: EntryId,
}

/// Whose journal is to be looked through for tampering.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "VerifyRequest")]
pub(super) struct Verify {
    /// Only that of this node.
    #[serde(default)]
    node: Option<NodeId>,
}

pub(super) async fn inventory(
    framework: &Framework,
    caller: Caller,
    with: Inventory,
) -> Result<InventoryView, Failure> {
    let freshness = match with.freshness {
        Freshness::Cached => inventory::Freshness::Cached,
        Freshness::Forced => inventory::Freshness::Forced,
        Freshness::MaxAgeMs(age) => inventory::Freshness::MaxAge(Duration::from_millis(age)),
    };
    let view = framework.inventory_for(&caller, freshness).await?;
    Ok(InventoryView {
        nodes: view.inventory.nodes().to_vec(),
        groups: view.inventory.groups().to_vec(),
        sources: view.reports,
        warnings: view.inventory.warnings().to_vec(),
    })
}

pub(super) async fn resolve(
    framework: &Framework,
    caller: Caller,
    with: Resolve,
) -> Result<Vec<Target>, Failure> {
    Ok(framework.resolve_for(&caller, &with.expression).await?)
}

pub(super) async fn explain(
    framework: &Framework,
    caller: Caller,
    with: Explain,
) -> Result<Explanation, Failure> {
    Ok(framework.explain_for(&caller, &with.expression, &with.nodes).await?)
}

pub(super) async fn facts(
    framework: &Framework,
    caller: Caller,
    with: Facts,
) -> Result<Vec<FactsOfNode>, Failure> {
    let freshness = match with.freshness {
        Freshness::Cached => facts::Freshness::Cached,
        Freshness::Forced => facts::Freshness::Forced,
        Freshness::MaxAgeMs(age) => facts::Freshness::MaxAge(Duration::from_millis(age)),
    };
    let merged = framework.facts().collect(&caller, &with.targets, freshness).await?;
    Ok(merged.iter().map(|merged| of_node(merged)).collect())
}

pub(super) async fn facts_matching(
    framework: &Framework,
    caller: Caller,
    with: Matching,
) -> Result<Vec<NodeId>, Failure> {
    let condition = facts::parse_condition(&with.condition)
        .map_err(|error| ValidationError::of("condition", error.to_string()))?;
    framework.facts().matching(&caller, &condition).await.map_err(|error| match error {
        // It names the target expression that a condition usually stands in.
        FrameworkError::Invalid(mut error) => {
            error.fields.iter_mut().for_each(|field| "condition".clone_into(&mut field.path));
            error.into()
        }
        other => other.into(),
    })
}

fn of_node(merged: &MergedFacts) -> FactsOfNode {
    let provider = |layer: &facts::Layer| FactsOfProvider {
        provider: layer.provider.to_string(),
        priority: layer.priority,
        collected_at: layer.collected_at.to_string(),
    };
    let failure = |failure: &facts::FactProviderError| FactsFailure {
        provider: failure.provider.clone(),
        code: failure.error.code,
        message: failure.error.message.clone(),
    };
    FactsOfNode {
        node: merged.node().clone(),
        facts: merged.facts().clone(),
        providers: merged.layers().iter().map(provider).collect(),
        failures: merged.failures().map(failure).collect(),
    }
}

pub(super) async fn journal(
    framework: &Framework,
    caller: Caller,
    query: JournalQuery,
) -> Result<Page<JournalEntry>, Failure> {
    Ok(framework.journal(&caller, &query).await?)
}

pub(super) async fn timeline(
    framework: &Framework,
    caller: Caller,
    query: TimelineQuery,
) -> Result<Timeline, Failure> {
    Ok(framework.node_journal().timeline(&caller, &query).await?)
}

pub(super) async fn note(framework: &Framework, caller: Caller, with: Note) -> Result<JournalEntry, Failure> {
    Ok(framework.node_journal().note(&caller, with.node, with.text).await?)
}

pub(super) async fn edit_note(
    framework: &Framework,
    caller: Caller,
    with: EditNote,
) -> Result<JournalEntry, Failure> {
    Ok(framework.node_journal().edit_note(&caller, with.id, with.text).await?)
}

pub(super) async fn versions(
    framework: &Framework,
    caller: Caller,
    with: OfEntry,
) -> Result<Vec<JournalEntry>, Failure> {
    Ok(framework.node_journal().versions(&caller, with.id).await?)
}

pub(super) async fn verify(
    framework: &Framework,
    caller: Caller,
    with: Verify,
) -> Result<JournalVerification, Failure> {
    Ok(framework.node_journal().verify(&caller, with.node.as_ref()).await?)
}
