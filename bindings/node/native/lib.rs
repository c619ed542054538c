//! The native half of `@pabawi/execution`: what the TypeScript half does through N-API.
//!
//! A panic inside becomes a JavaScript error (`catch_unwind` on every function).

#![allow(unreachable_pub, reason = "what Node calls is public, whoever else could reach it")]

mod framework;
mod replacements;
