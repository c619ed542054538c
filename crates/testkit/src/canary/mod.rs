//! Secrets that are given to what is tested, to see that they come out nowhere.
//!
//! | file | what it is |
//! |---|---|
//! | `secret` | [`Canary`], a secret that is found again, and [`Canaries`] |
//! | `forms` | in which forms tools write a text: [`forms`], [`said`], [`said_in`] |
//! | `places` | [`Places`], everything that was said, shown or stored |
//! | `lookout` | [`Lookout`], which sees process lists and temporary files while they are there |

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod forms;
mod lookout;
mod places;
mod secret;

pub use forms::{Form, forms, marked, said, said_in};
pub use lookout::Lookout;
pub use places::Places;
pub use secret::{Canaries, Canary};
