//! Owns the run state of one execution. `task` is the one task with its one `select!`, `course` the part of
//! it that takes a rollout from wave to wave, `control` the orders it takes, `target_table` knows where each target
//! stands. What may be started when is decided by state machines without a runtime: `rollout` (waves, tolerated
//! failures) and `stragglers`. `health` asks, after a wave, whether it did well; `pressure` says what
//! may be started while too much output is in memory.

mod control;
mod course;
mod health;
mod pressure;
mod rollout;
mod stragglers;
mod target_table;
mod task;

pub(crate) use control::{Cancelled, Control};
pub(crate) use health::HealthChecks;
pub(crate) use task::{Dispatcher, Orders};
