//! Registration of tables of functions with a configuration.

use std::ffi::c_char;

use crate::ffi::boundary::boundary;
use crate::ffi::handles::{CONFIGS, pabawi_config, pabawi_error};
use crate::ffi::memory::{Out, Text};
use crate::ffi::tables::{
    AskTable, TableIn, TellTable, pabawi_authorizer, pabawi_fact_provider, pabawi_log_sink,
    pabawi_metrics_sink, pabawi_plugin, pabawi_source, required,
};
use crate::status::{Fault, Own, pabawi_status};
use crate::tables::{
    add_authorizer, add_fact_provider, add_log_sink, add_metrics_sink, add_plugin, add_source,
};

/// Registers a plugin with the engine that will be made. The table is copied. `description` is the JSON object of
/// docs/external-plugins.md, without `methods`, `hasInventory` and `hasFacts`, which follow from the functions; `configuration` is a
/// JSON object that its functions are given with each request, NULL with the length 0 for an empty one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pabawi_config_add_plugin(
    config: *const pabawi_config,
    description: *const c_char,
    description_len: usize,
    configuration: *const c_char,
    configuration_len: usize,
    plugin: *const pabawi_plugin,
    error: *mut *mut pabawi_error,
) -> pabawi_status {
    // SAFETY: the caller's promise in the header about what arguments point to, and about the table.
    let (description, configuration, plugin, error) = unsafe {
        (
            Text::new("description", description, description_len),
            Text::new("configuration", configuration, configuration_len),
            TableIn::new(plugin),
            Out::new(error),
        )
    };
    boundary(error, || {
        let config = CONFIGS.get(config.addr())?;
        let table = plugin.read()?;
        if [table.run, table.call, table.inventory, table.facts].iter().all(Option::is_none) {
            let text = "pabawi_plugin.run, call, inventory and facts are NULL; one of them must not be";
            return Err(Fault::own(Own::BadTable, text));
        }
        let all = [
            ("run", table.run),
            ("call", table.call),
            ("initialize", table.initialize),
            ("health", table.health),
            ("inventory", table.inventory),
            ("facts", table.facts),
            ("shutdown", table.shutdown),
        ];
        let there: Vec<_> = all.into_iter().filter_map(|(name, function)| Some((name, function?))).collect();
        let answers: Vec<&str> = there.iter().map(|(name, _)| *name).collect();
        let (description, configuration) = (description.required()?, configuration.parameters()?);
        // SAFETY: the table was read, and is taken now.
        let take = || unsafe { AskTable::take(table.user_data, table.destroy, there) };
        add_plugin(&config, description, configuration, &answers, take)
    })
}

/// Registers a source of nodes. With one, names that are in no source are refused. `name` is a word of lower-case letters, digits,
/// `-` and `_`; where two sources disagree about a node, the higher priority counts.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pabawi_config_add_source(
    config: *const pabawi_config,
    name: *const c_char,
    name_len: usize,
    priority: i32,
    source: *const pabawi_source,
    error: *mut *mut pabawi_error,
) -> pabawi_status {
    // SAFETY: the caller's promise in the header about what arguments point to, and about the table.
    let (name, source, error) =
        unsafe { (Text::new("name", name, name_len), TableIn::new(source), Out::new(error)) };
    boundary(error, || {
        let config = CONFIGS.get(config.addr())?;
        let table = source.read()?;
        let function = required("pabawi_source", "inventory", table.inventory)?;
        // SAFETY: the table was read, and is taken now.
        let take =
            || unsafe { AskTable::take(table.user_data, table.destroy, vec![("inventory", function)]) };
        add_source(&config, name.required()?, priority, take)
    })
}

/// Registers a provider of facts, beside those that are built in. `name` is as that of a source; where two providers give the same
/// fact, the higher priority counts, which is 60 for `facter`, 50 for `ssh`, and 0 for `inventory`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pabawi_config_add_fact_provider(
    config: *const pabawi_config,
    name: *const c_char,
    name_len: usize,
    priority: i32,
    provider: *const pabawi_fact_provider,
    error: *mut *mut pabawi_error,
) -> pabawi_status {
    // SAFETY: the caller's promise in the header about what arguments point to, and about the table.
    let (name, provider, error) =
        unsafe { (Text::new("name", name, name_len), TableIn::new(provider), Out::new(error)) };
    boundary(error, || {
        let config = CONFIGS.get(config.addr())?;
        let table = provider.read()?;
        let function = required("pabawi_fact_provider", "facts", table.facts)?;
        // SAFETY: the table was read, and is taken now.
        let take = || unsafe { AskTable::take(table.user_data, table.destroy, vec![("facts", function)]) };
        add_fact_provider(&config, name.required()?, priority, take)
    })
}

/// Registers who decides about callers. There is one: PABAWI_ALREADY where there is another, also by the option `authorizer`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pabawi_config_set_authorizer(
    config: *const pabawi_config,
    authorizer: *const pabawi_authorizer,
    error: *mut *mut pabawi_error,
) -> pabawi_status {
    // SAFETY: the caller's promise in the header about what arguments point to, and about the table.
    let (authorizer, error) = unsafe { (TableIn::new(authorizer), Out::new(error)) };
    boundary(error, || {
        let config = CONFIGS.get(config.addr())?;
        let table = authorizer.read()?;
        let function = required("pabawi_authorizer", "authorize", table.authorize)?;
        // SAFETY: the table was read, and is taken now.
        let take =
            || unsafe { AskTable::take(table.user_data, table.destroy, vec![("authorize", function)]) };
        add_authorizer(&config, take)
    })
}

/// Registers who is told the log, from the option `logLevel` on. There is one: PABAWI_ALREADY where there is another.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pabawi_config_set_log_sink(
    config: *const pabawi_config,
    sink: *const pabawi_log_sink,
    error: *mut *mut pabawi_error,
) -> pabawi_status {
    // SAFETY: the caller's promise in the header about what arguments point to, and about the table.
    let (sink, error) = unsafe { (TableIn::new(sink), Out::new(error)) };
    boundary(error, || {
        let config = CONFIGS.get(config.addr())?;
        let table = sink.read()?;
        let function = required("pabawi_log_sink", "log", table.log)?;
        // SAFETY: the table was read, and is taken now.
        let take = || unsafe { TellTable::take(table.user_data, table.destroy, function) };
        add_log_sink(&config, take)
    })
}

/// Registers who is told what is measured. There is one: PABAWI_ALREADY where there is another.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pabawi_config_set_metrics_sink(
    config: *const pabawi_config,
    sink: *const pabawi_metrics_sink,
    error: *mut *mut pabawi_error,
) -> pabawi_status {
    // SAFETY: the caller's promise in the header about what arguments point to, and about the table.
    let (sink, error) = unsafe { (TableIn::new(sink), Out::new(error)) };
    boundary(error, || {
        let config = CONFIGS.get(config.addr())?;
        let table = sink.read()?;
        let function = required("pabawi_metrics_sink", "record", table.record)?;
        // SAFETY: the table was read, and is taken now.
        let take = || unsafe { TellTable::take(table.user_data, table.destroy, function) };
        add_metrics_sink(&config, take)
    })
}
