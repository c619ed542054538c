//! Plugins of Pabawi v1.x behind the whole engine.

mod behaviours;
mod ending;
mod facade;
mod golden;
mod support;
