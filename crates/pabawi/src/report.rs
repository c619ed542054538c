//! An execution for people and files: [`JsonDocument`] and [`HtmlReport`], each made of the parts of an
//! [`Export`](crate::Export).

pub use pabawi_report::{Fold, HtmlReport, JsonDocument, ReportError};
