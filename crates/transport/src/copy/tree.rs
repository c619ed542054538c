//! The copy itself, from any end to any end: [`upload`] and [`download`].

use std::ffi::OsStr;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

use pabawi_domain::action::{DownloadAction, UploadAction};
use pabawi_domain::id::NodeId;
use pabawi_domain::ports::CopyReport;
use sha2::{Digest as _, Sha256};

use super::end::{Digest, End, Entry, EntryKind};
use super::fault::CopyFault;
use super::job::Job;

/// Bytes read and written at once. SFTP keeps a block in flight as many requests, so it should not be small.
const BLOCK: usize = 1 << 20;
/// Files whose checksums are asked for together.
const BATCH: usize = 64;
/// Directories below each other. Deeper means a loop that a file system should not have.
const MAX_DEPTH: usize = 128;
/// Entries in all.
const MAX_ENTRIES: u64 = 1_000_000;
/// Permissions that are taken over from a source: everything but set-user-id, set-group-id and sticky.
const KEPT_MODE: u32 = 0o777;

/// Copies a file or directory of `here` to the path it is to have on `node`.
///
/// # Errors
/// [`CopyFault`]; what was begun is removed again, whole files of a directory stay.
pub(crate) fn upload(
    here: &dyn End,
    node: &dyn End,
    action: &UploadAction,
    job: &Job,
) -> Result<CopyReport, CopyFault> {
    let to = node.resolve(&action.destination);
    let source = source_entry(here, &action.source)?;
    Copying::new(here, node, job, action.mode).run(&action.source, source, &to)
}

/// Copies a file or directory of `node` into a folder of the node's name in the destination.
///
/// # Errors
/// As [`upload`].
pub(crate) fn download(
    node: &dyn End,
    here: &dyn End,
    action: &DownloadAction,
    name: &NodeId,
    job: &Job,
) -> Result<CopyReport, CopyFault> {
    let from = node.resolve(&action.source);
    let Some(base) = from.file_name() else {
        return Err(CopyFault::at(node.side(), &from, "has no name of its own; name a file or directory"));
    };
    let source = source_entry(node, &from)?;
    // A node's name may hold characters that a file's name may not, and must not lead elsewhere.
    let folder = match name.as_str() {
        "." | ".." => "_".to_owned(),
        other => other.replace(['/', '\0'], "_"),
    };
    let destination = action.destination.join(folder);
    job.will_write();
    make_all(here, &destination)?;
    Copying::new(node, here, job, None).run(&from, source, &destination.join(base))
}

fn source_entry(end: &dyn End, path: &Path) -> Result<Entry, CopyFault> {
    end.stat(path, true)?.ok_or_else(|| CopyFault::at(end.side(), path, "no such file or directory"))
}

/// Makes a directory and what is missing above it, as `mkdir -p` does.
fn make_all(end: &dyn End, path: &Path) -> Result<(), CopyFault> {
    let mut missing = Vec::new();
    for ancestor in path.ancestors().filter(|ancestor| !ancestor.as_os_str().is_empty()) {
        match end.stat(ancestor, true)? {
            Some(entry) if entry.kind == EntryKind::Directory => break,
            Some(_) => return Err(CopyFault::at(end.side(), ancestor, "is not a directory")),
            None => missing.push(ancestor),
        }
    }
    for folder in missing.into_iter().rev() {
        // Several nodes download at the same time: somebody else may have made it meanwhile.
        if let Err(fault) = end.make_directory(folder, 0o777)
            && !end.stat(folder, true)?.is_some_and(|entry| entry.kind == EntryKind::Directory)
        {
            return Err(fault);
        }
    }
    Ok(())
}

/// A file that has arrived under its temporary name.
struct Arrived {
    temporary: PathBuf,
    path: PathBuf,
    sum: Digest,
}

struct Copying<'a> {
    source: &'a dyn End,
    destination: &'a dyn End,
    job: &'a Job,
    /// For files; without it, the mode of each source.
    mode: Option<u32>,
    block: Vec<u8>,
    /// Written and not yet renamed.
    arrived: Vec<Arrived>,
    /// The file being written.
    writing: Option<PathBuf>,
    entries: u64,
    files: u64,
    bytes: u64,
    found_by: Option<String>,
    /// Of the last file that was renamed.
    last_sum: Option<Digest>,
}

impl<'a> Copying<'a> {
    fn new(source: &'a dyn End, destination: &'a dyn End, job: &'a Job, mode: Option<u32>) -> Self {
        Self {
            source,
            destination,
            job,
            mode,
            block: vec![0; BLOCK],
            arrived: Vec::new(),
            writing: None,
            entries: 0,
            files: 0,
            bytes: 0,
            found_by: None,
            last_sum: None,
        }
    }

    fn run(mut self, from: &Path, source: Entry, to: &Path) -> Result<CopyReport, CopyFault> {
        let result = self.copy(from, source, to);
        if result.is_err() {
            self.clean_up();
        }
        result?;
        let single = source.kind == EntryKind::File;
        let sum = self.last_sum.filter(|_| single);
        Ok(CopyReport {
            files: self.files,
            bytes: self.bytes,
            sha256: sum.map(|sum| sum.iter().map(|byte| format!("{byte:02x}")).collect()),
            verified_by: self.found_by.unwrap_or_else(|| "no files".to_owned()),
        })
    }

    fn copy(&mut self, from: &Path, source: Entry, to: &Path) -> Result<(), CopyFault> {
        let there = self.destination.stat(to, true)?;
        match source.kind {
            EntryKind::File => {
                if there.is_some_and(|entry| entry.kind == EntryKind::Directory) {
                    let message = "is a directory; name the file that is to be made";
                    return Err(CopyFault::at(self.destination.side(), to, message));
                }
                self.job.set_total(source.size);
                self.copy_file(from, source, to)?;
                self.settle()
            }
            EntryKind::Directory => {
                if there.is_some_and(|entry| entry.kind != EntryKind::Directory) {
                    let message = "is not a directory, but the source is one";
                    return Err(CopyFault::at(self.destination.side(), to, message));
                }
                self.copy_directory(from, source, to, there.is_none())
            }
            EntryKind::Link | EntryKind::Other => Err(uncopyable(self.source, from)),
        }
    }

    /// Copies a directory with all below it; what is already at the destination and not in the source stays.
    fn copy_directory(
        &mut self,
        from: &Path,
        source: Entry,
        to: &Path,
        missing: bool,
    ) -> Result<(), CopyFault> {
        // Modes are set last and innermost first, because one may forbid writing.
        let mut modes: Vec<(PathBuf, u32)> = Vec::new();
        if missing {
            self.make_directory(to, source.mode, &mut modes)?;
        }
        let mut pending = vec![(from.to_owned(), to.to_owned(), 0_usize)];
        // Each directory is met once, and their number is limited with that of the entries.
        while let Some((from, to, depth)) = pending.pop() {
            self.job.check()?;
            let mut entries = self.source.list(&from)?;
            entries.sort_by(|(a, _), (b, _)| a.cmp(b));
            for (name, entry) in entries {
                check_name(self.source, &from, &name)?;
                self.entries += 1;
                if depth >= MAX_DEPTH || self.entries > MAX_ENTRIES {
                    let message = format!("holds more than {MAX_ENTRIES} entries or {MAX_DEPTH} levels");
                    return Err(CopyFault::at(self.source.side(), &from, message));
                }
                let (from, to) = (from.join(&name), to.join(&name));
                let there = self.destination.stat(&to, false)?.map(|entry| entry.kind);
                match (entry.kind, there) {
                    (EntryKind::Other, _) => return Err(uncopyable(self.source, &from)),
                    (EntryKind::Directory, None) => {
                        self.make_directory(&to, entry.mode, &mut modes)?;
                        pending.push((from, to, depth + 1));
                    }
                    (EntryKind::Directory, Some(EntryKind::Directory)) => pending.push((from, to, depth + 1)),
                    // A link there could lead anywhere.
                    (EntryKind::Directory, Some(_)) => {
                        let message = "is not a directory, but the source is one";
                        return Err(CopyFault::at(self.destination.side(), &to, message));
                    }
                    (EntryKind::File | EntryKind::Link, Some(EntryKind::Directory)) => {
                        let message = "is a directory, but the source is none";
                        return Err(CopyFault::at(self.destination.side(), &to, message));
                    }
                    (EntryKind::File, _) => self.copy_file(&from, entry, &to)?,
                    (EntryKind::Link, _) => self.copy_link(&from, &to)?,
                }
            }
        }
        self.settle()?;
        for (path, mode) in modes.into_iter().rev() {
            self.destination.set_mode(&path, mode)?;
        }
        Ok(())
    }

    fn make_directory(
        &mut self,
        path: &Path,
        mode: u32,
        modes: &mut Vec<(PathBuf, u32)>,
    ) -> Result<(), CopyFault> {
        self.job.will_write();
        self.destination.make_directory(path, 0o700)?;
        modes.push((path.to_owned(), mode & KEPT_MODE));
        Ok(())
    }

    fn copy_link(&mut self, from: &Path, to: &Path) -> Result<(), CopyFault> {
        let target = self.source.read_link(from)?;
        let temporary = temporary_name(to)?;
        self.job.will_write();
        self.destination.make_link(&target, &temporary)?;
        self.writing = Some(temporary.clone());
        self.destination.rename(&temporary, to)?;
        self.writing = None;
        Ok(())
    }

    fn copy_file(&mut self, from: &Path, source: Entry, to: &Path) -> Result<(), CopyFault> {
        self.job.check()?;
        let mut reader = self.source.open(from)?;
        let temporary = temporary_name(to)?;
        self.job.will_write();
        let mut sink = self.destination.create(&temporary)?;
        self.writing = Some(temporary.clone());
        let mut sum = Sha256::new();
        let mut length: u64 = 0;
        // Ends with the source.
        loop {
            let n = reader.read(&mut self.block).map_err(|error| fault_of(self.source, from, error))?;
            let Some(data) = self.block.get(..n).filter(|data| !data.is_empty()) else { break };
            sum.update(data);
            sink.write_all(data).map_err(|error| fault_of(self.destination, to, error))?;
            length += u64::try_from(n).unwrap_or(0);
            self.job.add_bytes(n);
            self.job.check()?;
        }
        drop(reader);
        sink.finish(self.mode.unwrap_or(source.mode & KEPT_MODE))?;
        self.writing = None;
        self.files += 1;
        self.bytes += length;
        self.arrived.push(Arrived { temporary, path: to.to_owned(), sum: sum.finalize().into() });
        if self.arrived.len() >= BATCH {
            self.settle()?;
        }
        Ok(())
    }

    /// Compares what has arrived with what was sent, and gives it its names.
    fn settle(&mut self) -> Result<(), CopyFault> {
        if self.arrived.is_empty() {
            return Ok(());
        }
        let temporaries: Vec<PathBuf> = self.arrived.iter().map(|file| file.temporary.clone()).collect();
        let found = self.destination.digests(&temporaries, self.job)?;
        for (number, file) in self.arrived.iter().enumerate() {
            if found.sums.get(number) != Some(&file.sum) {
                return Err(CopyFault::Mismatch { path: file.path.clone(), found_by: found.found_by });
            }
        }
        self.found_by.get_or_insert(found.found_by);
        while let Some(file) = self.arrived.last() {
            self.destination.rename(&file.temporary, &file.path)?;
            self.last_sum = self.arrived.pop().map(|file| file.sum);
        }
        Ok(())
    }

    fn clean_up(&mut self) {
        let temporaries = self.arrived.drain(..).map(|file| file.temporary).chain(self.writing.take());
        for temporary in temporaries {
            if self.job.leaves(&temporary) {
                continue;
            }
            if self.destination.remove_file(&temporary).is_err() {
                self.job.leave(temporary);
            }
        }
    }
}

/// An error of reading or writing may carry a fault that already knows what happened.
fn fault_of(end: &dyn End, path: &Path, error: std::io::Error) -> CopyFault {
    match error.downcast::<CopyFault>() {
        Ok(fault) => fault,
        Err(error) => CopyFault::io(end.side(), path, &error),
    }
}

fn uncopyable(end: &dyn End, path: &Path) -> CopyFault {
    CopyFault::at(end.side(), path, "is neither a file nor a directory nor a link, and cannot be copied")
}

/// A name from a directory listing must not lead out of the directory, whatever a node says.
fn check_name(end: &dyn End, folder: &Path, name: &OsStr) -> Result<(), CopyFault> {
    let mut components = Path::new(name).components();
    let single = matches!(components.next(), Some(Component::Normal(only)) if only == name);
    if !single || components.next().is_some() || name.as_encoded_bytes().contains(&0) {
        return Err(CopyFault::at(end.side(), folder, format!("lists {name:?}, which is no name of a file")));
    }
    Ok(())
}

/// A name beside `path` that nobody else uses. It does not contain the file's own name, which may be as long as
/// a name can be.
fn temporary_name(path: &Path) -> Result<PathBuf, CopyFault> {
    use super::end::Side;
    let mut random = [0_u8; 8];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut random))
        .map_err(|error| CopyFault::io(Side::Here, Path::new("/dev/urandom"), &error))?;
    let name: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(path.with_file_name(format!(".pabawi-{name}.part")))
}

#[cfg(test)]
mod tests;
