//! Functions of the program as they are seen here: [`Asked`] and [`Told`]. They are called by `ffi`.

use std::sync::Arc;

use super::Completion;

/// Functions of the program that answer, now or later, on any thread.
pub(crate) trait Asked: Send + Sync + 'static {
    /// Asks the function of that name. Without one, the completion is dropped.
    fn ask(&self, word: &str, request: &str, completion: Arc<Completion>);
}

/// A function of the program that is told things.
pub(crate) trait Told: Send + Sync + 'static {
    /// Tells it, and returns when it does.
    fn tell(&self, text: &str);
}
