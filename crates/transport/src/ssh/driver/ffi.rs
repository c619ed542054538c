//! The few libssh2 symbols that `libssh2-sys` does not declare, and the constants that go with them.
//!
//! Everything here is copied from `libssh2.h` of the library that `libssh2-sys` bundles. Nothing in this file
//! calls anything; the callers are `session.rs` and `channel.rs`, and no other file may name these symbols.

use std::ffi::{c_char, c_int, c_uchar, c_void};

use libssh2_sys::{LIBSSH2_CHANNEL, LIBSSH2_SESSION, libssh2_socket_t};

/// `LIBSSH2_CALLBACK_DISCONNECT`: the peer sent `SSH_MSG_DISCONNECT`.
pub(super) const CALLBACK_DISCONNECT: c_int = 2;
/// `LIBSSH2_CALLBACK_SEND`: replaces `send(2)`.
pub(super) const CALLBACK_SEND: c_int = 5;
/// `LIBSSH2_CALLBACK_RECV`: replaces `recv(2)`.
pub(super) const CALLBACK_RECV: c_int = 6;

/// `libssh2_cb_generic`: what `libssh2_session_callback_set2` takes for every kind of callback.
pub(super) type GenericCallback = unsafe extern "C" fn();

/// `LIBSSH2_SEND_FUNC`.
pub(super) type SendCallback =
    unsafe extern "C" fn(libssh2_socket_t, *const c_void, usize, c_int, *mut *mut c_void) -> isize;

/// `LIBSSH2_RECV_FUNC`.
pub(super) type RecvCallback =
    unsafe extern "C" fn(libssh2_socket_t, *mut c_void, usize, c_int, *mut *mut c_void) -> isize;

/// `LIBSSH2_DISCONNECT_FUNC`.
pub(super) type DisconnectCallback = unsafe extern "C" fn(
    *mut LIBSSH2_SESSION,
    c_int,
    *const c_char,
    c_int,
    *const c_char,
    c_int,
    *mut *mut c_void,
);

/// `LIBSSH2_USERAUTH_PUBLICKEY_SIGN_FUNC`: returns 0, or `LIBSSH2_ERROR_EAGAIN` while the signature is not
/// there yet.
pub(super) type SignCallback = unsafe extern "C" fn(
    *mut LIBSSH2_SESSION,
    *mut *mut c_uchar,
    *mut usize,
    *const c_uchar,
    usize,
    *mut *mut c_void,
) -> c_int;

unsafe extern "C" {
    /// Sets one callback and returns the one before it.
    pub(super) fn libssh2_session_callback_set2(
        session: *mut LIBSSH2_SESSION,
        cbtype: c_int,
        callback: Option<GenericCallback>,
    ) -> Option<GenericCallback>;

    /// Public key authentication with a signature made by the caller.
    pub(super) fn libssh2_userauth_publickey(
        session: *mut LIBSSH2_SESSION,
        username: *const c_char,
        pubkeydata: *const c_uchar,
        pubkeydata_len: usize,
        sign_callback: Option<SignCallback>,
        abstrakt: *mut *mut c_void,
    ) -> c_int;

    /// 1 when the peer sent an `exit-status` request, 0 when not (then `get_exit_status` says 0 too).
    pub(super) fn libssh2_channel_has_exit_status(channel: *mut LIBSSH2_CHANNEL) -> c_int;
}
