//! A file descriptor that is readable while there is something: [`Wakeup`], an eventfd (eventfd(2)) that is made when it is first
//! asked for, so that who does not ask pays nothing.

use std::os::fd::{AsRawFd as _, OwnedFd};
use std::sync::{Mutex, PoisonError};

use rustix::event::{EventfdFlags, eventfd};
use rustix::io::{read, write};

use crate::status::Fault;

/// Whether there is something, for those who poll.
#[derive(Debug, Default)]
pub(crate) struct Wakeup(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    is_set: bool,
    descriptor: Option<OwnedFd>,
}

impl Wakeup {
    /// There is something, or not any more.
    pub(crate) fn set(&self, is_set: bool) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.is_set != is_set {
            state.is_set = is_set;
            tell(&state);
        }
    }

    /// The descriptor. It stays ours and is closed with this.
    pub(crate) fn descriptor(&self) -> Result<i32, Fault> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.descriptor.is_none() {
            let made = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map_err(|error| {
                pabawi::json::Failure::new(
                    pabawi::ErrorCode::LimitReached,
                    format!("no file descriptor to wait on: {error}; raise the limit of open files"),
                )
            })?;
            state.descriptor = Some(made);
            tell(&state);
        }
        Ok(state.descriptor.as_ref().map_or(-1, |descriptor| descriptor.as_raw_fd()))
    }
}

/// Makes the descriptor say what is so. It does not block, and its counter is never near its end, so nothing can fail.
fn tell(state: &State) {
    let Some(descriptor) = &state.descriptor else { return };
    let _ =
        if state.is_set { write(descriptor, &1_u64.to_ne_bytes()) } else { read(descriptor, &mut [0_u8; 8]) };
}

#[cfg(test)]
mod tests {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::fd::BorrowedFd;

    use super::*;

    fn is_readable(wakeup: &Wakeup) -> bool {
        wakeup.descriptor().unwrap();
        let state = wakeup.0.lock().unwrap();
        let descriptor: BorrowedFd<'_> = std::os::fd::AsFd::as_fd(state.descriptor.as_ref().unwrap());
        let mut asked = [PollFd::new(&descriptor, PollFlags::IN)];
        poll(&mut asked, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).unwrap() == 1
    }

    #[test]
    fn it_is_readable_while_there_is_something() {
        let wakeup = Wakeup::default();
        assert!(!is_readable(&wakeup));
        wakeup.set(true);
        wakeup.set(true);
        assert!(is_readable(&wakeup));
        wakeup.set(false);
        assert!(!is_readable(&wakeup));
    }

    #[test]
    fn what_was_there_before_it_was_asked_for_is_seen() {
        let wakeup = Wakeup::default();
        wakeup.set(true);
        assert!(is_readable(&wakeup));
    }
}
