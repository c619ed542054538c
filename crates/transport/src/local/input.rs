//! Who has the standard input of a command on this machine: [`StdinHolder`].
//!
//! A file that cannot be read to its end must not look like one that has ended: the command's input is then kept open,
//! and whoever holds it has to end the command.

use std::io;

use bytes::BytesMut;
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::ChildStdin;
use tokio::task::JoinHandle;

/// Bytes read and written at once.
const CHUNK: usize = 64 * 1024;

/// What the command reads.
pub(super) enum OwnInput {
    Nothing,
    Bytes(bytes::Bytes),
    File(File),
}

/// Who has the command's standard input.
#[derive(Debug)]
pub(super) enum StdinHolder {
    /// Nobody: it is at its end.
    Closed,
    /// Kept open: its end is the order to end the command, also when this process is killed.
    Lifeline(#[expect(dead_code, reason = "held so that it stays open")] ChildStdin),
    /// A task that writes the command's input and then closes it.
    Feeding(JoinHandle<Option<Broken>>),
    /// Kept open, because its end would pass for the end of all input.
    Broken(#[expect(dead_code, reason = "held so that it stays open")] ChildStdin),
}

/// Input that broke off.
#[derive(Debug)]
pub(super) struct Broken {
    error: io::Error,
    stdin: ChildStdin,
}

impl StdinHolder {
    /// Hands the rest of standard input on. A command that stops reading is no fault.
    pub(super) fn feed(mut stdin: ChildStdin, input: OwnInput, lifeline: bool) -> Self {
        match input {
            OwnInput::Nothing if lifeline => Self::Lifeline(stdin),
            OwnInput::Nothing => Self::Closed,
            // Neither of the two logs anything, so they need no span.
            OwnInput::Bytes(data) => Self::Feeding(tokio::spawn(async move {
                let _ = stdin.write_all(&data).await;
                None
            })),
            // As above: no span.
            OwnInput::File(file) => Self::Feeding(tokio::spawn(feed_file(file, stdin))),
        }
    }

    /// Why the input broke off; never ready while it does not. May be dropped and called anew.
    pub(super) async fn broken(&mut self) -> io::Error {
        if let Self::Feeding(task) = self {
            match task.await {
                Ok(Some(Broken { error, stdin })) => {
                    *self = Self::Broken(stdin);
                    return error;
                }
                _ => *self = Self::Closed,
            }
        }
        std::future::pending().await
    }
}

async fn feed_file(mut file: File, mut stdin: ChildStdin) -> Option<Broken> {
    let mut block = BytesMut::with_capacity(CHUNK);
    // Ends with the file, or with the command's interest in it.
    loop {
        block.clear();
        match file.read_buf(&mut block).await {
            Ok(0) => return None,
            Ok(_) => stdin.write_all(&block).await.ok()?,
            Err(error) => return Some(Broken { error, stdin }),
        }
    }
}

impl Drop for StdinHolder {
    fn drop(&mut self) {
        if let Self::Feeding(task) = self {
            task.abort();
        }
    }
}
