//! `pab db`: looking after the database.

use pabawi::StreamKind;
use pabawi::database::{Checked, DatabaseInfo, Migrated};
use serde::Serialize;

use crate::args::{DbCommand, Format, GlobalArgs};
use crate::command::listing::write_value;
use crate::exit::{Exit, Failure};
use crate::open;
use crate::text::escape_for_terminal;
use crate::watch::Sink;

/// Looks after the database.
///
/// # Errors
/// [`Failure`].
pub(crate) async fn db(global: &GlobalArgs, command: &DbCommand) -> Result<Exit, Failure> {
    let database = open::for_care(global)?;
    let caller = open::caller();
    match command {
        DbCommand::Info { format } => {
            let told = database.info(&caller).await?;
            write(global, &told, *format, || lines_of(&told))?;
        }
        DbCommand::Check { format } => {
            let checked = database.check(&caller).await?;
            write(global, &checked, *format, || findings(&checked))?;
            return Ok(if checked.is_sound() { Exit::AllSucceeded } else { Exit::SomeFailed });
        }
        DbCommand::Migrate { plan: true, format } => {
            let planned = database.pending(&caller).await?;
            write(global, &planned, *format, || steps(&planned, "would be brought"))?;
        }
        DbCommand::Migrate { plan: false, format } => {
            let done = database.migrate(&caller).await?;
            write(global, &done, *format, || steps(&done, "was brought"))?;
        }
        DbCommand::Backup { path, format } => {
            let done = database.backup(&caller, path).await?;
            write(global, &done, *format, || {
                let mut lines = vec![format!("{}: {}", done.path.display(), size(done.bytes))];
                lines.extend(
                    done.outputs.as_ref().map(|outputs| format!("{}: large outputs", outputs.display())),
                );
                lines.push(format!("to bring it back: {}", done.restore));
                lines
            })?;
        }
        DbCommand::Vacuum { format } => {
            let done = database.vacuum(&caller).await?;
            write(global, &done, *format, || {
                vec![format!("{} before, {} now", size(done.before), size(done.after))]
            })?;
        }
    }
    Ok(Exit::AllSucceeded)
}

fn write(
    global: &GlobalArgs,
    value: &impl Serialize,
    format: Format,
    lines: impl FnOnce() -> Vec<String>,
) -> Result<(), Failure> {
    let mut sink = Sink::standard(global.no_color);
    match format {
        Format::Table => {
            for line in lines() {
                sink.line(StreamKind::Stdout, &escape_for_terminal(line.as_bytes()));
            }
        }
        other => write_value(value, other, &mut sink)?,
    }
    sink.flush().map_err(|error| Failure::nothing_ran(format!("write the result: {error}")))
}

fn lines_of(told: &DatabaseInfo) -> Vec<String> {
    let program = told.program_version;
    let schema = match told.schema_version {
        Some(version) if version == program => format!("version {version}"),
        Some(version) => format!("version {version}; this program has {program}, see pab db migrate"),
        None => format!("none; this program has version {program}, see pab db migrate"),
    };
    let mut size_of = format!("{}, {} of it large outputs", size(told.bytes), size(told.large_output_bytes));
    if let Some(log) = told.log_bytes {
        size_of.push_str(&format!(", {} write-ahead log", size(log)));
    }
    let mut executions = told.executions.to_string();
    if let (Some(oldest), Some(newest)) = (told.oldest, told.newest) {
        executions.push_str(&format!(", from {oldest} to {newest}"));
    }
    let rows = [
        ("database", told.database.clone()),
        ("engine", told.engine.clone()),
        ("schema", schema),
        ("size", size_of),
        ("executions", executions),
        ("targets", told.targets.to_string()),
        ("results", told.results.to_string()),
        ("outputs", told.outputs.to_string()),
        ("journal", format!("{} entries", told.journal_entries)),
        ("facts", format!("of {} nodes", told.nodes_with_facts)),
        ("open", format!("by {} processes, or left so by some that died", told.processes)),
    ];
    rows.into_iter().map(|(name, value)| format!("{name:<11} {value}")).collect()
}

fn findings(checked: &Checked) -> Vec<String> {
    let mut lines = checked.found.clone();
    let wrong = match checked.found.len() {
        0 => "nothing is wrong".to_owned(),
        count => format!("{count} wrong"),
    };
    lines.push(format!(
        "{} outputs and {} journal entries: {wrong}",
        checked.outputs, checked.journal_entries
    ));
    lines
}

fn steps(done: &Migrated, verb: &str) -> Vec<String> {
    let Migrated { database, from, to, steps } = done;
    if steps.is_empty() {
        return vec![format!("{database} has version {to} already")];
    }
    let from = from.map_or_else(|| "nothing".to_owned(), |version| format!("version {version}"));
    let mut lines = vec![format!("{database} {verb} from {from} to version {to}:")];
    lines.extend(steps.iter().map(|step| format!("  {} {}", step.version, step.what)));
    lines
}

/// Bytes for people.
fn size(bytes: u64) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    let unit = units.into_iter().find(|(shift, _)| bytes >> shift > 0);
    let Some((shift, unit)) = unit else { return format!("{bytes} B") };
    let tenths = ((bytes % (1 << shift)) * 10) >> shift;
    format!("{}.{tenths} {unit}", bytes >> shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_told_in_the_unit_that_fits() {
        for (bytes, told) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1_600_000, "1.5 MiB"),
            (5_368_709_120, "5.0 GiB"),
        ] {
            assert_eq!(size(bytes), told);
        }
    }
}
