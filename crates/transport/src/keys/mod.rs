//! Private key files: load, decrypt once, know the public half.
//!
//! Main types: [`LoadedKey`] and [`KeyCache`]. A key comes out as clear PEM in memory that is overwritten when
//! the last owner goes, because libssh2 would otherwise decrypt the file at every login: with bcrypt that is a
//! quarter of a second of CPU per connection.
//!
//! This module must not log in, ask for a passphrase, or write a key anywhere. Its functions read files and
//! may compute for long; call them where blocking is allowed.

mod cache;
mod error;
mod load;
mod openssh;
mod pem;

pub use cache::KeyCache;
pub use error::KeyError;
pub use load::{LoadedKey, load};

#[cfg(test)]
mod tests;
