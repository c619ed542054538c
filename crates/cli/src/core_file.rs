//! The core file of `pab`: none is written, since the secrets that are in use would be in it. Main function: [`forbid`].
//!
//! Only `pab` itself is meant: what it starts has the limits of whoever called it.

use std::io;

/// With the value `1` nothing is forbidden, for whoever looks for a fault of `pab` itself.
const ALLOW: &str = "PABAWI_ALLOW_CORE";

/// Has the system write no core file of this process, wherever core files go. On Linux other processes of the same user cannot
/// read its memory and its environment either.
///
/// # Errors
/// The system refuses.
pub(crate) fn forbid() -> io::Result<()> {
    if std::env::var_os(ALLOW).is_some_and(|value| value == "1") {
        return Ok(());
    }
    no_core_file()
}

// A limit of 0 would not do: where core files are piped to a program, there is no limit for them (core(5)). Programs that
// are started can be dumped again (PR_SET_DUMPABLE(2const)).
#[cfg(target_os = "linux")]
fn no_core_file() -> io::Result<()> {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};

    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

// Programs that are started may raise the limit again.
#[cfg(not(target_os = "linux"))]
fn no_core_file() -> io::Result<()> {
    use rustix::process::{Resource, getrlimit, setrlimit};

    let mut limit = getrlimit(Resource::Core);
    limit.current = Some(0);
    Ok(setrlimit(Resource::Core, limit)?)
}
