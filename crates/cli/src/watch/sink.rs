//! [`Sink`]: where output goes. Pieces for standard output and standard error keep their order, and a reader
//! that has gone away (EPIPE) ends the writing without an error.

use std::io::{self, Write};

use pabawi::StreamKind;

use crate::text::{Colour, Style, Table};

/// Collects what is to be written and writes it in one go.
pub(crate) struct Sink {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    /// In the order of writing; neighbours go to different streams.
    pieces: Vec<(StreamKind, Vec<u8>)>,
    /// The reader of standard output has gone away.
    closed: bool,
    /// How standard output is shown.
    pub(crate) out_style: Style,
    /// How standard error is shown.
    pub(crate) err_style: Style,
}

impl Sink {
    /// Standard output and standard error of this process.
    pub(crate) fn standard(no_color: bool) -> Self {
        Self {
            out_style: Style::of(&io::stdout(), no_color),
            err_style: Style::of(&io::stderr(), no_color),
            out: Box::new(io::stdout()),
            err: Box::new(io::stderr()),
            pieces: Vec::new(),
            closed: false,
        }
    }

    /// A table on standard output.
    pub(crate) fn table(&mut self, table: &Table) {
        for (index, line) in table.lines().iter().enumerate() {
            let line = if index == 0 { self.out_style.paint(Colour::Bold, line) } else { line.clone() };
            self.line(StreamKind::Stdout, &line);
        }
    }

    /// Two writers that are no terminals.
    #[cfg(test)]
    pub(crate) fn of(out: impl Write + Send + 'static, err: impl Write + Send + 'static) -> Self {
        Self {
            out: Box::new(out),
            err: Box::new(err),
            pieces: Vec::new(),
            closed: false,
            out_style: Style::plain(),
            err_style: Style::plain(),
        }
    }

    /// The style of that stream.
    pub(crate) fn style(&self, stream: StreamKind) -> Style {
        match stream {
            StreamKind::Stdout => self.out_style,
            StreamKind::Stderr => self.err_style,
        }
    }

    /// The bytes that go to that stream next; append to them.
    pub(crate) fn buffer(&mut self, stream: StreamKind) -> &mut Vec<u8> {
        let is_same = self.pieces.last().is_some_and(|(last, _)| *last == stream);
        let bytes = if is_same { self.pieces.pop().map(|(_, bytes)| bytes) } else { None };
        &mut self.pieces.push_mut((stream, bytes.unwrap_or_default())).1
    }

    /// Appends a line to a stream.
    pub(crate) fn line(&mut self, stream: StreamKind, text: &str) {
        let buffer = self.buffer(stream);
        buffer.extend_from_slice(text.as_bytes());
        buffer.push(b'\n');
    }

    /// Whether anything waits to be written.
    pub(crate) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Whether the reader of standard output has gone away.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Writes everything.
    ///
    /// # Errors
    /// What the system reports, EPIPE aside.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        for (stream, bytes) in std::mem::take(&mut self.pieces) {
            let result = match stream {
                StreamKind::Stdout if self.closed => Ok(()),
                StreamKind::Stdout => self.out.write_all(&bytes).and_then(|()| self.out.flush()),
                StreamKind::Stderr => self.err.write_all(&bytes).and_then(|()| self.err.flush()),
            };
            match result {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                    self.closed |= stream == StreamKind::Stdout;
                }
                other => other?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// A writer whose content can be looked at.
    #[derive(Clone, Default)]
    pub(crate) struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Shared {
        pub(crate) fn text(&self) -> String {
            String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
        }
    }

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn streams_stay_apart_and_in_order() {
        let (out, err) = (Shared::default(), Shared::default());
        let mut sink = Sink::of(out.clone(), err.clone());
        sink.line(StreamKind::Stdout, "a");
        sink.line(StreamKind::Stderr, "b");
        sink.line(StreamKind::Stdout, "c");
        assert_eq!(sink.pieces.len(), 3);
        sink.flush().unwrap();
        assert_eq!((out.text().as_str(), err.text().as_str()), ("a\nc\n", "b\n"));
        assert!(sink.is_empty());
    }

    #[test]
    fn a_reader_that_has_gone_away_is_no_error() {
        let err = Shared::default();
        let mut sink = Sink::of(Closed, err.clone());
        sink.line(StreamKind::Stdout, "a");
        sink.line(StreamKind::Stderr, "b");
        sink.flush().unwrap();
        assert!(sink.is_closed());
        assert_eq!(err.text(), "b\n");
        sink.line(StreamKind::Stdout, "more");
        sink.flush().unwrap();
    }
}
