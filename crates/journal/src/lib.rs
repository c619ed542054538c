//! The node journal: what becomes an entry, notes of people, events of plugins, timelines with what plugins tell live, and what is
//! forgotten when. Main type: [`Journal`].
//!
//! | file | what it is |
//! |---|---|
//! | `settings` | what the configuration says about levels |
//! | `rules` | what becomes an entry, and of which type |
//! | `kinds` | the usual type of what a capability does |
//! | `note` | notes: their text, and what may be changed of them by whom |
//! | `plugin_event` | events of plugins: checked, and made into entries |
//! | `live` | sources of live events, each with a deadline |
//! | `timeline` | stored entries and live events in one order |
//! | `cursor` | where a page of a timeline ended |
//! | `retention` | how long what is kept, and carrying that out |
//! | `schedule` | carrying it out from time to time |
//! | `journal` | the handle |
//!
//! It stores nothing itself and knows no database, and it neither blocks nor fails a run: rules are asked and answer at once.

#![forbid(unsafe_code)]

mod cursor;
mod error;
mod journal;
mod kinds;
mod live;
mod note;
mod plugin_event;
mod retention;
mod rules;
mod schedule;
mod settings;
mod timeline;

pub use error::JournalError;
pub use journal::Journal;
pub use live::{LiveEvents, LiveSource, LiveSourceError};
pub use note::MOST_NOTE;
pub use retention::{
    ExecutionRetention, JournalRetention, Retention, RetentionLimit, RetentionPlan, RetentionReport,
};
pub use rules::{PluginWishes, Rules};
pub use schedule::{RetentionHealth, RetentionKeeper, RetentionSchedule};
pub use settings::{JournalSettings, PluginJournalSettings};
pub use timeline::{SourceFault, Timeline, TimelineQuery};
