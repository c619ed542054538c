//! What a program cost: time, CPU, memory. Main type: [`Usage`]. It measures one program with everything that the
//! program itself has started and waited for; it judges nothing.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

/// What a program cost, from its start until it had ended.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Usage {
    /// How it ended.
    pub status: ExitStatus,
    /// Time on the wall.
    pub wall: Duration,
    /// CPU time, user and system, of the program and the children it waited for (getrusage(2)).
    pub cpu: Duration,
    /// Most memory that was resident at once, in bytes, of the program or the largest of those children.
    pub peak_memory: u64,
}

/// Runs a program to its end and measures it.
///
/// # Errors
/// What starting it or waiting for it says.
pub fn run(command: &mut Command) -> io::Result<Usage> {
    let begin = Instant::now();
    let child = command.spawn()?;
    let pid = libc::pid_t::try_from(child.id()).map_err(io::Error::other)?;
    let mut status = 0;
    // SAFETY: rusage is a C struct of numbers, for which all zeros are valid.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    loop {
        // SAFETY: both pointers are to live variables of the right types, and `pid` is a child of ours that
        // nobody else waits for: `child` is never waited on.
        let waited = unsafe { libc::wait4(pid, &raw mut status, 0, &raw mut usage) };
        if waited == pid {
            break;
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    let time = |value: libc::timeval| {
        let micros = u32::try_from(value.tv_usec).unwrap_or(0);
        Duration::from_secs(u64::try_from(value.tv_sec).unwrap_or(0)) + Duration::from_micros(micros.into())
    };
    Ok(Usage {
        status: ExitStatus::from_raw(status),
        wall: begin.elapsed(),
        cpu: time(usage.ru_utime) + time(usage.ru_stime),
        // Linux counts in KiB (getrusage(2)).
        peak_memory: u64::try_from(usage.ru_maxrss).unwrap_or(0) * 1024,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_counted_and_waiting_is_not() {
        let spin = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done";
        let busy = run(Command::new("sh").args(["-c", spin])).expect("runs");
        let idle = run(Command::new("sleep").arg("0.2")).expect("runs");
        assert!(busy.status.success() && idle.wall >= Duration::from_millis(200));
        assert!(busy.cpu > Duration::from_millis(20) && busy.cpu > idle.cpu * 5, "{busy:?} {idle:?}");
        assert!(busy.peak_memory > 100_000);
        assert_eq!(run(Command::new("sh").args(["-c", "exit 3"])).expect("runs").status.code(), Some(3));
        assert!(run(&mut Command::new("/no/such/program")).is_err());
    }
}
