//! Why a plan was not made or not applied: [`PlanError`].

use jiff::Timestamp;
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::ExecutionId;
use pabawi_domain::ports::StoreError;
use pabawi_domain::preview::{PlanChange, PlanHash};

use crate::error::SubmitError;

/// Why a plan was not made or not applied. Nothing was started.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The request would not be accepted either.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// There is no such plan, or it has been forgotten.
    #[error("no plan {0}; make one first")]
    NotFound(PlanHash),
    /// It is too old.
    #[error("plan {hash} expired at {at}; make a new one")]
    Expired {
        /// The plan.
        hash: PlanHash,
        /// When.
        at: Timestamp,
    },
    /// What would happen now is not what was planned.
    #[error("plan {hash} no longer holds: {}; make a new one", told(.changes))]
    Changed {
        /// The plan.
        hash: PlanHash,
        /// What differs; never empty.
        changes: Vec<PlanChange>,
    },
    /// It was applied before.
    #[error(
        "plan {hash} was applied by execution {by}; say that it is to be applied again, or make a new one"
    )]
    Applied {
        /// The plan.
        hash: PlanHash,
        /// The execution.
        by: ExecutionId,
    },
    /// The engine has no place for plans.
    #[error("no store for plans is set up")]
    NoStore,
    /// The store could not read or write the plan.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The first differences.
fn told(changes: &[PlanChange]) -> String {
    const SHOWN: usize = 5;
    let mut told: Vec<String> = changes.iter().take(SHOWN).map(ToString::to_string).collect();
    if changes.len() > SHOWN {
        told.push(format!("and {} more differences", changes.len() - SHOWN));
    }
    told.join("; ")
}

impl PlanError {
    /// The stable code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Submit(error) => error.code(),
            Self::NotFound(_) => ErrorCode::NotFound,
            Self::Expired { .. } => ErrorCode::PlanExpired,
            Self::Changed { .. } => ErrorCode::PlanChanged,
            Self::Applied { .. } => ErrorCode::PlanApplied,
            Self::NoStore => ErrorCode::Unsupported,
            Self::Store(error) => error.code(),
        }
    }

    /// Whether the same may be accepted later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Submit(error) => error.is_retryable(),
            Self::Store(error) => error.is_retryable(),
            other => other.code().is_retryable(),
        }
    }
}
