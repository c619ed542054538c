//! Who runs this process: what `~`, `%d`, `%u`, `%i` and a missing `User` stand for.
//!
//! Main type: [`LocalUser`]. It is read once per configuration and must not change afterwards.

use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

/// The local account, as OpenSSH's client sees it: from the password database, not from `$HOME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalUser {
    /// Login name (`%u`), the default remote user.
    pub name: String,
    /// Home folder (`~`, `%d`).
    pub home: PathBuf,
    /// Numeric id (`%i`).
    pub uid: u32,
}

impl LocalUser {
    /// The real user of this process. Without an entry in the password database (usual in containers) the
    /// name falls back to `$USER` or the number, and the home folder to `$HOME` or `/`.
    pub fn current() -> Self {
        let uid = rustix::process::getuid().as_raw();
        passwd_entry(uid).unwrap_or_else(|| Self {
            name: std::env::var("USER").unwrap_or_else(|_| uid.to_string()),
            home: std::env::var_os("HOME").map_or_else(|| PathBuf::from("/"), PathBuf::from),
            uid,
        })
    }
}

/// Asks the password database; it may live in LDAP, so reading `/etc/passwd` would not do.
fn passwd_entry(uid: u32) -> Option<LocalUser> {
    // Entries of directory services can be long; 64 KiB is far beyond any, and bounds the loop.
    for size in [1_024, 8_192, 65_536] {
        let mut buffer = vec![0_u8; size];
        // SAFETY: `passwd` is a C structure of integers and pointers, for which all zeroes is a valid value.
        let mut entry: libc::passwd = unsafe { std::mem::zeroed() };
        let mut found: *mut libc::passwd = std::ptr::null_mut();
        // SAFETY: all pointers are valid for the duration of the call and `size` is the length of `buffer`.
        let status = unsafe {
            libc::getpwuid_r(uid, &raw mut entry, buffer.as_mut_ptr().cast(), size, &raw mut found)
        };
        if status == libc::ERANGE {
            continue;
        }
        if status != 0 || found.is_null() || entry.pw_name.is_null() || entry.pw_dir.is_null() {
            return None;
        }
        // SAFETY: on success the strings are NUL-terminated and lie in `buffer`, which is still alive.
        let (name, home) = unsafe { (CStr::from_ptr(entry.pw_name), CStr::from_ptr(entry.pw_dir)) };
        return Some(LocalUser {
            name: name.to_string_lossy().into_owned(),
            home: PathBuf::from(OsStr::from_bytes(home.to_bytes())),
            uid,
        });
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_current_user_has_a_home() {
        let user = LocalUser::current();
        assert!(!user.name.is_empty());
        assert!(user.home.is_absolute());
        assert_eq!(user.uid, rustix::process::getuid().as_raw());
    }
}
