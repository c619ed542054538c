//! The plan in the store: [`StoredPlan`] under its [`PlanHash`]. It holds no secret.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::id::{IdempotencyKey, InvalidName};
use crate::output::ContentHash;
use crate::preview::PreviewBasis;
use crate::request::{Caller, ExecutionRequest};

/// Names a plan: the SHA-256 of its [`PreviewBasis`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct PlanHash(pub ContentHash);

impl PlanHash {
    /// The idempotency key of the execution that applies the plan, so that of several that try one is started.
    ///
    /// # Errors
    /// Never; the key obeys the rules for keys.
    pub fn idempotency_key(&self) -> Result<IdempotencyKey, InvalidName> {
        IdempotencyKey::new(format!("plan:{self}"))
    }
}

impl fmt::Display for PlanHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for PlanHash {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// A plan that can be applied.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StoredPlan {
    /// Its name.
    pub hash: PlanHash,
    /// Who made it.
    pub caller: Caller,
    /// When it was made, UTC; the last time where it was made several times.
    pub created_at: Timestamp,
    /// When it can no longer be applied, UTC.
    pub expires_at: Timestamp,
    /// The request with `***` in place of secrets. A canary has its seed.
    pub request: ExecutionRequest,
    /// What the hash was taken over.
    pub basis: PreviewBasis,
    /// What the surface needs to put itself together in the same way: sources of nodes, settings of connections. The
    /// engine keeps it and does not look at it. It must hold no secret.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub surface: Value,
}

impl StoredPlan {
    /// What lists show.
    pub fn head(&self) -> PlanHead {
        PlanHead { hash: self.hash, created_at: self.created_at, expires_at: self.expires_at }
    }

    /// The same with `***` in place of every secret, whoever forgot to take them out.
    pub fn redacted(&self) -> Self {
        Self { request: self.request.redacted(), ..self.clone() }
    }
}

/// A plan without its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanHead {
    /// Its name.
    pub hash: PlanHash,
    /// When it was made, UTC.
    pub created_at: Timestamp,
    /// When it can no longer be applied, UTC.
    pub expires_at: Timestamp,
}
