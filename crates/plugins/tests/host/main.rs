//! The host of plugins by itself, without an engine.

#[cfg(test)]
mod living;
#[cfg(test)]
mod logging;
#[cfg(test)]
mod methods;
#[cfg(test)]
mod sources;
