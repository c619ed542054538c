//! What is known of the plugins that come with Pabawi v1.x, by their names; what others do is assumed to be the default.

use pabawi_domain::id::{InvalidName, PluginName};

/// The unit in which a plugin reads `action.timeout`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeoutUnit {
    /// Milliseconds, as most of v1.x; the default.
    Milliseconds,
    /// Seconds, as `ssh`.
    Seconds,
    /// It does not read it and uses what it was made with, as `bolt` and `ansible`; it is not given any.
    NotRead,
}

/// What the chunks are that a plugin streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UseOfStream {
    /// The output of the node: told while it comes, and then the result's text of that stream is not told again. The
    /// default.
    Live,
    /// What the tool says for itself, such as the JSON of `bolt`: the result's text is told, and the chunks only where the
    /// result has none.
    OnlyWithoutResult,
}

/// The name under which a plugin is registered: its own, unless a way to nodes that comes with the framework has that.
pub(super) fn registered_as(own: &PluginName) -> Result<PluginName, InvalidName> {
    match own.as_str() {
        taken @ ("ssh" | "local") => PluginName::new(format!("v1-{taken}")),
        _ => Ok(own.clone()),
    }
}

pub(super) fn timeout_unit(plugin: &str) -> TimeoutUnit {
    match plugin {
        "ssh" => TimeoutUnit::Seconds,
        "bolt" | "ansible" => TimeoutUnit::NotRead,
        _ => TimeoutUnit::Milliseconds,
    }
}

pub(super) fn use_of_stream(plugin: &str) -> UseOfStream {
    match plugin {
        "bolt" => UseOfStream::OnlyWithoutResult,
        _ => UseOfStream::Live,
    }
}

/// The priority with which Pabawi registers a plugin whose configuration says none.
pub(super) fn priority(plugin: &str) -> i32 {
    match plugin {
        "ssh" => 50,
        "puppetdb" => 10,
        "puppetserver" | "checkmk" => 8,
        "proxmox" | "aws" | "azure" => 7,
        "hiera" => 6,
        "bolt" | "ansible" => 5,
        _ => 0,
    }
}

/// The priority that Pabawi gives a plugin's nodes when it links those of several.
pub(super) fn source_priority(plugin: &str) -> i32 {
    match plugin {
        "ssh" => 50,
        "puppetserver" => 20,
        "bolt" | "puppetdb" => 10,
        "ansible" | "checkmk" => 8,
        "hiera" => 6,
        _ => 0,
    }
}
