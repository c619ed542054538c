//! Peers that misbehave on purpose.
