//! [`SessionProcess`]: a process of this machine with a session of its own, and all that is known of both.

use std::process::ExitStatus;

use pabawi_domain::action::RunAs;
use pabawi_domain::id::NodeId;
use rustix::process::{Pid, Signal};
use tokio::process::Child;

/// A process that leads a session. Dropping it kills the session's process groups when it still runs.
#[derive(Debug)]
pub(super) struct SessionProcess {
    pub(super) child: Child,
    /// Its session, which is its process id.
    pub(super) session: Pid,
    /// The process group of the command, the same as the session unless another program stands between.
    pub(super) group: Pid,
    /// How it ended; absent while it is not reaped.
    pub(super) status: Option<ExitStatus>,
    /// What [`RUN_VARIABLE`](crate::shell::RUN_VARIABLE) says in the environment of everything it starts.
    pub(super) nonce: String,
    /// The other user it runs as, who then has to help with looking and signalling; and for whose messages.
    pub(super) run_as: Option<(NodeId, RunAs)>,
}

impl Drop for SessionProcess {
    fn drop(&mut self) {
        if self.status.is_none() {
            // The child is not reaped, so its id still names it. The runtime reaps it later.
            for group in [self.session, self.group] {
                let _ = rustix::process::kill_process_group(group, Signal::KILL);
            }
        }
    }
}
