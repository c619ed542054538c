//! The options of how boldly nodes are taken and when they are tried again.

use std::time::Duration;

use clap::{Args, ValueEnum};
use pabawi::{GroupName, Share};

use pabawi::parse_duration;

/// Options of in which order nodes are taken, and when no further one is.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Rollout")]
pub struct RolloutArgs {
    /// One node after the other, in the order of the targets
    #[arg(long, conflicts_with = "waves")]
    pub sequential: bool,

    /// In waves of these sizes, counts or parts of all nodes, such as 1,5,20%; the last size repeats. A wave begins
    /// when every node of the one before has ended
    #[arg(long, value_name = "SIZES", value_delimiter = ',')]
    pub waves: Vec<Share>,

    /// Rest between two waves [default: none]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, requires = "waves")]
    pub wave_pause: Option<Duration>,

    /// Command that has to succeed after each wave before the next begins, by default on the nodes of the wave
    #[arg(long, value_name = "COMMAND", requires = "waves")]
    pub health_check: Option<String>,

    /// Where the health check runs instead
    #[arg(long, value_name = "EXPR", requires = "health_check")]
    pub health_check_on: Option<String>,

    /// Limit for the health check on one node [default: 60s]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, requires = "health_check")]
    pub health_check_timeout: Option<Duration>,

    /// How many nodes may fail, a count or a part such as 5%; with one more no further node is started. Nodes that
    /// are unreachable, too slow or refused count too [default: any number]
    #[arg(long, value_name = "N|N%")]
    pub max_failures: Option<Share>,

    /// As --max-failures 0; what runs goes on to its end
    #[arg(long, conflicts_with = "max_failures")]
    pub fail_fast: bool,

    /// Only so many of the nodes, a count or a part such as 10%, drawn by chance
    #[arg(long, value_name = "N|N%")]
    pub canary: Option<Share>,

    /// Draws the same nodes again [default: by chance; pab executions show tells it]
    #[arg(long, value_name = "N", requires = "canary")]
    pub seed: Option<u32>,

    /// Once three quarters of the nodes have succeeded, end those that take so many times longer than 95 of 100
    /// [default: never]
    #[arg(long, value_name = "TIMES")]
    pub stragglers: Option<f64>,
}

/// Options of when a node is tried again.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Retry")]
pub struct RetryArgs {
    /// How often a node is tried again when it could not be reached [default: 0]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=99))]
    pub retries: Option<u32>,

    /// Wait before the first retry [default: 1s]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, requires = "retries")]
    pub retry_wait: Option<Duration>,

    /// The longest wait [default: 60s]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, requires = "retries")]
    pub retry_max_wait: Option<Duration>,

    /// How waits grow
    #[arg(long, value_enum, value_name = "GROWTH", default_value_t = GrowthArg::Exponential)]
    pub retry_growth: GrowthArg,

    /// Outcomes that are tried again, such as unreachable,timedOut,exited [default: those after which the command
    /// cannot have started and where waiting can help]
    #[arg(long, value_name = "OUTCOMES", value_delimiter = ',', requires = "retries")]
    pub retry_on: Vec<String>,

    /// Limit over all attempts on one node [default: none]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, requires = "retries")]
    pub retry_deadline: Option<Duration>,

    /// Running the command twice is the same as running it once: it may be tried again even where it may have run
    #[arg(long, requires = "retries")]
    pub idempotent: bool,

    /// See [`BreakerArgs`].
    #[command(flatten)]
    pub breakers: BreakerArgs,
}

/// Options of when a node is not asked any more.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Retry")]
pub struct BreakerArgs {
    /// Refuse a node at once for a minute when it could not be reached so many times within ten minutes; pab breakers
    /// list shows which [default: never]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub node_breaker: Option<u32>,

    /// Refuse all nodes of an inventory's group at once for a minute when so many different ones of them could not be
    /// reached within ten minutes; then three of them may try [default: never]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub group_breaker: Option<u32>,

    /// The groups for which --group-breaker holds, such as dc1,dc2 [default: every group of a node, also those that
    /// contain its groups]
    #[arg(long, value_name = "NAMES", value_delimiter = ',', requires = "group_breaker")]
    pub breaker_groups: Vec<GroupName>,
}

/// How waits grow from one attempt to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum GrowthArg {
    /// Always the same.
    Constant,
    /// By the first wait each time.
    Linear,
    /// Doubled each time.
    #[default]
    Exponential,
}
