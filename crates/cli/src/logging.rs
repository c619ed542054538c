//! The log of `pab`, on standard error: the only place where a subscriber is installed.

use tracing_subscriber::EnvFilter;

use crate::args::{GlobalArgs, LogFormat};
use crate::exit::Failure;
use crate::text::Style;

/// The engine also logs each node that fails and each denial. `pab` shows these itself.
const DEFAULT: &str =
    "warn,pabawi_engine::emit::hub=error,pabawi_engine::authorize=error,pabawi_engine::calls=error";

/// Installs the log.
///
/// # Errors
/// A filter that is not understood.
pub(crate) fn install(args: &GlobalArgs) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(args.log_level.as_deref().unwrap_or(DEFAULT)).map_err(|error| {
        Failure::usage(format!("--log-level: {error}; write for example warn or pabawi_engine=debug,warn"))
    })?;
    let colour = Style::of(&std::io::stderr(), args.no_color).colour;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match args.log_format {
        LogFormat::Text => builder.with_ansi(colour).with_target(true).init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
    Ok(())
}
