//! Why a call has no answer: [`Refused`].

use pabawi_domain::error::ErrorCode;

use crate::puppetdb::error::PuppetDbError;

/// Why a call has no answer.
#[derive(Debug)]
pub(in crate::puppetdb) struct Refused {
    pub(in crate::puppetdb) code: ErrorCode,
    pub(in crate::puppetdb) message: String,
}

impl Refused {
    pub(super) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// A parameter is bad.
    pub(super) fn parameter(name: &str, message: impl std::fmt::Display) -> Self {
        Self::new(ErrorCode::Validation, format!("parameters.{name}: {message}"))
    }
}

impl From<PuppetDbError> for Refused {
    fn from(error: PuppetDbError) -> Self {
        Self::new(error.fault.code(), error.to_string())
    }
}
