//! What is left on a disk after a loss of power, worked out from what was done: [`Disk`].
//!
//! A write is durable when its file was synchronised after it, a name when its directory was. Of all the rest nothing is left,
//! or any part of it: sectors of writes, and the first of the changes of names.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The part of a write that reaches a disk whole or not at all.
const SECTOR: usize = 512;

/// Something that was done, as `record` of `interpose.c` has written it down.
#[derive(Debug, Clone)]
pub(super) enum Done {
    Write {
        inode: u64,
        offset: usize,
        data: Vec<u8>,
    },
    Truncate {
        inode: u64,
        size: usize,
    },
    Sync {
        inode: u64,
    },
    /// Linux takes what it could not write for written, and the next synchronisation succeeds without it.
    FailedSync {
        inode: u64,
    },
    SyncDir {
        path: PathBuf,
    },
    Create {
        inode: u64,
        path: PathBuf,
    },
    Rename {
        from: PathBuf,
        to: PathBuf,
    },
    Remove {
        path: PathBuf,
    },
    MakeDir {
        path: PathBuf,
    },
    Note(String),
}

impl Done {
    /// Reads what was written down.
    pub(super) fn all(mut trace: &[u8]) -> Vec<Self> {
        let mut all = Vec::new();
        while let Some((head, rest)) = trace.split_at_checked(25) {
            let number = |at: usize| u64::from_ne_bytes(head[at..at + 8].try_into().unwrap());
            let (inode, offset) = (number(1), usize::try_from(number(9)).unwrap());
            let (data, after) = rest.split_at(usize::try_from(number(17)).unwrap());
            let text = || String::from_utf8(data.to_vec()).unwrap();
            all.push(match head[0] {
                b'W' => Self::Write { inode, offset, data: data.to_vec() },
                b'T' => Self::Truncate { inode, size: offset },
                b'S' => Self::Sync { inode },
                b'F' => Self::FailedSync { inode },
                b'D' => Self::SyncDir { path: text().into() },
                b'O' => Self::Create { inode, path: text().into() },
                b'R' => {
                    let both = text();
                    let (from, to) = both.split_once('\n').unwrap();
                    Self::Rename { from: from.into(), to: to.into() }
                }
                b'U' => Self::Remove { path: text().into() },
                b'M' => Self::MakeDir { path: text().into() },
                b'N' => Self::Note(text()),
                other => panic!("{other} in the trace"),
            });
            trace = after;
        }
        assert!(trace.is_empty(), "the trace ends in the middle");
        all
    }
}

/// What a change was that nobody has synchronised.
#[derive(Debug, Clone)]
enum Pending {
    Write { offset: usize, data: Vec<u8> },
    Truncate { size: usize },
}

/// A file: what of it is durable, and what has happened to it since.
#[derive(Debug, Clone, Default)]
struct File {
    durable: Vec<u8>,
    pending: Vec<Pending>,
}

fn apply(content: &mut Vec<u8>, change: &Pending) {
    match change {
        Pending::Write { offset, data } => {
            let end = offset + data.len();
            if content.len() < end {
                content.resize(end, 0);
            }
            content[*offset..end].copy_from_slice(data);
        }
        Pending::Truncate { size } => content.resize(*size, 0),
    }
}

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Node {
    Dir,
    File(usize),
}

/// A disk below one directory, which is durable itself.
#[derive(Debug, Clone)]
pub(super) struct Disk {
    root: PathBuf,
    files: Vec<File>,
    /// Which file an inode is now.
    inodes: HashMap<u64, usize>,
    names: BTreeMap<PathBuf, Node>,
    durable_names: BTreeMap<PathBuf, Node>,
    /// Changes of names that are not durable, in their order; a name without a node is gone.
    pending_names: Vec<(PathBuf, Option<Node>)>,
}

/// How much of what is not durable is left.
#[derive(Debug, Clone, Copy)]
pub(super) enum Left {
    Nothing,
    /// Parts of it, of this seed.
    Some(u64),
}

/// A source of numbers without rhyme (xorshift64*).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(number).unwrap() % limit
    }
}

impl Disk {
    /// What is below `root` now, all of it durable.
    pub(super) fn of(root: &Path) -> Self {
        let mut disk = Self {
            root: root.to_owned(),
            files: Vec::new(),
            inodes: HashMap::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            pending_names: Vec::new(),
        };
        disk.take(root);
        disk.durable_names = disk.names.clone();
        disk
    }

    fn take(&mut self, dir: &Path) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                self.names.insert(path.clone(), Node::Dir);
                self.take(&path);
            } else {
                let inode = fs::metadata(&path).unwrap().ino();
                let number = self.new_file(inode);
                self.files[number].durable = fs::read(&path).unwrap();
                self.names.insert(path, Node::File(number));
            }
        }
    }

    fn new_file(&mut self, inode: u64) -> usize {
        self.files.push(File::default());
        self.inodes.insert(inode, self.files.len() - 1);
        self.files.len() - 1
    }

    fn name(&mut self, path: &Path, node: Option<Node>) {
        match node {
            Some(node) => self.names.insert(path.to_owned(), node),
            None => self.names.remove(path),
        };
        self.pending_names.push((path.to_owned(), node));
    }

    fn file(&mut self, inode: u64) -> &mut File {
        &mut self.files[self.inodes[&inode]]
    }

    pub(super) fn does(&mut self, done: &Done) {
        match done {
            Done::Write { inode, offset, data } => {
                self.file(*inode).pending.push(Pending::Write { offset: *offset, data: data.clone() });
            }
            Done::Truncate { inode, size } => {
                self.file(*inode).pending.push(Pending::Truncate { size: *size })
            }
            Done::Sync { inode } => {
                let file = self.file(*inode);
                for change in std::mem::take(&mut file.pending) {
                    apply(&mut file.durable, &change);
                }
            }
            Done::FailedSync { inode } => self.file(*inode).pending.clear(),
            Done::SyncDir { path } => {
                let is_here = |name: &Path| name.parent() == Some(path);
                let (here, elsewhere) =
                    std::mem::take(&mut self.pending_names).into_iter().partition(|(name, _)| is_here(name));
                self.pending_names = elsewhere;
                put_names(&mut self.durable_names, here);
            }
            Done::Create { inode, path } => {
                let number = self.new_file(*inode);
                self.name(path, Some(Node::File(number)));
            }
            Done::Rename { from, to } => {
                let node = self.names.get(from).copied().unwrap_or_else(|| panic!("{from:?} is unknown"));
                self.name(to, Some(node));
                self.name(from, None);
            }
            Done::Remove { path } => self.name(path, None),
            Done::MakeDir { path } => self.name(path, Some(Node::Dir)),
            Done::Note(_) => {}
        }
    }

    /// Makes what is left of it below `to`.
    pub(super) fn make(&self, left: Left, to: &Path) {
        let mut dice = match left {
            Left::Nothing => None,
            Left::Some(seed) => Some(Dice(seed.wrapping_mul(2).wrapping_add(1))),
        };
        let mut names = self.durable_names.clone();
        if let Some(dice) = &mut dice {
            let some = dice.below(self.pending_names.len() + 1);
            put_names(&mut names, self.pending_names[..some].to_vec());
        }
        for (path, node) in names {
            let place = to.join(path.strip_prefix(&self.root).unwrap());
            // What stands in a directory that is not there is not there either.
            if !place.parent().unwrap().is_dir() {
                continue;
            }
            match node {
                Node::Dir => fs::create_dir_all(&place).unwrap(),
                Node::File(number) => fs::write(&place, self.content(number, dice.as_mut())).unwrap(),
            }
        }
    }

    fn content(&self, number: usize, dice: Option<&mut Dice>) -> Vec<u8> {
        let file = &self.files[number];
        let mut content = file.durable.clone();
        let Some(dice) = dice else { return content };
        for change in &file.pending {
            match change {
                Pending::Truncate { .. } if dice.below(2) == 0 => apply(&mut content, change),
                Pending::Truncate { .. } => {}
                Pending::Write { offset, data } => {
                    let mut at = *offset;
                    let mut rest = data.as_slice();
                    while !rest.is_empty() {
                        let (part, after) = rest.split_at(rest.len().min(SECTOR - at % SECTOR));
                        if dice.below(2) == 0 {
                            apply(&mut content, &Pending::Write { offset: at, data: part.to_vec() });
                        }
                        at += part.len();
                        rest = after;
                    }
                }
            }
        }
        content
    }
}

fn put_names(names: &mut BTreeMap<PathBuf, Node>, changes: Vec<(PathBuf, Option<Node>)>) {
    for (path, node) in changes {
        match node {
            Some(node) => names.insert(path, node),
            None => names.remove(&path),
        };
    }
}
