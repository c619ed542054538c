//! One self-contained page about an execution: [`HtmlReport`].
//!
//! | module | what it holds |
//! |---|---|
//! | `report` | what is kept of the parts until the page is written |
//! | `page` | the head, the sections in their order, style and script |
//! | `nodes` | a line for each node, with its time as a bar; behind it what it printed and its journal |
//! | `journal` | what the journal says, by node |
//! | `failures` | what went wrong, nodes of the same fault together |
//! | `groups` | equal outputs, and what sets the others apart |
//! | `outputs` | as much of the outputs as a page shows |
//! | `units` | sizes, times and numbers for people |
//! | `escape` | text of nodes, on which it can do nothing |

mod escape;
mod failures;
mod groups;
mod journal;
mod nodes;
mod outputs;
mod page;
mod report;
mod units;

pub use report::{Fold, HtmlReport};
