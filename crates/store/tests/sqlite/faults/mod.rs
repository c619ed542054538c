//! A disk that fails and power that is lost, at every point of an execution's life in the store and of the upgrade of a
//! database of an older version.
//!
//! | module | what it holds |
//! |---|---|
//! | `interpose.c`, `library` | what stands between a process of this binary and the operating system |
//! | `life` | an execution's life in steps, and what must be there of it |
//! | `disk` | what is left on a disk after a loss of power, worked out from what was done |
//! | `errors` | tests: writes, synchronisations and changes of names that fail |
//! | `power` | tests: loss of power |
//! | `upgrade` | tests: both, and a full disk, while a database of an older version is brought up to date |

mod disk;
mod errors;
mod library;
mod life;
mod power;
mod upgrade;
