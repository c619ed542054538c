//! The engine from a request to a recorded result, on a scripted transport and a store in memory, in tokio's
//! paused time: a test that waits for something that never comes fails at once instead of hanging.

#[cfg(test)]
mod applying;
#[cfg(test)]
mod authorizing;
#[cfg(test)]
mod breaking;
#[cfg(test)]
mod breaking_groups;
#[cfg(test)]
mod breaking_together;
#[cfg(test)]
mod cancelling;
#[cfg(test)]
mod denying;
#[cfg(test)]
mod detaching;
#[cfg(test)]
mod failures;
#[cfg(test)]
mod graph_faults;
#[cfg(test)]
mod graphs;
#[cfg(test)]
mod journalling;
#[cfg(test)]
mod logging;
#[cfg(test)]
mod output;
#[cfg(test)]
mod planning_bench;
#[cfg(test)]
mod pressure;
#[cfg(test)]
mod previewing;
#[cfg(test)]
mod progressing;
#[cfg(test)]
mod reading_events;
#[cfg(test)]
mod redacting;
#[cfg(test)]
mod rerunning;
#[cfg(test)]
mod retrying;
#[cfg(test)]
mod rolling_out;
#[cfg(test)]
mod scheduling;
#[cfg(test)]
mod shutting_down;
#[cfg(test)]
mod slowness;
#[cfg(test)]
mod soup;
#[cfg(test)]
mod storing;
#[cfg(test)]
mod submitting;
#[cfg(test)]
mod support;
#[cfg(test)]
mod timeouts;
