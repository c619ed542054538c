//! Time, CPU, memory and disk.

use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};

use crate::Failure;

/// CPU time of this process so far, in seconds (utime and stime of `/proc/self/stat`, proc(5)).
pub(crate) fn cpu_seconds() -> Result<f64, Failure> {
    /// Ticks a second: `USER_HZ`, which is 100 on every Linux.
    const TICKS: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(')').ok_or("no command in stat")?;
    let ticks: Vec<f64> = fields.split_whitespace().skip(11).take(2).flat_map(str::parse).collect();
    Ok(ticks.iter().sum::<f64>() / TICKS)
}

/// Most memory of this process that was resident at once, in bytes (`VmHWM`, proc(5)).
pub(crate) fn peak_bytes() -> Result<u64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse::<u64>()? * 1024)
}

/// Bytes of the file or directory, with everything below it.
fn disk_bytes(path: &Path) -> Result<u64, Failure> {
    let found = std::fs::metadata(path)?;
    if !found.is_dir() {
        return Ok(found.len());
    }
    let mut sum = 0;
    for entry in std::fs::read_dir(path)? {
        sum += disk_bytes(&entry?.path())?;
    }
    Ok(sum)
}

/// Bytes of a SQLite file and everything beside it that has its name.
pub(crate) fn database_bytes(file: &Path) -> Result<u64, Failure> {
    let name = file.file_name().and_then(|name| name.to_str()).ok_or("the database has no name")?;
    let mut sum = 0;
    for entry in std::fs::read_dir(file.parent().ok_or("the database is in no directory")?)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(|found| found.starts_with(name)) {
            sum += disk_bytes(&entry.path())?;
        }
    }
    Ok(sum)
}

/// How often a question is asked in a turn, and the turns, of which the best counts: the machine may be busy with others.
const TIMES: usize = 200;
const TURNS: usize = 3;

/// Asks again and again, each time something else. The median, and the time that 99 in 100 do not go past, in milliseconds.
pub(crate) async fn asked<T>(
    name: &str,
    ask: impl AsyncFn(usize) -> Result<T, Failure>,
) -> Result<(String, Value), Failure> {
    let mut best = (f64::INFINITY, f64::INFINITY);
    for turn in 0..=TURNS {
        let mut times = Vec::with_capacity(TIMES);
        for time in 0..TIMES {
            let begin = Instant::now();
            ask(turn * TIMES + time).await?;
            times.push(begin.elapsed());
        }
        times.sort_unstable();
        let at = |place: usize| -> Result<f64, Failure> {
            Ok(times.get(place).ok_or("nothing was asked")?.as_secs_f64() * 1000.0)
        };
        // The first turn opens connections and makes statements ready.
        if turn > 0 {
            best = (best.0.min(at(TIMES / 2)?), best.1.min(at(TIMES * 99 / 100)?));
        }
    }
    Ok((name.to_owned(), json!({"median_ms": best.0, "p99_ms": best.1})))
}
