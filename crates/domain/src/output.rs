//! Output of a node: [`StreamKind`], [`OutputData`] and what is kept of a stream, [`CapturedOutput`].
//!
//! Bytes stay bytes here. Only the edge that shows them to a person decodes them.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Which of a process's two output streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum StreamKind {
    /// File descriptor 1.
    Stdout,
    /// File descriptor 2.
    Stderr,
}

impl fmt::Display for StreamKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        })
    }
}

/// A piece of output, byte for byte. In JSON it is a string where the bytes are valid UTF-8, and
/// `{"base64": "..."}` where they are not, so that nothing is replaced or lost on the way.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct OutputData(pub Bytes);

impl OutputData {
    /// For people: invalid sequences become U+FFFD.
    pub fn to_text(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }
}

impl<T: Into<Bytes>> From<T> for OutputData {
    fn from(bytes: T) -> Self {
        Self(bytes.into())
    }
}

impl AsRef<[u8]> for OutputData {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for OutputData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum OutputDataForm<'a> {
    Text(std::borrow::Cow<'a, str>),
    Binary { base64: std::borrow::Cow<'a, str> },
}

impl Serialize for OutputData {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(&self.0) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => OutputDataForm::Binary { base64: BASE64.encode(&self.0).into() }.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for OutputData {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match OutputDataForm::deserialize(deserializer)? {
            OutputDataForm::Text(text) => Ok(Self(Bytes::from(text.into_owned()))),
            OutputDataForm::Binary { base64 } => BASE64
                .decode(base64.as_bytes())
                .map(|bytes| Self(Bytes::from(bytes)))
                .map_err(serde::de::Error::custom),
        }
    }
}

/// The SHA-256 of a complete stream; outputs that are equal are stored once under it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash(pub [u8; 32]);

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: [char; 16] =
            ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
        // Every result and its journal entry has one, and `{:02x}` of each byte takes ten times as long.
        let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or('0');
        let mut text = String::with_capacity(2 * self.0.len());
        for byte in self.0 {
            text.push(digit(byte >> 4));
            text.push(digit(byte & 15));
        }
        f.write_str(&text)
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{self}")
    }
}

impl std::str::FromStr for ContentHash {
    type Err = crate::id::InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fault = || crate::id::InvalidName::new("content hash", text, "must be 64 hexadecimal digits");
        if text.len() != 64 || !text.is_ascii() {
            return Err(fault());
        }
        let mut bytes = [0u8; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| fault())?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| fault())?;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for ContentHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ContentHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What is kept of one stream when its process has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CapturedOutput {
    /// SHA-256 over the complete stream, also over the part that was left out here. Two nodes with the same
    /// hash printed the same.
    pub hash: ContentHash,
    /// Length of the complete stream in bytes.
    pub total_bytes: u64,
    /// The content that was kept.
    pub kept: KeptOutput,
}

impl CapturedOutput {
    /// How many bytes are not kept.
    pub fn omitted_bytes(&self) -> u64 {
        match &self.kept {
            KeptOutput::Whole(_) | KeptOutput::Spilled { .. } => 0,
            KeptOutput::HeadTail { head, tail } => {
                self.total_bytes.saturating_sub(head.0.len() as u64).saturating_sub(tail.0.len() as u64)
            }
        }
    }
}

/// How a stream's content is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum KeptOutput {
    /// Every byte, in memory.
    Whole(OutputData),
    /// The first and the last part; the middle was left out because debug mode is off and the stream was
    /// longer than the limit.
    HeadTail {
        /// The first bytes.
        head: OutputData,
        /// The last bytes.
        tail: OutputData,
    },
    /// Every byte, in a file that the store takes over (it moves the file into its own place).
    Spilled {
        /// Absolute path of the file.
        path: std::path::PathBuf,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_survive_json() {
        for bytes in [&b"plain"[..], b"\xff\xfe\x00", "zażółć".as_bytes(), b"", b"\xc5"] {
            let data = OutputData(Bytes::copy_from_slice(bytes));
            let json = serde_json::to_string(&data).unwrap();
            assert_eq!(serde_json::from_str::<OutputData>(&json).unwrap(), data, "{json}");
        }
    }

    #[test]
    fn hashes_read_back() {
        let hash = ContentHash([0xa7; 32]);
        assert_eq!(hash.to_string().parse::<ContentHash>().unwrap(), hash);
        assert!("zz".repeat(32).parse::<ContentHash>().is_err());
        assert!("é".repeat(32).parse::<ContentHash>().is_err());
    }
}
