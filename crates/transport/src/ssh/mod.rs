//! SSH: the driver over libssh2, and what makes a transport of it.
//!
//! This module must not retry an action or decide about a run's outcome.

mod driver;
