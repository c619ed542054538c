//! Checks of what leads to a node: [`host`], [`user`], [`hops`], [`endpoint`]. A value that a tool could take for an
//! option, or a shell for a command, gets no further.

use pabawi_domain::node::{Endpoint, parse_destination};

/// A host alone, without user and port.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn host(text: &str) -> Result<String, String> {
    match parse_destination(text) {
        Ok(Endpoint { host: Some(host), user: None, port: None, .. }) => Ok(host),
        Ok(_) => Err("must be a host alone; give user and port in their own fields".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// A login user.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn user(text: &str) -> Result<String, String> {
    if text.is_empty() || text.starts_with('-') || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err("must be a user name without white space, not starting with '-'".to_owned());
    }
    Ok(text.to_owned())
}

/// Jump hosts with commas between them. `none` alone switches off what ssh_config says, as there (ssh_config(5)
/// `ProxyJump`).
///
/// # Errors
/// What is wrong with one of them.
pub(crate) fn hops(text: &str) -> Result<Vec<String>, String> {
    let mut hops = Vec::new();
    for hop in text.split(',').map(str::trim).filter(|hop| *hop != "none") {
        parse_destination(hop).map_err(|error| error.to_string())?;
        hops.push(hop.to_owned());
    }
    Ok(hops)
}

/// Checks an endpoint that came from outside as a whole; returns the field and what is wrong with it.
pub(crate) fn endpoint(endpoint: &Endpoint) -> Result<(), (&'static str, String)> {
    if let Some(text) = &endpoint.host {
        host(text).map_err(|error| ("host", error))?;
    }
    if let Some(text) = &endpoint.user {
        user(text).map_err(|error| ("user", error))?;
    }
    if endpoint.port == Some(0) {
        return Err(("port", "must be a port from 1 to 65535".to_owned()));
    }
    for hop in endpoint.jump.iter().flatten() {
        hops(hop).map_err(|error| ("jump", error))?;
    }
    Ok(())
}
