//! The catalog: the sources of nodes with what they told last. Readers say how fresh it must be; each source is asked
//! by one reader at a time, apart from the others, and one that fails keeps what it told before.

mod fetched;
mod freshness;
mod handle;
mod report;
mod settings;
mod slot;
mod view;

pub use freshness::Freshness;
pub use handle::{Catalog, CatalogWatch};
pub use report::{SourceReport, SourceState};
pub use settings::{ConfiguredSource, SourceSettings};
pub use view::View;
