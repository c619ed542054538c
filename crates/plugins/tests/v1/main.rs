//! The adapter for plugins of Pabawi v1.x by itself and behind the host of plugins, without an engine.

#[cfg(test)]
mod adopting;
#[cfg(test)]
mod answering;
#[cfg(test)]
mod anything;
#[cfg(test)]
mod informing;
#[cfg(test)]
mod living;
