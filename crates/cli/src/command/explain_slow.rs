//! `pab executions explain-slow`: where the time of an execution went.

use std::time::Duration;

use pabawi::{SlowNode, SlowReport, StreamKind};

use crate::args::{ExplainSlowArgs, Format, GlobalArgs};
use crate::command::find::find;
use crate::command::listing::write_value;
use crate::exit::{Exit, Failure};
use crate::open;
use crate::text::Table;
use crate::watch::Sink;

/// Explains one execution.
///
/// # Errors
/// [`Failure`].
pub(crate) async fn explain_slow(global: &GlobalArgs, args: &ExplainSlowArgs) -> Result<Exit, Failure> {
    let report = open::with_history(global, async |framework, caller| {
        let record = find(framework, caller, &args.id).await?;
        Ok(framework.explain_slow(caller, record.id, args.top).await?)
    })
    .await?;
    let mut sink = Sink::standard(global.no_color);
    match args.format {
        Format::Table => write_tables(&report, &mut sink),
        format => write_value(&report, format, &mut sink)?,
    }
    sink.flush().map_err(|error| Failure::nothing_ran(format!("write the report: {error}")))?;
    Ok(Exit::AllSucceeded)
}

fn write_tables(report: &SlowReport, sink: &mut Sink) {
    let wall = report.wall_us.map_or("runs still".to_owned(), |us| format!("took {}", time(us)));
    sink.line(StreamKind::Stdout, &format!("the execution {wall}, {} nodes have ended", report.nodes));
    let mut table = Table::new(&["PHASE", "SHARE", "MEDIAN", "P95", "MAX"]);
    for one in &report.phases {
        let share = format!("{:.1} %", one.share * 100.0);
        table.row([
            one.phase.as_str().to_owned(),
            share,
            time(one.median_us),
            time(one.p95_us),
            time(one.max_us),
        ]);
    }
    sink.table(&table);
    if report.slowest.is_empty() {
        return;
    }
    let mut table = Table::new(&["SLOWEST NODE", "TOTAL", "MOST OF IT", "RESULT"]);
    for node in &report.slowest {
        table.row([node.node.to_string(), time(node.total_us), most_of(node), node.result.word().to_owned()]);
    }
    sink.table(&table);
}

fn most_of(node: &SlowNode) -> String {
    node.longest().map(|(phase, us)| format!("{} {}", phase.as_str(), time(us))).unwrap_or_default()
}

/// Three digits and a unit, so that microseconds and hours can stand in one column.
fn time(us: u64) -> String {
    let whole = Duration::from_micros(us);
    match us {
        0..1_000 => format!("{us} us"),
        1_000..1_000_000 => format!("{:.1} ms", us as f64 / 1e3),
        _ => crate::args::format_duration(whole),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_readable_at_every_length() {
        let texts = [0, 999, 1_500, 999_940, 2_000_000, 90_000_000].map(time);
        assert_eq!(texts, ["0 us", "999 us", "1.5 ms", "999.9 ms", "2.0s", "1m30s"]);
    }
}
