//! The log of `pab`, on standard error: the only place where a subscriber is installed. Each entry is one line with the ids
//! of the execution and of the request that it belongs to.

use std::io::Write as _;

use pabawi::log::{LogRecord, RecordLayer};
use serde_json::{Map, Value};
use tracing::{Level, Metadata};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, Registry};

use crate::args::{GlobalArgs, LogFormat};
use crate::exit::Failure;
use crate::text::{Colour, Style, escape_for_terminal};

/// The engine also logs each node that fails and each denial. `pab` shows these itself.
const DEFAULT: &str = "warn,pabawi_engine::emit::hub=error,pabawi_engine::denied=error";

/// Installs the log, and has panics of plugins told there instead of on the terminal.
///
/// # Errors
/// A filter that is not understood.
pub(crate) fn install(args: &GlobalArgs) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(args.log_level.as_deref().unwrap_or(DEFAULT)).map_err(|error| {
        Failure::usage(format!("--log-level: {error}; write for example warn or pabawi_engine=debug,warn"))
    })?;
    let style = Style::of(&std::io::stderr(), args.no_color);
    let format = args.log_format;
    let lines = RecordLayer::new(move |metadata, record| {
        let line = match format {
            LogFormat::Text => text(metadata, record, &style),
            LogFormat::Json => json(metadata, record),
        };
        // Nothing can be done when standard error is closed. One call, so that lines of threads do not mix.
        let _ = std::io::stderr().write_all(line.as_bytes());
    });
    let subscriber = Registry::default().with(lines.with_filter(filter));
    subscriber.try_init().map_err(|error| Failure::nothing_ran(format!("start the log: {error}")))?;
    pabawi::log::note_panics();
    Ok(())
}

/// Fields that stand beside those of the entry itself.
fn ids(record: &LogRecord) -> impl Iterator<Item = (&'static str, String)> {
    let execution = record.execution_id.map(|id| ("execution_id", id.to_string()));
    let correlation = record.correlation_id.as_ref().map(|id| ("correlation_id", id.to_string()));
    execution.into_iter().chain(correlation)
}

fn json(metadata: &Metadata<'_>, record: &LogRecord) -> String {
    let mut line = Map::new();
    line.insert("timestamp".into(), record.at.to_string().into());
    line.insert("level".into(), metadata.level().as_str().into());
    line.insert("target".into(), metadata.target().into());
    line.insert("message".into(), record.message.as_str().into());
    line.extend(ids(record).map(|(name, id)| (name.to_owned(), id.into())));
    for (name, value) in &record.fields {
        // A field cannot pass for what the line itself says.
        line.entry(name).or_insert_with(|| value.clone());
    }
    format!("{}\n", Value::Object(line))
}

fn text(metadata: &Metadata<'_>, record: &LogRecord, style: &Style) -> String {
    let level = *metadata.level();
    let level = match level {
        Level::ERROR => style.paint(Colour::Red, "ERROR"),
        Level::WARN => style.paint(Colour::Yellow, " WARN"),
        Level::INFO => style.paint(Colour::Green, " INFO"),
        Level::DEBUG => style.paint(Colour::Cyan, "DEBUG"),
        _ => "TRACE".to_owned(),
    };
    let mut line = format!("{}: {}", metadata.target(), record.message);
    for (name, id) in ids(record) {
        line.push_str(&format!(" {name}={id}"));
    }
    for (name, value) in &record.fields {
        line.push_str(&format!(" {name}={value}"));
    }
    // What others say cannot forge a line, nor move the cursor.
    format!("{} {level} {}\n", record.at, escape_for_terminal(line.as_bytes()))
}
