//! Ends a command and tells how that went: [`terminate`].
//!
//! A signal that was sent is no proof. The order is: tell the node to end the process group (by the lifeline, or by a
//! kill over a second channel), wait for the end it reports, kill what outlives the grace, and then look. Only a look
//! that finds nothing is a confirmation. When the connection is lost nobody can look, and that is said.

use std::time::Duration;

use bytes::Bytes;
use pabawi_domain::outcome::Termination;
use pabawi_domain::ports::TerminateMode;
use tokio::time::Instant;

use super::remains::{Found, Remains};
use super::running::Process;
use crate::shell::Input;

/// How long the node may take, beyond the grace, to tell that the process has ended.
const REPORT: Duration = Duration::from_millis(1500);
/// How long a command that has been told to end may take to tell its process id.
const HEADER: Duration = Duration::from_secs(2);
/// Pause between two looks.
const LOOK_PAUSE: Duration = Duration::from_millis(200);
/// How long what was killed may take to be gone.
const AFTER_KILL: Duration = Duration::from_secs(2);

pub(super) async fn terminate(process: &mut Process, mode: TerminateMode) -> Termination {
    if let Some(Termination::Confirmed) = process.terminated {
        return Termination::Confirmed;
    }
    let termination = end(process, mode).await;
    process.note_termination(&termination);
    termination
}

async fn end(process: &mut Process, mode: TerminateMode) -> Termination {
    let grace = match mode {
        TerminateMode::Graceful { grace } => grace,
        TerminateMode::Kill => Duration::ZERO,
    };
    process.take_first();
    let kill_at = Instant::now() + grace;
    if process.exit.is_none() && process.lost.is_none() {
        if process.gate.pid.is_none() && !can_be_cut(process) {
            wait_for_header(process).await;
        }
        process.discard_output();
    }
    if process.exit.is_none() && process.lost.is_none() {
        give_order(process, grace).await;
        wait_for_exit(process, kill_at + REPORT).await;
    }
    if let Some(end) = process.lost.as_ref().filter(|_| process.exit.is_none()) {
        return Termination::Unconfirmed { why: format!("{end}; nobody could look on the node") };
    }
    let remains = process.remains();
    let exited = process.exit.is_some();
    let result = sweep_up(&remains, kill_at, exited).await;
    // What was read meanwhile is settled, and the channel is closed whatever the node does.
    process.finish();
    match result {
        Ok(found) if found.is_empty() => Termination::Confirmed,
        Ok(found) => Termination::Survivors { processes: found.all() },
        Err(why) => Termination::Unconfirmed { why },
    }
}

/// Tells the node to end the command.
async fn give_order(process: &mut Process, grace: Duration) {
    let Some(channel) = &process.channel else { return };
    if can_be_cut(process) {
        channel.cut_input();
        return;
    }
    if process.job.input == Input::Lifeline {
        // The watcher reads the grace from this line; it knows whole seconds.
        let seconds = grace.as_secs() + u64::from(grace.subsec_nanos() > 0);
        let order = Bytes::from(format!("{seconds}\n"));
        // When the input is full or gone, its end is the order.
        let _ = tokio::time::timeout(Duration::from_millis(500), channel.write(order)).await;
        channel.send_eof();
        if !grace.is_zero() {
            return;
        }
    }
    if process.exit.is_none() && process.lost.is_none() {
        let name = if grace.is_zero() { "KILL" } else { "TERM" };
        // What it did not reach is found by the look.
        let _ = process.remains().signal(name, &[]).await;
    }
    // Only after the signal: a command that reads would take the end of its input for the end of all input. Where
    // that must not happen at all, the input stays open until nothing is left to read it.
    if process.broken_input.is_none()
        && let Some(channel) = &process.channel
    {
        channel.cut_input();
    }
}

/// Whether the command's preamble may still be on its way: without its end mark nothing is run.
fn can_be_cut(process: &Process) -> bool {
    process.gate.pid.is_none() && process.has_unsent_input() && process.broken_input.is_none()
}

async fn wait_for_header(process: &mut Process) {
    let limit = Instant::now() + HEADER;
    while process.gate.pid.is_none() && process.end.is_none() && process.exit.is_none() {
        let Some(channel) = &process.channel else { return };
        match tokio::time::timeout_at(limit, channel.next()).await {
            Ok(event) => process.take(event),
            Err(_) => return,
        }
    }
}

async fn wait_for_exit(process: &mut Process, limit: Instant) {
    while process.exit.is_none() && process.end.is_none() {
        let Some(channel) = &process.channel else { return };
        match tokio::time::timeout_at(limit, channel.next()).await {
            Ok(event) => process.take(event),
            Err(_) => return,
        }
    }
}

/// Looks until nothing is left, killing what outlives the grace.
pub(super) async fn sweep_up(remains: &Remains, kill_at: Instant, exited: bool) -> Result<Found, String> {
    let mut killed_at: Option<Instant> = None;
    // Bounded: by the grace until the kill, then by `AFTER_KILL`.
    loop {
        let found = remains.look().await?;
        // Strays are daemons by their own wish: they are named, not killed. Without the group's id they are all that
        // is known of the command.
        let ours = if remains.pid.is_some() { &found.members } else { &found.strays };
        if ours.is_empty() {
            return match exited || remains.pid.is_some() {
                true => Ok(found),
                false => {
                    Err("the node never told the command's process id, and its channel did not end"
                        .to_owned())
                }
            };
        }
        let now = Instant::now();
        match killed_at {
            None if now >= kill_at => {
                remains.signal("KILL", ours).await?;
                killed_at = Some(Instant::now());
            }
            Some(at) if now >= at + AFTER_KILL => return Ok(found),
            _ => tokio::time::sleep(LOOK_PAUSE).await,
        }
    }
}
