//! Eighth stage: what happened becomes numbered events, stored and then shown. `message` is what node runs and
//! the dispatcher tell, `hub` numbers and folds (one for each execution), `progress` says when progress is told, `batch` is what the hub hands over at
//! once, `recorder` commits batches of all executions together.

mod batch;
mod hub;
mod message;
mod progress;
mod recorder;

pub(crate) use hub::{Hub, Pen, Ways};
pub(crate) use message::{MAX_ENDED, Message};
pub(crate) use progress::EVERY;
pub(crate) use recorder::{Recorder, RecorderHandle};
