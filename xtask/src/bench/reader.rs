//! One node that prints more than anybody wants, read slowly: nothing may be lost and nothing may pile up.
//!
//! Main function: [`run`]. It is the slow reader itself, at the end of `pab`'s pipe.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use pabawi_testkit::fleet::Fleet;
use serde_json::Value;

use super::list::Options;
use super::report::Aim;
use super::tools;

/// What the node prints, in bytes.
const SIZE: u64 = 1 << 30;

/// The line that it prints again and again.
const LINE: &[u8] = b"0123456789 abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ\n";

/// After this many bytes the reader stops for a while, so that everything on the way is full.
const STALL_AFTER: u64 = 100 << 20;
const STALL: Duration = Duration::from_secs(5);

/// The reader takes no more than this many bytes a second.
const RATE: f64 = 64.0 * 1024.0 * 1024.0;

pub(super) fn run(_options: &Options) -> Result<Vec<Aim>> {
    println!("\n== reader: one node prints 1 GiB to a slow reader ==");
    let program = tools::release_pab()?;
    let fleet = Fleet::builder().start()?;
    let directory = tempfile::tempdir()?;
    let text = String::from_utf8_lossy(LINE);
    let command = format!("yes '{}' | head -c {SIZE}", text.trim_end());
    let begin = Instant::now();
    let mut child = Command::new(program)
        .args(["run", &command, "--format", "ndjson", "--ssh-config"])
        .arg(fleet.ssh_config())
        .args(["--targets", "web01"])
        .env("HOME", directory.path())
        .env("PABAWI_DB", directory.path().join("pabawi.db"))
        .stdout(Stdio::piped())
        .spawn()
        .context("start pab")?;
    let reader = BufReader::with_capacity(1 << 20, child.stdout.take().context("a pipe")?);
    let status = format!("/proc/{}/status", child.id());
    let (mut read, mut peak, mut stalled) = (0_u64, 0_u64, false);
    for line in reader.lines() {
        let event: Value = serde_json::from_str(&line?).context("read an event")?;
        // The program may be gone before its last event is read; then the last look stands.
        peak =
            peak.max(std::fs::read_to_string(&status).ok().and_then(|text| high_water(&text)).unwrap_or(0));
        ensure!(event.get("type").and_then(Value::as_str) != Some("gap"), "events were lost: {event}");
        let Some(data) = event.get("data").and_then(Value::as_str) else { continue };
        ensure!(event.get("offset").and_then(Value::as_u64) == Some(read), "{read} bytes were read: {event}");
        ensure!(is_expected(data.as_bytes(), read), "the bytes from {read} on are not what the node printed");
        read += data.len() as u64;
        if read > STALL_AFTER && !stalled {
            stalled = true;
            std::thread::sleep(STALL);
        }
        let due = Duration::from_secs_f64(read as f64 / RATE);
        std::thread::sleep(due.saturating_sub(begin.elapsed()));
    }
    let ended = child.wait()?;
    ensure!(ended.success(), "pab: {ended}");
    println!(
        "   {read} bytes in {:.1} s, peak {:.1} MiB",
        begin.elapsed().as_secs_f64(),
        super::cold::mib(peak as f64)
    );
    Ok(vec![
        Aim::at_least("bytes that arrived of 1 GiB", read as f64, SIZE as f64, "bytes"),
        Aim::at_most("peak memory with a slow reader", super::cold::mib(peak as f64), 64.0, "MiB"),
    ])
}

/// Whether the bytes are those of the endless repetition of [`LINE`], from `offset` on.
fn is_expected(data: &[u8], offset: u64) -> bool {
    let skip = usize::try_from(offset % LINE.len() as u64).unwrap_or(0);
    LINE.iter().cycle().skip(skip).zip(data).all(|(expected, found)| expected == found)
}

/// `VmHWM` of a `/proc/<pid>/status`, in bytes.
fn high_water(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_compared_at_their_offset() {
        assert!(is_expected(b"0123", 0));
        assert!(is_expected(b"Z\n0", LINE.len() as u64 * 7 - 2));
        assert!(!is_expected(b"0123", 1));
    }

    #[test]
    fn the_high_water_mark_is_read() {
        assert_eq!(high_water("Name:\tpab\nVmHWM:\t   12 kB\n"), Some(12 * 1024));
        assert_eq!(high_water("Name:\tpab\n"), None);
    }
}
