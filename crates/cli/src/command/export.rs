//! `pab executions export` and `pab executions report`: everything that is remembered of an execution, as JSON or as a page.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use pabawi::inventory::fold;
use pabawi::report::{HtmlReport, JsonDocument, ReportError};
use pabawi::{Caller, Export, Framework};

use crate::args::{ExportArgs, ExportFormat, GlobalArgs, ReportArgs};
use crate::command::find::find;
use crate::exit::{Exit, Failure};
use crate::open;
use crate::whole_file::{Readers, WholeFile};

/// Writes all that is remembered of an execution as JSON.
///
/// # Errors
/// [`Failure`].
pub(crate) async fn export(global: &GlobalArgs, args: &ExportArgs) -> Result<Exit, Failure> {
    let to = args.output.as_deref();
    open::with_history(global, async |framework, caller| {
        let mut parts = parts(framework, caller, &args.id).await?;
        let mut out = Destination::open(to)?;
        let written = match args.format {
            ExportFormat::Json => write_document(&mut parts, &mut out).await,
            ExportFormat::Ndjson => write_lines(&mut parts, &mut out).await,
        };
        out.end(written)
    })
    .await?;
    Ok(Exit::AllSucceeded)
}

/// Writes a page about an execution.
///
/// # Errors
/// [`Failure`].
pub(crate) async fn report(global: &GlobalArgs, args: &ReportArgs) -> Result<Exit, Failure> {
    let to = args.output.as_deref();
    open::with_history(global, async |framework, caller| {
        let mut parts = parts(framework, caller, &args.id).await?;
        let mut page = HtmlReport::new(|nodes| fold(nodes));
        while let Some(part) = parts.next().await? {
            page.add(part);
        }
        let mut out = Destination::open(to)?;
        let written = page.write(&mut out).map_err(Stopped::from);
        out.end(written)
    })
    .await?;
    Ok(Exit::AllSucceeded)
}

async fn parts(framework: &Framework, caller: &Caller, id: &str) -> Result<Export, Failure> {
    let record = find(framework, caller, id).await?;
    Ok(framework.export(caller, record.id).await?)
}

async fn write_document(parts: &mut Export, out: &mut Destination) -> Result<(), Stopped> {
    let mut document = JsonDocument::new(out);
    while let Some(part) = parts.next().await.map_err(Failure::from)? {
        document.add(&part)?;
    }
    document.finish()?;
    Ok(())
}

async fn write_lines(parts: &mut Export, out: &mut Destination) -> Result<(), Stopped> {
    while let Some(part) = parts.next().await.map_err(Failure::from)? {
        serde_json::to_writer(&mut *out, &part).map_err(ReportError::from)?;
        out.write_all(b"\n").map_err(ReportError::from)?;
    }
    Ok(())
}

/// Why writing stopped before its end.
enum Stopped {
    By(Failure),
    /// The reader of standard output has gone away, which is no error.
    ReaderGone,
}

impl From<Failure> for Stopped {
    fn from(failure: Failure) -> Self {
        Self::By(failure)
    }
}

impl From<ReportError> for Stopped {
    fn from(error: ReportError) -> Self {
        let kind = match &error {
            ReportError::Write(error) => Some(error.kind()),
            ReportError::Json(error) => error.io_error_kind(),
            _ => None,
        };
        if kind == Some(io::ErrorKind::BrokenPipe) {
            Self::ReaderGone
        } else {
            Self::By(Failure::nothing_ran(error))
        }
    }
}

/// Where it is written to.
enum Destination {
    File(WholeFile),
    Standard(BufWriter<io::Stdout>),
}

impl Destination {
    fn open(path: Option<&Path>) -> Result<Self, Failure> {
        match path {
            Some(path) => WholeFile::create(path, Readers::Owner)
                .map(Self::File)
                .map_err(|error| Failure::usage(format!("--output {}: {error}", path.display()))),
            None => Ok(Self::Standard(BufWriter::new(io::stdout()))),
        }
    }

    /// Puts a file in its place when all has been written.
    fn end(self, written: Result<(), Stopped>) -> Result<(), Failure> {
        match written {
            Err(Stopped::By(failure)) => return Err(failure),
            Err(Stopped::ReaderGone) => return Ok(()),
            Ok(()) => {}
        }
        let ended = match self {
            Self::File(mut file) => file.sync().and_then(|()| file.keep()),
            Self::Standard(mut out) => out.flush(),
        };
        match ended {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Failure::nothing_ran(format!("write the report: {error}")))
            }
            _ => Ok(()),
        }
    }
}

impl Write for Destination {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.write(bytes),
            Self::Standard(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.flush(),
            Self::Standard(out) => out.flush(),
        }
    }
}
