//! How a method of a scripted object behaves: [`V1Conduct`].

use std::time::Duration;

use pabawi_domain::output::StreamKind;
use pabawi_domain::ports::{V1Error, V1ErrorKind, V1Stream};
use serde_json::{Value, json};

use crate::scripted::Gate;

/// How a method behaves.
#[derive(Debug, Clone)]
pub enum V1Conduct {
    /// It returns, or promises, this value, whatever it was asked.
    Returns(Value),
    /// It throws before there is a promise.
    Throws {
        /// The error's name.
        name: String,
        /// The error's message.
        message: String,
    },
    /// The promise is rejected with an error that has a stack.
    Rejects {
        /// The error's name.
        name: String,
        /// The error's message.
        message: String,
    },
    /// The promise is rejected with something that is no error.
    RejectsRaw(Value),
    /// The promise never settles.
    Never,
    /// As the other, after this time.
    After(Duration, Box<V1Conduct>),
    /// As the other, once the gate is open.
    Gated(Gate, Box<V1Conduct>),
    /// It calls the functions of `streamingCallback`, then goes on as the other.
    Streams(Vec<(StreamKind, String)>, Box<V1Conduct>),
    /// As the other, and calls these functions again after this time, when it has long answered.
    StreamsLate(Duration, Vec<(StreamKind, String)>, Box<V1Conduct>),
    /// It returns a value that is nested so deep.
    Deep(usize),
    /// It returns an array of so many of these values.
    Many(usize, Value),
    /// It returns what the border between the languages cannot read: a value that leads in a circle.
    Cyclic,
    /// The runtime behind it has ended.
    Gone,
    /// The double itself panics.
    Panics,
}

impl V1Conduct {
    /// Rejects with an error of that name.
    #[must_use]
    pub fn rejects(name: &str, message: &str) -> Self {
        Self::Rejects { name: name.to_owned(), message: message.to_owned() }
    }

    /// Plays it.
    #[expect(clippy::panic, reason = "the script asks for a panic")]
    pub(super) async fn play(self, stream: Option<V1Stream>) -> Result<Value, V1Error> {
        let tell = |stream: &Option<V1Stream>, chunks: &[(StreamKind, String)]| {
            let Some(stream) = stream else { return };
            stream.command("scripted --tool");
            for (kind, chunk) in chunks {
                stream.output(*kind, chunk.clone());
            }
        };
        let mut now = self;
        // Each turn takes one conduct off the next.
        loop {
            now = match now {
                Self::After(time, next) => {
                    tokio::time::sleep(time).await;
                    *next
                }
                Self::Gated(gate, next) => {
                    gate.passed().await;
                    *next
                }
                Self::Streams(chunks, next) => {
                    tell(&stream, &chunks);
                    *next
                }
                Self::StreamsLate(time, chunks, next) => {
                    let stream = stream.clone();
                    tokio::spawn(async move {
                        tokio::time::sleep(time).await;
                        tell(&stream, &chunks);
                    });
                    *next
                }
                Self::Returns(value) => return Ok(value),
                Self::Many(count, value) => return Ok(Value::Array(vec![value; count])),
                Self::Deep(levels) => return Ok((0..levels).fold(json!("deep"), |inner, _| json!([inner]))),
                Self::Throws { name, message } => return Err(error(V1ErrorKind::Thrown, &name, &message)),
                Self::Rejects { name, message } => return Err(error(V1ErrorKind::Rejected, &name, &message)),
                Self::RejectsRaw(raw) => {
                    let error = V1Error::new(V1ErrorKind::Rejected, raw.to_string());
                    return Err(V1Error { raw: Some(raw), ..error });
                }
                Self::Cyclic => {
                    let text = "Converting circular structure to JSON";
                    return Err(V1Error::new(V1ErrorKind::Unreadable, text));
                }
                Self::Gone => return Err(V1Error::new(V1ErrorKind::Gone, "the runtime has ended")),
                Self::Never => std::future::pending().await,
                Self::Panics => panic!("scripted panic of the object"),
            };
        }
    }
}

fn error(kind: V1ErrorKind, name: &str, message: &str) -> V1Error {
    V1Error {
        name: Some(name.to_owned()),
        stack: Some(format!("{name}: {message}\n    at scripted (plugin.js:7:1)")),
        ..V1Error::new(kind, message)
    }
}
