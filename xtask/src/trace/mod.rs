//! Which test stands for which acceptance criterion.
//!
//! Main function: [`run`]. A test cites its criteria as `R1.4` in the documentation above it. This knows
//! numbers and names; whether a test is a good one is for people to judge.

mod criteria;
mod report;
mod scan;

pub(crate) use report::run;
