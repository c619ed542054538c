//! Keeps secrets out of what leaves: [`Redactor`] for texts and errors, [`RedactedStream`] for output that comes in pieces.
//!
//! A secret is found as it is, quoted, JSON-escaped, URL-encoded, in hexadecimal digits and in base64, also where two pieces
//! meet. Secrets of fewer than 4 bytes are not looked for.

mod forms;
mod redactor;
mod stream;

pub use redactor::Redactor;
pub use stream::RedactedStream;
