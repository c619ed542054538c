//! What the replacements of Pabawi's modules compute natively. Each function is plain data in, plain data out; clocks,
//! chance, promises and everything that the host's tests replace stay in TypeScript and are passed in.

mod breaker;
mod execution_slots;
mod retry;
mod ssh_hosts;
mod tool_yaml;
mod whitelist;
