//! The native half of `@pabawi/execution`: what the TypeScript half computes through N-API.
//!
//! Each function is plain data in, plain data out. Clocks, chance, promises and everything that the host's tests replace
//! stay in TypeScript and are passed in. A panic inside becomes a JavaScript error (`catch_unwind` on every function).

#![allow(unreachable_pub, reason = "what Node calls is public, whoever else could reach it")]

mod breaker;
mod execution_slots;
mod linking;
mod retry;
mod ssh_hosts;
mod tool_yaml;
mod whitelist;
