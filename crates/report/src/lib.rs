//! An execution for people and files, made of the parts of an export
//! ([`ExportPart`](pabawi_domain::export::ExportPart)).
//!
//! | module | what it holds |
//! |---|---|
//! | `json` | one JSON document, written as the parts come: [`JsonDocument`] |
//! | `html` | one self-contained page: [`HtmlReport`] |
//!
//! It reads no store and asks nobody for anything.

#![forbid(unsafe_code)]

mod error;
mod html;
mod json;

pub use error::ReportError;
pub use html::{Fold, HtmlReport};
pub use json::JsonDocument;
