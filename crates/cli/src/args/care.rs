//! [`CareArgs`]: looking first, and being asked.

use clap::Args;

/// Options of everything that does something to nodes.
#[derive(Debug, Clone, Copy, Default, Args)]
#[command(next_help_heading = "Care")]
pub struct CareArgs {
    /// Show what would be done, as pab plan does, and start nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Answer yes to the question that is asked on a terminal before something is done to all nodes, and everywhere
    /// before something that is dangerous by itself
    #[arg(short = 'y', long)]
    pub yes: bool,
}
