//! Which test stands for which acceptance criterion.
//!
//! Main function: [`run`]. A test cites its criteria as `R1.4` in the documentation or, in JavaScript, the comment above it. This knows
//! numbers and names; whether a test is a good one is for people to judge.

mod criteria;
mod node;
mod report;
mod scan;

pub(crate) use report::run;
