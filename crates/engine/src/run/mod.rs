//! Seventh stage: one node run from its permit to its end. `node_run` is the state machine, `context` what all
//! runs of an execution share, `attempt` which try it is, `outgoing` tells the hub what was read, `capture` and `spill`
//! keep the output (`left_spills` takes away what a process that died left of it), `outcome` turns a transport's
//! failures into outcomes, `phase_watch` takes the time, `redacted` takes the request's secrets out of what comes, `shrink` holds little of an attempt that another one follows, `detached` names commands that survive, `unsettled`
//! takes away what a process that died left of them on nodes.

mod attempt;
mod capture;
mod context;
mod detached;
mod left_spills;
mod node_run;
mod outcome;
mod outgoing;
mod phase_watch;
mod redacted;
mod shrink;
mod spill;
mod stop;
mod unsettled;

pub(crate) use attempt::{Again, Attempt, Returned, RunEnd};
pub(crate) use context::RunContext;
pub(crate) use detached::DetachedNames;
pub(crate) use left_spills::remove_left_spills;
pub(crate) use node_run::{NodeEnd, NodeRun};
pub(crate) use spill::probe_spill_dir;
pub(crate) use stop::{StopCause, StopOrder, give};
pub(crate) use unsettled::Unsettled;

#[cfg(test)]
pub(crate) use attempt::tests;
