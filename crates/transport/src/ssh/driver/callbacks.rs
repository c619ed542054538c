//! The functions that libssh2 calls: sending, receiving, goodbyes, signatures and prompts.
//!
//! Each finds its buffers behind the session's abstract pointer. They must not unwind, wait (but for the two of
//! blocking sessions) or call libssh2.

use std::ffi::{c_char, c_int, c_uint, c_void};

use libssh2_sys as raw;

use super::io_buffers::IoBuffers;
use super::session::Signer;

/// A negative errno as libssh2's callbacks return it.
fn negative(errno: c_int) -> isize {
    -isize::try_from(errno).unwrap_or(1)
}

pub(super) unsafe extern "C" fn send_callback(
    _socket: raw::libssh2_socket_t,
    buffer: *const c_void,
    length: usize,
    _flags: c_int,
    context: *mut *mut c_void,
) -> isize {
    // SAFETY: libssh2 passes the address of the session's abstract pointer, which `SshSession::new` set to live
    // `IoBuffers`; nobody else holds a reference while libssh2 runs. The buffer is valid for `length` bytes.
    let (io, packet) = unsafe {
        (&mut *(*context).cast::<IoBuffers>(), std::slice::from_raw_parts(buffer.cast::<u8>(), length))
    };
    if io.put(packet) { isize::try_from(length).unwrap_or(isize::MAX) } else { negative(libc::EPIPE) }
}

pub(super) unsafe extern "C" fn recv_callback(
    _socket: raw::libssh2_socket_t,
    buffer: *mut c_void,
    length: usize,
    _flags: c_int,
    context: *mut *mut c_void,
) -> isize {
    // SAFETY: as for `send_callback`; the buffer is valid for writes of `length` bytes and holds initialised or
    // zeroed memory (libssh2 allocates the session with calloc).
    let (io, buffer) = unsafe {
        (&mut *(*context).cast::<IoBuffers>(), std::slice::from_raw_parts_mut(buffer.cast::<u8>(), length))
    };
    match io.take(buffer) {
        Some(n) => isize::try_from(n).unwrap_or(isize::MAX),
        None => negative(libc::EAGAIN),
    }
}

pub(super) unsafe extern "C" fn blocking_send_callback(
    socket: raw::libssh2_socket_t,
    buffer: *const c_void,
    length: usize,
    _flags: c_int,
    _context: *mut *mut c_void,
) -> isize {
    // SAFETY: the buffer is valid for `length` bytes; a bad descriptor makes send(2) fail, no more.
    let n = unsafe { libc::send(socket, buffer, length, libc::MSG_NOSIGNAL) };
    if n < 0 { negative(last_errno()) } else { n }
}

pub(super) unsafe extern "C" fn blocking_recv_callback(
    socket: raw::libssh2_socket_t,
    buffer: *mut c_void,
    length: usize,
    _flags: c_int,
    context: *mut *mut c_void,
) -> isize {
    // SAFETY: as for `recv_callback`.
    let io = unsafe { &mut *(*context).cast::<IoBuffers>() };
    if io.waiting() > 0 {
        // SAFETY: as for `recv_callback`.
        let buffer = unsafe { std::slice::from_raw_parts_mut(buffer.cast::<u8>(), length) };
        return io.take(buffer).and_then(|n| isize::try_from(n).ok()).unwrap_or(0);
    }
    // SAFETY: the buffer is valid for writes of `length` bytes; a bad descriptor makes recv(2) fail, no more.
    let n = unsafe { libc::recv(socket, buffer, length, 0) };
    if n < 0 { negative(last_errno()) } else { n }
}

fn last_errno() -> c_int {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO)
}

pub(super) unsafe extern "C" fn disconnect_callback(
    _session: *mut raw::LIBSSH2_SESSION,
    reason: c_int,
    message: *const c_char,
    message_len: c_int,
    _language: *const c_char,
    _language_len: c_int,
    context: *mut *mut c_void,
) {
    let len = usize::try_from(message_len).unwrap_or(0).min(512);
    // SAFETY: as for `send_callback`; the message is valid for `message_len` bytes or null.
    let (io, message) = unsafe {
        let message: &[u8] =
            if message.is_null() { &[] } else { std::slice::from_raw_parts(message.cast(), len) };
        (&mut *(*context).cast::<IoBuffers>(), message)
    };
    let text = String::from_utf8_lossy(message);
    io.disconnect = Some((reason, text.chars().filter(|c| !c.is_control()).collect()));
}

pub(super) unsafe extern "C" fn sign_callback(
    _session: *mut raw::LIBSSH2_SESSION,
    signature: *mut *mut u8,
    signature_len: *mut usize,
    data: *const u8,
    data_len: usize,
    context: *mut *mut c_void,
) -> c_int {
    // SAFETY: libssh2 passes on the pointer that `auth_signed` gave it, to a live `Signer`; the data is valid for
    // `data_len` bytes.
    let signer = unsafe { &mut *(*context).cast::<Signer>() };
    if signer.failed {
        return raw::LIBSSH2_ERROR_AGENT_PROTOCOL;
    }
    let Some(made) = signer.signature.as_deref() else {
        if signer.to_sign.is_none() {
            // SAFETY: as above.
            signer.to_sign = Some(unsafe { std::slice::from_raw_parts(data, data_len) }.to_vec());
        }
        return raw::LIBSSH2_ERROR_EAGAIN;
    };
    // SAFETY: libssh2 frees the area with free(3), since the session was made with the default allocator, so it
    // must come from malloc(3); it is written in full before it is handed over.
    unsafe {
        let area = libc::malloc(made.len().max(1)).cast::<u8>();
        if area.is_null() {
            return raw::LIBSSH2_ERROR_ALLOC;
        }
        std::ptr::copy_nonoverlapping(made.as_ptr(), area, made.len());
        *signature = area;
        *signature_len = made.len();
    }
    0
}

/// Rounds of prompts that are answered before giving up; PAM stacks with two factors need two.
const MAX_KBD_ROUNDS: u32 = 4;

pub(super) extern "C" fn keyboard_callback(
    _name: *const c_char,
    _name_len: c_int,
    _instruction: *const c_char,
    _instruction_len: c_int,
    num_prompts: c_int,
    prompts: *const raw::LIBSSH2_USERAUTH_KBDINT_PROMPT,
    responses: *mut raw::LIBSSH2_USERAUTH_KBDINT_RESPONSE,
    context: *mut *mut c_void,
) {
    let count = usize::try_from(num_prompts).unwrap_or(0);
    if count == 0 || prompts.is_null() || responses.is_null() {
        return;
    }
    // SAFETY: as for `send_callback`; both arrays have `num_prompts` elements, and the responses are zeroed.
    let (io, prompts, responses) = unsafe {
        (
            &mut *(*context).cast::<IoBuffers>(),
            std::slice::from_raw_parts(prompts, count),
            std::slice::from_raw_parts_mut(responses, count),
        )
    };
    io.kbd_rounds += 1;
    let answer = io.kbd_answer.clone().filter(|_| io.kbd_rounds <= MAX_KBD_ROUNDS);
    for (prompt, response) in prompts.iter().zip(responses) {
        let Some(answer) = answer.as_ref().filter(|_| prompt.echo == 0) else { continue };
        let answer = answer.expose();
        // SAFETY: libssh2 frees the text with free(3); it is written in full before it is handed over.
        unsafe {
            let area = libc::malloc(answer.len().max(1)).cast::<u8>();
            if area.is_null() {
                continue;
            }
            std::ptr::copy_nonoverlapping(answer.as_ptr(), area, answer.len());
            response.text = area.cast();
            response.length = c_uint::try_from(answer.len()).unwrap_or(0);
        }
    }
}
