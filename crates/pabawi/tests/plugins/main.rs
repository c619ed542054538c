//! The engine with plugins behind it, on a store in memory and in tokio's paused time: one run of a tool for many nodes,
//! what a plugin can do wrong, who does an action and what is checked before.

#[cfg(test)]
mod batching;
#[cfg(test)]
mod calling;
#[cfg(test)]
mod cancelling;
#[cfg(test)]
mod facade;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod graphs;
#[cfg(test)]
mod loading_anew;
#[cfg(test)]
mod permitting;
#[cfg(test)]
mod policing;
#[cfg(test)]
mod routing;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod support;
#[cfg(test)]
mod v1;
