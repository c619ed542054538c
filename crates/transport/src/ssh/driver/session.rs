//! One libssh2 session that reads and writes memory: [`SshSession`].
//!
//! Every step that may have to be repeated is called on the raw pointer, so that the SEND and RECV callbacks always
//! find their [`IoBuffers`] (`ssh2` replaces the session's abstract pointer during keyboard-interactive
//! authentication). Steps return [`Step::Again`] where libssh2 says
//! `EAGAIN`; the caller moves bytes and calls the same step again. No step here waits, reads a socket or a clock.

use std::cell::UnsafeCell;
use std::ffi::{CString, c_char, c_int, c_uint, c_void};
use std::os::fd::{OwnedFd, RawFd};

use libssh2_sys as raw;

use super::callbacks;
use super::ffi;
use super::io_buffers::IoBuffers;
use super::memory;

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

    /// Whether an error that came from a channel is the end of the whole session. Nearly all of libssh2's functions
    /// take in what has come, so that any of them can meet a goodbye, a packet that was changed on its way or a
    /// key exchange that failed; only what libssh2 says of a channel alone leaves the session as it was.
    pub(super) fn ends_session(&self) -> bool {
        !matches!(
            self.code,
            raw::LIBSSH2_ERROR_CHANNEL_FAILURE
                | raw::LIBSSH2_ERROR_CHANNEL_REQUEST_DENIED
                | raw::LIBSSH2_ERROR_CHANNEL_CLOSED
                | raw::LIBSSH2_ERROR_CHANNEL_EOF_SENT
                | raw::LIBSSH2_ERROR_CHANNEL_UNKNOWN
                | raw::LIBSSH2_ERROR_CHANNEL_OUTOFORDER
                | raw::LIBSSH2_ERROR_CHANNEL_WINDOW_EXCEEDED
                | raw::LIBSSH2_ERROR_CHANNEL_PACKET_EXCEEDED
                | raw::LIBSSH2_ERROR_INVAL
                // An answer that did not come, or that was another's.
                | raw::LIBSSH2_ERROR_TIMEOUT
                | -1
        )
    }
}

/// What a step that can fail returns.
pub(crate) type StepResult<T> = Result<Step<T>, SshError>;

/// Algorithms in our order; what libssh2 does not know is skipped by it.
const CIPHERS: &str = "aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com,\
                       aes256-ctr,aes192-ctr,aes128-ctr";

/// What a session is made for. It makes a difference because `ssh2` neither takes a session that it has not made nor
/// lets its own have other allocation functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MadeFor {
    /// A driver task, which sees to it that the node does not fill the memory.
    Driver,
    /// Blocking code, with `ssh2`.
    Blocking,
}

/// Who frees the session.
enum Owner {
    Ours(#[expect(dead_code, reason = "frees the session when it is dropped")] Raw),
    Ssh2(ssh2::Session),
}

/// A session that libssh2 made for us.
struct Raw(*mut raw::LIBSSH2_SESSION);

impl Drop for Raw {
    fn drop(&mut self) {
        // SAFETY: the session is live and used by nobody else.
        unsafe { raw::libssh2_session_free(self.0) };
    }
}

/// A session between its creation and its end. It owns the buffers that its callbacks use.
pub(crate) struct SshSession {
    // Declared before `io`: it is dropped first, and freeing it still calls the callbacks.
    owner: Owner,
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
    pub(crate) fn new(host_keys: &[String], made_for: MadeFor) -> Result<Self, SshError> {
        let io: Box<UnsafeCell<IoBuffers>> = Box::default();
        let (owner, raw) = match made_for {
            MadeFor::Driver => {
                raw::init();
                // SAFETY: the library is initialised; the functions behave as malloc(3), realloc(3) and free(3), and
                // what they are given as context lives longer than the session.
                let session = unsafe {
                    raw::libssh2_session_init_ex(
                        Some(memory::alloc),
                        Some(memory::free),
                        Some(memory::realloc),
                        io.get().cast::<c_void>(),
                    )
                };
                if session.is_null() {
                    return Err(SshError::own(raw::LIBSSH2_ERROR_ALLOC, "no memory for a session"));
                }
                (Owner::Ours(Raw(session)), session)
            }
            MadeFor::Blocking => {
                let owner = ssh2::Session::new()
                    .map_err(|error| SshError::own(raw::LIBSSH2_ERROR_ALLOC, error.message().to_owned()))?;
                let session: *mut raw::LIBSSH2_SESSION = {
                    let mut guard = owner.raw();
                    &raw mut *guard
                };
                (Owner::Ssh2(owner), session)
            }
        };
        let session = Self { owner, raw, io };
        // SAFETY: `raw` is live for as long as `owner` is. The abstract pointer refers to the heap allocation of
        // `io`, which neither moves nor ends before the session. The three functions have exactly the
        // signatures that libssh2.h asks for behind these numbers, so the cast through the generic type is the
        // one that libssh2 undoes.
        unsafe {
            raw::libssh2_session_set_blocking(raw, 0);
            *raw::libssh2_session_abstract(raw) = session.io.get().cast::<c_void>();
            let send: ffi::SendCallback = callbacks::send_callback;
            let recv: ffi::RecvCallback = callbacks::recv_callback;
            let bye: ffi::DisconnectCallback = callbacks::disconnect_callback;
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
                Some(callbacks::sign_callback),
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
                Some(callbacks::keyboard_callback),
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
    /// on living: they hold what has been received already. `None` when it was not made for that.
    pub(super) fn into_blocking_parts(self) -> Option<(ssh2::Session, Box<UnsafeCell<IoBuffers>>)> {
        let Owner::Ssh2(owner) = &self.owner else { return None };
        // A second handle on the same session; the first is dropped below without ending it.
        let owner = owner.clone();
        // SAFETY: the session is live and single-threaded; the two functions have the signatures that libssh2.h
        // asks for, and find the buffers that are handed out together with the session.
        unsafe {
            let send: ffi::SendCallback = callbacks::blocking_send_callback;
            let recv: ffi::RecvCallback = callbacks::blocking_recv_callback;
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
        owner.set_blocking(true);
        let mut this = std::mem::ManuallyDrop::new(self);
        // SAFETY: `this` is never dropped or used again, so that its owner is dropped and its buffers are moved out
        // exactly once.
        unsafe {
            std::ptr::drop_in_place(&raw mut this.owner);
            Some((owner, std::ptr::read(&raw const this.io)))
        }
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
