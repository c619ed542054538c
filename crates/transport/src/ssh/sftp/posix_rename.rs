//! Renaming over an existing file in one step, `posix-rename@openssh.com`: [`PosixRename`].
//!
//! SFTP version 3, which OpenSSH speaks, has no such rename of its own. `ssh2` neither offers this extension nor
//! gives out its SFTP pointer, so this has an SFTP channel of its own, opened when the first file is replaced.

use std::ffi::{c_char, c_int};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::ptr::NonNull;

use libssh2_sys::{LIBSSH2_FX_OP_UNSUPPORTED, LIBSSH2_SFTP};
use ssh2::{Error, ErrorCode, Session};

use super::patience::Patience;
use crate::copy::CopyFault;

unsafe extern "C" {
    /// `libssh2_sftp.h`; `libssh2-sys` does not declare it.
    fn libssh2_sftp_posix_rename_ex(
        sftp: *mut LIBSSH2_SFTP,
        source: *const c_char,
        source_length: usize,
        destination: *const c_char,
        destination_length: usize,
    ) -> c_int;
}

/// An SFTP channel that only renames.
pub(super) struct PosixRename<'s> {
    session: &'s Session,
    sftp: NonNull<LIBSSH2_SFTP>,
}

impl<'s> PosixRename<'s> {
    /// Opens the channel.
    ///
    /// # Errors
    /// When the node refuses another channel, or is silent.
    pub(super) fn open(patience: Patience<'s>) -> Result<Result<Self, Error>, CopyFault> {
        let session = patience.session;
        let opened = patience.call(|| {
            let mut raw = session.raw();
            // SAFETY: the guard holds the session's lock, and the session lives as long as `'s`.
            let sftp = unsafe { libssh2_sys::libssh2_sftp_init(&raw mut *raw) };
            NonNull::new(sftp).ok_or_else(|| {
                // SAFETY: as above; the guard is still held, so the error is that of this call.
                let code = unsafe { libssh2_sys::libssh2_session_last_errno(&raw mut *raw) };
                Error::from_errno(ErrorCode::Session(code))
            })
        })?;
        Ok(opened.map(|sftp| Self { session, sftp }))
    }

    /// Renames. An error with `LIBSSH2_FX_OP_UNSUPPORTED` means that the server lacks the extension.
    ///
    /// # Errors
    /// libssh2's, and the outer one when the node is silent.
    pub(super) fn rename(
        &self,
        patience: Patience<'_>,
        from: &Path,
        to: &Path,
    ) -> Result<Result<(), Error>, CopyFault> {
        let (from, to) = (from.as_os_str().as_bytes(), to.as_os_str().as_bytes());
        patience.call(|| {
            let _lock = self.session.raw();
            // SAFETY: the pointer came from this session and is shut down only on drop; the lock is held; both
            // texts live across the call and are given with their lengths.
            let code = unsafe {
                libssh2_sftp_posix_rename_ex(
                    self.sftp.as_ptr(),
                    from.as_ptr().cast(),
                    from.len(),
                    to.as_ptr().cast(),
                    to.len(),
                )
            };
            if code == 0 {
                return Ok(());
            }
            if code == libssh2_sys::LIBSSH2_ERROR_SFTP_PROTOCOL {
                // SAFETY: as above.
                let status = unsafe { libssh2_sys::libssh2_sftp_last_error(self.sftp.as_ptr()) };
                let status = c_int::try_from(status).unwrap_or(LIBSSH2_FX_OP_UNSUPPORTED);
                return Err(Error::from_errno(ErrorCode::SFTP(status)));
            }
            Err(Error::from_errno(ErrorCode::Session(code)))
        })
    }
}

impl Drop for PosixRename<'_> {
    fn drop(&mut self) {
        let _lock = self.session.raw();
        // SAFETY: the pointer came from this session, which still lives, and is not used after this. A failure
        // leaves the memory to the session, which frees it with itself.
        unsafe { libssh2_sys::libssh2_sftp_shutdown(self.sftp.as_ptr()) };
    }
}
