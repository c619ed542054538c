//! What the TypeScript half is made of, as one JSON text: schemas of all that crosses, and the rows that events cross as.
//! `scripts/generate.mjs` reads it; the library that Node loads has no need of either.
//!
//! ```text
//! cargo run -p pabawi-node --example describe
//! ```

#![allow(clippy::print_stdout, reason = "a program whose result is what it prints")]

use pabawi::json::{event_rows, schemas};

fn main() {
    println!("{}", serde_json::json!({"schemas": schemas(), "eventRows": event_rows()}));
}
