//! The host's logger: [`LogFeed`] puts records where the host fetches them in batches.

use std::sync::Arc;

use pabawi::log::{LogLevel, LogRecord, LogSink, LoggerContext};
use serde::Serialize;

use crate::framework::feed::Feed;

/// A sink that fills a feed.
pub(in crate::framework) struct LogFeed {
    feed: Arc<Feed>,
}

/// What a method of Pabawi's `LoggerService` is called with.
#[derive(Debug, Serialize)]
struct Line<'a> {
    level: LogLevel,
    message: &'a str,
    context: LoggerContext,
}

impl LogFeed {
    pub(in crate::framework) fn new(feed: Arc<Feed>) -> Self {
        Self { feed }
    }
}

impl LogSink for LogFeed {
    fn log(&self, record: &LogRecord) {
        self.feed.push(&Line {
            level: record.level,
            message: &record.message,
            context: record.logger_context(),
        });
    }
}
