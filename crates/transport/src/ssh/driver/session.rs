//! One libssh2 session that reads and writes memory: [`SshSession`].
//!
//! `ssh2::Session` creates and frees it; every step that may have to be repeated is called on the raw pointer, so
//! that the SEND and RECV callbacks always find their [`IoBuffers`] (`ssh2` replaces the session's abstract
//! pointer during keyboard-interactive authentication). Steps return [`Step::Again`] where libssh2 says
//! `EAGAIN`; the caller moves bytes and calls the same step again. No step here waits, reads a socket or a clock.

use std::cell::UnsafeCell;
use std::ffi::{CString, c_char, c_int, c_uint, c_void};
use std::os::fd::{OwnedFd, RawFd};

use libssh2_sys as raw;

use super::ffi;
use super::io_buffers::IoBuffers;

/// How a step went.
#[derive(Debug)]
pub(crate) enum Step<T> {
    /// It is done.
    Done(T),
    /// It needs more input, or another turn.
    Again,
}

/// An error of libssh2 with its number and text (`libssh2.h`, `LIBSSH2_ERROR_*`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} (libssh2 error {code})")]
pub(crate) struct SshError {
    /// The error number, negative.
    pub(crate) code: c_int,
    /// libssh2's text.
    pub(crate) message: String,
}

impl SshError {
    /// An error of our own making in libssh2's shape.
    pub(super) fn own(code: c_int, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// What a step that can fail returns.
pub(crate) type StepResult<T> = Result<Step<T>, SshError>;

/// Algorithms in our order; what libssh2 does not know is skipped by it.
const CIPHERS: &str = "aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com,\
                       aes256-ctr,aes192-ctr,aes128-ctr";

/// A session between its creation and its end. It owns the buffers that its callbacks use.
pub(crate) struct SshSession {
    // Declared before `io`: it is dropped first, and freeing it still calls the callbacks.
    owner: ssh2::Session,
    pub(super) raw: *mut raw::LIBSSH2_SESSION,
    io: Box<UnsafeCell<IoBuffers>>,
}

// SAFETY: a libssh2 session has no thread of its own and no thread-local state; it may be used from any thread as
// long as it is used by one at a time, which `&mut self` and single ownership by the driver task ensure.
unsafe impl Send for SshSession {}

impl std::fmt::Debug for SshSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SshSession").finish_non_exhaustive()
    }
}

impl SshSession {
    /// Creates a session. `host_keys` are the host key algorithms to ask for, best first.
    ///
    /// # Errors
    /// [`SshError`] when libssh2 cannot allocate or knows none of the algorithms.
    pub(crate) fn new(host_keys: &[String]) -> Result<Self, SshError> {
        let owner = ssh2::Session::new().map_err(|error| SshError::own(-6, error.message().to_owned()))?;
        owner.set_blocking(false);
        let raw: *mut raw::LIBSSH2_SESSION = {
            let mut guard = owner.raw();
            &raw mut *guard
        };
        let session = Self { owner, raw, io: Box::default() };
        // SAFETY: `raw` is live for as long as `owner` is. The abstract pointer refers to the heap allocation of
        // `io`, which neither moves nor ends before the session. The three functions have exactly the
        // signatures that libssh2.h asks for behind these numbers, so the cast through the generic type is the
        // one that libssh2 undoes.
        unsafe {
            *raw::libssh2_session_abstract(raw) = session.io.get().cast::<c_void>();
            let send: ffi::SendCallback = send_callback;
            let recv: ffi::RecvCallback = recv_callback;
            let bye: ffi::DisconnectCallback = disconnect_callback;
            ffi::libssh2_session_callback_set2(
                raw,
                ffi::CALLBACK_SEND,
                Some(std::mem::transmute::<ffi::SendCallback, ffi::GenericCallback>(send)),
            );
            ffi::libssh2_session_callback_set2(
                raw,
                ffi::CALLBACK_RECV,
                Some(std::mem::transmute::<ffi::RecvCallback, ffi::GenericCallback>(recv)),
            );
            ffi::libssh2_session_callback_set2(
                raw,
                ffi::CALLBACK_DISCONNECT,
                Some(std::mem::transmute::<ffi::DisconnectCallback, ffi::GenericCallback>(bye)),
            );
        }
        for method in [raw::LIBSSH2_METHOD_CRYPT_CS, raw::LIBSSH2_METHOD_CRYPT_SC] {
            session.prefer(method, CIPHERS)?;
        }
        session.prefer(raw::LIBSSH2_METHOD_HOSTKEY, &host_keys.join(","))?;
        Ok(session)
    }

    fn prefer(&self, method: c_int, names: &str) -> Result<(), SshError> {
        let names = c_string(names)?;
        // SAFETY: the session is live and the string is NUL-terminated; libssh2 copies it.
        self.check(unsafe { raw::libssh2_session_method_pref(self.raw, method, names.as_ptr()) })
    }

    /// The buffers. The reference must not be held over a call into libssh2.
    pub(crate) fn io(&mut self) -> &mut IoBuffers {
        // SAFETY: the callbacks make their own reference only while libssh2 runs, and libssh2 runs only inside
        // methods that take `&mut self` or `&self` without touching the buffers.
        unsafe { &mut *self.io.get() }
    }

    /// Banner exchange, key exchange and the request for the authentication service (RFC 4253). Neither user
    /// name nor credential is sent by it.
    pub(crate) fn handshake(&mut self, fd: RawFd) -> StepResult<()> {
        // SAFETY: the session is live. The descriptor is only stored and asked for its flags: all bytes go
        // through the callbacks.
        let rc = unsafe { raw::libssh2_session_handshake(self.raw, fd) };
        self.step(rc)
    }

    /// The host key blob (RFC 4253 section 6.6) after the handshake.
    pub(crate) fn host_key(&mut self) -> Option<Vec<u8>> {
        let mut len = 0_usize;
        let mut kind = 0;
        // SAFETY: the session is live; the pointer that comes back is valid for `len` bytes until the session
        // ends, and is copied at once.
        unsafe {
            let blob = raw::libssh2_session_hostkey(self.raw, &raw mut len, &raw mut kind);
            (!blob.is_null() && len > 0).then(|| std::slice::from_raw_parts(blob.cast::<u8>(), len).to_vec())
        }
    }

    /// What the server calls itself, once its banner has come.
    pub(crate) fn banner(&mut self) -> Option<String> {
        // SAFETY: the session is live; the string that comes back is NUL-terminated and lives until the session
        // ends.
        unsafe {
            let banner = raw::libssh2_session_banner_get(self.raw);
            (!banner.is_null()).then(|| std::ffi::CStr::from_ptr(banner).to_string_lossy().into_owned())
        }
    }

    /// The authentication methods that the server offers this user, or `None` when it lets the user in without
    /// any.
    pub(crate) fn auth_methods(&mut self, user: &str) -> StepResult<Option<Vec<String>>> {
        let len = c_len(user.len())?;
        // SAFETY: the session is live and the name is valid for `len` bytes during the call. The list that comes
        // back belongs to the session and is copied at once.
        unsafe {
            let list = raw::libssh2_userauth_list(self.raw, user.as_ptr().cast::<c_char>(), len);
            if !list.is_null() {
                let list = std::ffi::CStr::from_ptr(list).to_string_lossy().into_owned();
                return Ok(Step::Done(Some(list.split(',').map(str::to_owned).collect())));
            }
            if raw::libssh2_userauth_authenticated(self.raw) != 0 {
                return Ok(Step::Done(None));
            }
        }
        self.step(self.last_code()).map(|step| match step {
            Step::Done(()) | Step::Again => Step::Again,
        })
    }

    /// Offers a private key in clear PEM. `public` is its public line (`ssh-ed25519 AAAA...`).
    pub(crate) fn auth_key(&mut self, user: &str, public: &str, pem: &[u8]) -> StepResult<()> {
        // SAFETY: the session is live and all three areas are valid for their lengths during the call.
        let rc = unsafe {
            raw::libssh2_userauth_publickey_frommemory(
                self.raw,
                user.as_ptr().cast(),
                user.len(),
                public.as_ptr().cast(),
                public.len(),
                pem.as_ptr().cast(),
                pem.len(),
                std::ptr::null(),
            )
        };
        self.step(rc)
    }

    /// Offers a public key whose signature somebody else makes: `signer` is asked once the server has said that
    /// the key would do, and until it has a signature the step is repeated.
    pub(crate) fn auth_signed(&mut self, user: &str, blob: &[u8], signer: &mut Signer) -> StepResult<()> {
        let user = c_string(user)?;
        let mut context = std::ptr::from_mut(signer).cast::<c_void>();
        // SAFETY: the session is live, the areas are valid during the call, and `context` points at a `Signer`
        // that outlives the call; `sign_callback` casts it back to exactly that type.
        let rc = unsafe {
            ffi::libssh2_userauth_publickey(
                self.raw,
                user.as_ptr(),
                blob.as_ptr(),
                blob.len(),
                Some(sign_callback),
                &raw mut context,
            )
        };
        self.step(rc)
    }

    /// Password authentication (RFC 4252 section 8).
    pub(crate) fn auth_password(&mut self, user: &str, password: &[u8]) -> StepResult<()> {
        let (user_len, password_len) = (c_len(user.len())?, c_len(password.len())?);
        // SAFETY: the session is live and both areas are valid for their lengths during the call.
        let rc = unsafe {
            raw::libssh2_userauth_password_ex(
                self.raw,
                user.as_ptr().cast(),
                user_len,
                password.as_ptr().cast(),
                password_len,
                None,
            )
        };
        self.step(rc)
    }

    /// Keyboard-interactive authentication (RFC 4256). Prompts without echo are answered with the secret in
    /// `io().kbd_answer`, others with nothing.
    pub(crate) fn auth_keyboard(&mut self, user: &str) -> StepResult<()> {
        let user_len = c_len(user.len())?;
        // SAFETY: the session is live, the name is valid during the call, and the callback has the signature of
        // `LIBSSH2_USERAUTH_KBDINT_RESPONSE_FUNC`.
        let rc = unsafe {
            raw::libssh2_userauth_keyboard_interactive_ex(
                self.raw,
                user.as_ptr().cast(),
                user_len,
                Some(keyboard_callback),
            )
        };
        self.step(rc)
    }

    /// What prompts without echo are answered with from now on.
    pub(crate) fn answer_prompts_with(&mut self, answer: Option<pabawi_domain::secret::Secret>) {
        let io = self.io();
        io.kbd_answer = answer;
        io.kbd_rounds = 0;
    }

    /// What the peer said when it disconnected.
    pub(crate) fn disconnect_text(&mut self) -> Option<String> {
        self.io().disconnect.as_ref().map(|(_, text)| text.clone())
    }

    /// The first bytes that the peer sent, as text on one line.
    pub(crate) fn greeting(&mut self) -> String {
        self.io().greeting()
    }

    /// Puts one keepalive request that wants an answer into the buffer. Calls less than two seconds apart send
    /// nothing (libssh2_keepalive_config(3)).
    pub(crate) fn keepalive(&mut self) -> Result<(), SshError> {
        let mut next = 0;
        // SAFETY: the session is live.
        let rc = unsafe {
            raw::libssh2_keepalive_config(self.raw, 1, 2);
            raw::libssh2_keepalive_send(self.raw, &raw mut next)
        };
        self.check(rc)
    }

    /// Puts `SSH_MSG_DISCONNECT` into the buffer; failing to do so does not matter.
    pub(crate) fn disconnect(&mut self) {
        let (text, lang) = (c"closed by pabawi", c"");
        // SAFETY: the session is live and both strings are NUL-terminated.
        unsafe {
            raw::libssh2_session_disconnect_ex(
                self.raw,
                raw::SSH_DISCONNECT_BY_APPLICATION,
                text.as_ptr(),
                lang.as_ptr(),
            );
        }
    }

    /// Gives the session back to the `ssh2` crate in blocking mode, with `fd` as its socket. The buffers must go
    /// on living: they hold what has been received already.
    pub(super) fn into_blocking_parts(self) -> (ssh2::Session, Box<UnsafeCell<IoBuffers>>) {
        // SAFETY: the session is live and single-threaded; the two functions have the signatures that libssh2.h
        // asks for, and find the buffers that are handed out together with the session.
        unsafe {
            let send: ffi::SendCallback = blocking_send_callback;
            let recv: ffi::RecvCallback = blocking_recv_callback;
            ffi::libssh2_session_callback_set2(
                self.raw,
                ffi::CALLBACK_SEND,
                Some(std::mem::transmute::<ffi::SendCallback, ffi::GenericCallback>(send)),
            );
            ffi::libssh2_session_callback_set2(
                self.raw,
                ffi::CALLBACK_RECV,
                Some(std::mem::transmute::<ffi::RecvCallback, ffi::GenericCallback>(recv)),
            );
        }
        self.owner.set_blocking(true);
        let this = std::mem::ManuallyDrop::new(self);
        // SAFETY: `this` is never dropped or used again, so both fields are moved out exactly once.
        unsafe { (std::ptr::read(&raw const this.owner), std::ptr::read(&raw const this.io)) }
    }

    pub(super) fn last_code(&self) -> c_int {
        // SAFETY: the session is live.
        unsafe { raw::libssh2_session_last_errno(self.raw) }
    }

    /// The last error of this session, in libssh2's words.
    pub(super) fn error(&self, code: c_int) -> SshError {
        let mut text: *mut c_char = std::ptr::null_mut();
        let mut len = 0;
        // SAFETY: the session is live; with `want_buf` 0 the text stays libssh2's, is NUL-terminated and is
        // copied at once.
        let message = unsafe {
            let last = raw::libssh2_session_last_error(self.raw, &raw mut text, &raw mut len, 0);
            if last == 0 || text.is_null() {
                String::from("unnamed error")
            } else {
                std::ffi::CStr::from_ptr(text).to_string_lossy().into_owned()
            }
        };
        SshError { code, message }
    }

    pub(super) fn check(&self, rc: c_int) -> Result<(), SshError> {
        if rc < 0 { Err(self.error(rc)) } else { Ok(()) }
    }

    pub(super) fn step(&self, rc: c_int) -> StepResult<()> {
        match rc {
            raw::LIBSSH2_ERROR_EAGAIN => Ok(Step::Again),
            rc if rc < 0 => Err(self.error(rc)),
            _ => Ok(Step::Done(())),
        }
    }
}

impl Drop for SshSession {
    fn drop(&mut self) {
        // With both callbacks failing, libssh2 frees channels and session without waiting for anybody.
        self.io().end();
    }
}

/// Makes a signature outside libssh2, for example through an agent.
#[derive(Debug, Default)]
pub(crate) struct Signer {
    /// What the server wants signed, once libssh2 has asked.
    pub(crate) to_sign: Option<Vec<u8>>,
    /// The signature, once it is there: the part after the algorithm name (RFC 4253 section 6.6).
    pub(crate) signature: Option<Vec<u8>>,
    /// Nobody can sign.
    pub(crate) failed: bool,
}

/// A descriptor for a session that runs through another session's channel and has no socket of its own. libssh2
/// only asks it for its flags, until [`super::blocking`] puts a socket in its place.
pub(super) fn placeholder_fd() -> std::io::Result<OwnedFd> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let null = std::fs::OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open("/dev/null")?;
    Ok(OwnedFd::from(null))
}

pub(super) fn c_len(len: usize) -> Result<c_uint, SshError> {
    c_uint::try_from(len).map_err(|_| SshError::own(raw::LIBSSH2_ERROR_OUT_OF_BOUNDARY, "value is too long"))
}

fn c_string(text: &str) -> Result<CString, SshError> {
    CString::new(text).map_err(|_| SshError::own(raw::LIBSSH2_ERROR_INVAL, "value contains a NUL byte"))
}

/// A negative errno as libssh2's callbacks return it.
fn negative(errno: c_int) -> isize {
    -isize::try_from(errno).unwrap_or(1)
}

unsafe extern "C" fn send_callback(
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

unsafe extern "C" fn recv_callback(
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

unsafe extern "C" fn blocking_send_callback(
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

unsafe extern "C" fn blocking_recv_callback(
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

unsafe extern "C" fn disconnect_callback(
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

unsafe extern "C" fn sign_callback(
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

extern "C" fn keyboard_callback(
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
