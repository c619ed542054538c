//! Sixth stage: who goes next. `room` bounds what waits, `permits` are the RAII values that limit node runs,
//! `scheduler` hands them out.

mod permits;
mod room;
mod scheduler;

pub(crate) use permits::Permit;
pub(crate) use room::{QueuePlace, QueueRoom};
pub(crate) use scheduler::{Registration, Scheduler, SchedulerHandle, Turn};
