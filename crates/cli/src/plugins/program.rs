//! What a program that is a plugin says of itself, without starting it each time: [`described`]. It is asked when it is new or
//! has changed; what it said is kept in a file of its own below `$XDG_CACHE_HOME/pabawi` (`~/.cache/pabawi`).

use std::fs::Metadata;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use pabawi::plugin::Capability;
use pabawi::ports::{Plugin as _, PluginMetadata};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::described::Described;
use crate::whole_file::{Readers, WholeFile};

/// The most that is read of a description, in bytes.
const LONGEST: u64 = 4 * 1024 * 1024;

/// What is kept.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
    file: Identity,
    metadata: PluginMetadata,
    capabilities: Vec<Capability>,
    #[serde(default)]
    config_schema: Option<Value>,
}

/// By what a file is known to be the same: another one, and every change, differs in one of these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    path: PathBuf,
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
    /// Another version of `pab` may read other things out of a description.
    version: String,
}

impl Identity {
    fn of(path: &Path, metadata: &Metadata) -> Self {
        Self {
            path: path.to_owned(),
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// What the program is and can do.
///
/// # Errors
/// It is not there, or what it says of itself cannot be used.
pub(super) fn described(path: &Path) -> Result<Described, String> {
    let metadata = std::fs::metadata(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let identity = Identity::of(path, &metadata);
    let place = place(path);
    if let Some(kept) = place.as_deref().and_then(read).filter(|kept| kept.file == identity) {
        return Ok(kept.described());
    }
    let kept = asked(path, identity)?;
    // A cache that cannot be written costs time and nothing else.
    if let Some(place) = place {
        let _ = write(&place, &kept);
    }
    Ok(kept.described())
}

impl Kept {
    fn described(self) -> Described {
        let described = Described::new(self.metadata, self.capabilities);
        Described { config_schema: self.config_schema, ..described }
    }
}

fn asked(path: &Path, file: Identity) -> Result<Kept, String> {
    let path = path.to_owned();
    // A thread of its own, since a runtime cannot be started within another one.
    let asking = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(|error| format!("start the runtime: {error}"))?;
        let plugin = runtime.block_on(pabawi::external::load(path)).map_err(|error| error.to_string());
        runtime.shutdown_background();
        let plugin = plugin?;
        Ok(Kept {
            file,
            metadata: plugin.metadata(),
            capabilities: plugin.capabilities(),
            config_schema: plugin.config_schema(),
        })
    });
    asking.join().unwrap_or_else(|_| Err("asking it what it is panicked".to_owned()))
}

/// The file in which the description of a program is kept; none where the environment names no home folder.
fn place(path: &Path) -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    let name: String = path
        .to_string_lossy()
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' })
        .collect();
    let name: String = name.chars().rev().take(150).collect::<Vec<_>>().into_iter().rev().collect();
    Some(folder.join("pabawi/plugins").join(format!("{name}.json")))
}

/// What is kept there, where this user has written it and nobody else can.
fn read(place: &Path) -> Option<Kept> {
    let file = std::fs::File::open(place).ok()?;
    let metadata = file.metadata().ok()?;
    let is_own = metadata.uid() == rustix::process::getuid().as_raw() && metadata.mode() & 0o077 == 0;
    if !is_own || metadata.len() > LONGEST {
        return None;
    }
    serde_json::from_reader(std::io::BufReader::new(file)).ok()
}

fn write(place: &Path, kept: &Kept) -> std::io::Result<()> {
    let Some(folder) = place.parent() else { return Ok(()) };
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mut file = WholeFile::create(place, Readers::Owner)?;
    file.write_all(&serde_json::to_vec(kept)?)?;
    file.keep()
}
