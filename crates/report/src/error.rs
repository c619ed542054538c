//! Why a report cannot be made: [`ReportError`].

/// Why a report cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// It could not be written.
    #[error("write the report: {0}")]
    Write(#[from] std::io::Error),
    /// A part is no JSON.
    #[error("write a part of the report as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The parts hold no execution.
    #[error("the parts hold no execution, so there is nothing to report about")]
    NoExecution,
    /// A part came after one that it has to precede.
    #[error("a part of kind {kind} came after one that it has to precede")]
    Order {
        /// Its kind.
        kind: &'static str,
    },
}
