//! pab.
fn main() {}
