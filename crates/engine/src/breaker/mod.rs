//! Circuit breakers: who fails again and again is not asked for a while (R7.7, R7.8). `state` is the state machine of
//! one breaker, without a runtime, and `window` what it counts; `board` has all of them and hands out passages; `keeper`
//! stores what changes, `watch` reads what other processes have stored; `verdict` says what an outcome tells of a component.
//!
//! A probe need not come to its end. Where a start shows that whoever does the action works, as with SSH, it has shown so then.
//! A plugin has shown it with the first event of its tool, or when that has gone on for a while in silence: that it returned
//! from the call alone shows nothing, since it may break at the first look, and an hour's silence must not hold up the others.

mod board;
mod keeper;
mod state;
mod verdict;
mod watch;
mod window;

pub(crate) use board::{BreakerBoard, BreakerPolicies, Passage};
pub(crate) use keeper::BreakerKeeper;
pub(crate) use watch::BreakerWatch;
