//! The memory that libssh2 holds for one session, counted by its own allocation functions.
//!
//! libssh2 keeps every packet that it does not know until somebody asks for it, and offers no bound and no way to see
//! the list. So the driver is told how much the session holds, and ends one that holds more than an honest node
//! can make it hold. Nothing is refused here: libssh2's paths for failed allocations are little tried.

use std::ffi::c_void;

#[cfg(target_vendor = "apple")]
use libc::malloc_size as usable_size;
#[cfg(not(target_vendor = "apple"))]
use libc::malloc_usable_size as usable_size;

use super::io_buffers::IoBuffers;

/// What a session holds without any channel, amply (bytes): itself, a key exchange, answers to keepalives.
const SESSION: usize = 4 * 1024 * 1024;
/// What the output of a command can hold that nobody reads (bytes): a window of packets of one byte each, and some
/// 150 bytes for every packet.
const COMMAND: usize = 48 * 1024 * 1024;
/// As [`COMMAND`] for a tunnel, whose packets are as large as those of the session inside it.
const TUNNEL: usize = 2 * 1024 * 1024;

/// The most that an honest node makes a session hold (bytes) with that many channels.
pub(super) fn most(commands: usize, tunnels: usize) -> usize {
    SESSION + commands * COMMAND + tunnels * TUNNEL
}

/// The allocation functions add to and take from the count of the session's [`IoBuffers`].
fn buffers<'a>(context: *mut *mut c_void) -> Option<&'a mut IoBuffers> {
    // SAFETY: libssh2 passes the address of the session's abstract pointer, or of the same pointer while the session
    // itself is allocated; `SshSession::new` gives it live `IoBuffers`, which nobody else refers to while libssh2
    // runs. The reference does not outlive the callback.
    unsafe { context.as_ref().and_then(|context| context.cast::<IoBuffers>().as_mut()) }
}

fn size_of(area: *mut c_void) -> usize {
    if area.is_null() {
        return 0;
    }
    // SAFETY: every area comes from malloc(3), here or in the callbacks that hand areas to libssh2.
    unsafe { usable_size(area.cast()) }
}

/// `LIBSSH2_ALLOC_FUNC`.
pub(super) extern "C" fn alloc(count: usize, context: *mut *mut c_void) -> *mut c_void {
    // SAFETY: malloc(3) may be called with any size.
    let area = unsafe { libc::malloc(count) };
    if let Some(io) = buffers(context) {
        io.holds(0, size_of(area));
    }
    area
}

/// `LIBSSH2_REALLOC_FUNC`.
pub(super) extern "C" fn realloc(area: *mut c_void, count: usize, context: *mut *mut c_void) -> *mut c_void {
    let before = size_of(area);
    // SAFETY: the area is null or comes from malloc(3).
    let moved = unsafe { libc::realloc(area, count) };
    if let Some(io) = buffers(context).filter(|_| !moved.is_null()) {
        io.holds(before, size_of(moved));
    }
    moved
}

/// `LIBSSH2_FREE_FUNC`.
pub(super) extern "C" fn free(area: *mut c_void, context: *mut *mut c_void) {
    // Before the area is freed: the context of the last one, the session's own, lies in it.
    if let Some(io) = buffers(context) {
        io.holds(size_of(area), 0);
    }
    // SAFETY: the area is null or comes from malloc(3), and libssh2 does not use it again.
    unsafe { libc::free(area) }
}
