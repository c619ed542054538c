//! Configurations, of which engines are made.

use std::ffi::c_char;
use std::sync::Arc;

use crate::config::Config;
use crate::ffi::boundary::boundary;
use crate::ffi::handles::{CONFIGS, pabawi_config, pabawi_error, pointer};
use crate::ffi::memory::{Out, Text};
use crate::status::pabawi_status;

/// Reads options of an engine, a JSON object; NULL with the length 0 is an empty one. Nothing is opened yet.
///
/// All options may be left out: see `FrameworkOptions` in pabawi_schemas, and beside them `authorizer` ("allowAll", or
/// `{"policy": FILE}`; without one everything is denied) and `workerThreads`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pabawi_config_new(
    options: *const c_char,
    options_len: usize,
    config: *mut *mut pabawi_config,
    error: *mut *mut pabawi_error,
) -> pabawi_status {
    // SAFETY: the caller's promise in the header about what arguments point to.
    let (options, config, error) =
        unsafe { (Text::new("options", options, options_len), Out::new(config), Out::new(error)) };
    boundary(error, || {
        config.check("config")?;
        config.write(pointer(CONFIGS.add(Arc::new(Config::read(options.parameters()?)?))));
        Ok(())
    })
}

/// Frees a configuration. An engine that was made of it keeps what it needs. Nothing happens for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn pabawi_config_free(config: *mut pabawi_config) -> pabawi_status {
    boundary(Out::none(), || CONFIGS.remove(config.addr()).map(drop))
}
