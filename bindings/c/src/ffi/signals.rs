//! SIGPIPE: [`ignore_sigpipe`].

/// A write to a process that has ended, such as a command that reads nothing of its input, must be an error and not the end of the
/// program: signal(7) ends it by default. What the program does with SIGPIPE itself is left alone. Processes that are started get the
/// default back (`std::process::Command`).
pub(crate) fn ignore_sigpipe() {
    // SAFETY: both structs are plain data that live until the calls return, and a zeroed one is valid: no handler, no flags.
    unsafe {
        let mut now: libc::sigaction = std::mem::zeroed();
        if libc::sigaction(libc::SIGPIPE, std::ptr::null(), &raw mut now) != 0
            || now.sa_sigaction != libc::SIG_DFL
        {
            return;
        }
        let mut ignored: libc::sigaction = std::mem::zeroed();
        ignored.sa_sigaction = libc::SIG_IGN;
        libc::sigaction(libc::SIGPIPE, &raw const ignored, std::ptr::null_mut());
    }
}
