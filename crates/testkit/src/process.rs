//! A look into `/proc`: which processes there are, who their parents are, what they cost, who listens where.
//!
//! Main type: [`ProcessInfo`]. Tests use it to look *on the node* whether something was left behind. It only
//! reads; signals are sent by [`crate::fleet`].

use std::collections::{HashMap, HashSet};
use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

/// Ticks a second in which `/proc/<pid>/stat` counts CPU time: `USER_HZ`, 100 on every Linux we run on (proc(5)).
const TICKS_PER_SECOND: u64 = 100;

/// One process as `/proc/<pid>/stat` and `/proc/<pid>/cmdline` showed it (proc(5)).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProcessInfo {
    /// Process id.
    pub pid: i32,
    /// Parent's process id.
    pub parent: i32,
    /// Process group id.
    pub group: i32,
    /// Session id.
    pub session: i32,
    /// State letter: `R`, `S`, `D`, `T`, `Z` and so on.
    pub state: char,
    /// Name of the program as the kernel keeps it (at most 15 bytes).
    pub name: String,
    /// Arguments joined with a space; empty for a zombie or a kernel thread.
    pub command_line: String,
    /// CPU time of the process itself and of those of its children that it has waited for.
    pub cpu: Duration,
    /// CPU time of the children that it has waited for, alone.
    pub children_cpu: Duration,
}

impl ProcessInfo {
    /// Reads one process; `None` when there is no such process (any more).
    #[must_use]
    pub fn read(pid: i32) -> Option<Self> {
        let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
        let stat = String::from_utf8_lossy(&stat).into_owned();
        // The name stands in parentheses and may itself hold some, so the last one ends it.
        let (head, rest) = stat.rsplit_once(')')?;
        let name = head.split_once('(')?.1.to_owned();
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let number = |index: usize| fields.get(index).and_then(|field| field.parse::<i64>().ok());
        let id = |index: usize| number(index).and_then(|value| i32::try_from(value).ok());
        let ticks = |index: usize| number(index).and_then(|value| u64::try_from(value).ok()).unwrap_or(0);
        let time = |ticks: u64| Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND);
        let command_line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        Some(Self {
            pid,
            parent: id(1)?,
            group: id(2)?,
            session: id(3)?,
            state: fields.first()?.chars().next()?,
            name,
            command_line: printable(&command_line),
            cpu: time(ticks(11) + ticks(12) + ticks(13) + ticks(14)),
            children_cpu: time(ticks(13) + ticks(14)),
        })
    }

    /// Whether the process has ended and only waits for its parent to notice.
    #[must_use]
    pub fn is_zombie(&self) -> bool {
        self.state == 'Z'
    }
}

/// Turns the NUL-separated bytes of `/proc/<pid>/cmdline` into one line.
fn printable(raw: &[u8]) -> String {
    let parts: Vec<String> = raw
        .split(|byte| *byte == 0)
        .filter(|part| !part.is_empty())
        .map(|part| String::from_utf8_lossy(part).into_owned())
        .collect();
    parts.join(" ")
}

/// Every process of this machine that can be seen, in no order.
#[must_use]
pub fn all() -> Vec<ProcessInfo> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter_map(ProcessInfo::read)
        .collect()
}

/// The processes other than this one whose arguments or environment contain `marker`.
///
/// An environment is what the process was started with (proc(5)); one that belongs to another user is
/// readable only by root. Zombies have neither, so they are never among the answers.
#[must_use]
pub fn with_marker(marker: &str) -> Vec<ProcessInfo> {
    let own = i32::try_from(std::process::id()).unwrap_or(0);
    let contains = |path: String| {
        fs::read(path).is_ok_and(|bytes| {
            !marker.is_empty() && bytes.windows(marker.len()).any(|window| window == marker.as_bytes())
        })
    };
    all()
        .into_iter()
        .filter(|process| process.pid != own)
        .filter(|process| {
            contains(format!("/proc/{}/cmdline", process.pid))
                || contains(format!("/proc/{}/environ", process.pid))
        })
        .collect()
}

/// All processes below `root` in the process tree, without `root` itself, zombies included.
#[must_use]
pub fn descendants(root: i32) -> Vec<ProcessInfo> {
    let mut children: HashMap<i32, Vec<ProcessInfo>> = HashMap::new();
    for process in all() {
        children.entry(process.parent).or_default().push(process);
    }
    let mut found = Vec::new();
    let mut open = vec![root];
    // Every step removes an entry of the map, so the walk ends even if a torn snapshot had a cycle.
    while let Some(parent) = open.pop() {
        for process in children.remove(&parent).unwrap_or_default() {
            open.push(process.pid);
            found.push(process);
        }
    }
    found
}

/// The IPv4 addresses on which somebody on this machine accepts TCP connections (`/proc/net/tcp`, state 0A).
#[must_use]
pub fn listening() -> HashSet<SocketAddrV4> {
    sockets().into_iter().filter(|socket| socket.listens).map(|socket| socket.local).collect()
}

/// The inodes of the established or closing connections whose local end is `local`.
pub(crate) fn connection_inodes(local: SocketAddrV4) -> HashSet<u64> {
    sockets()
        .into_iter()
        .filter(|socket| !socket.listens && socket.local == local && socket.inode != 0)
        .map(|socket| socket.inode)
        .collect()
}

/// Whether the process has one of the sockets open.
pub(crate) fn holds_socket(pid: i32, inodes: &HashSet<u64>) -> bool {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    entries.flatten().filter_map(|entry| fs::read_link(entry.path()).ok()).any(|link| {
        link.to_str()
            .and_then(|text| text.strip_prefix("socket:[")?.strip_suffix(']')?.parse::<u64>().ok())
            .is_some_and(|inode| inodes.contains(&inode))
    })
}

/// One line of `/proc/net/tcp`.
struct Socket {
    local: SocketAddrV4,
    listens: bool,
    inode: u64,
}

fn sockets() -> Vec<Socket> {
    let Ok(table) = fs::read_to_string("/proc/net/tcp") else { return Vec::new() };
    table.lines().skip(1).filter_map(socket).collect()
}

fn socket(line: &str) -> Option<Socket> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (address, port) = fields.get(1)?.split_once(':')?;
    // The kernel prints the address as a number in host byte order.
    let address = u32::from_str_radix(address, 16).ok()?.to_ne_bytes();
    Some(Socket {
        local: SocketAddrV4::new(Ipv4Addr::from(address), u16::from_str_radix(port, 16).ok()?),
        listens: *fields.get(3)? == "0A",
        inode: fields.get(9)?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, TcpListener, TcpStream};
    use std::process::Command;

    use super::*;

    /// Ends the child also when an assertion fails.
    struct Ended(std::process::Child);

    impl Drop for Ended {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    #[test]
    fn a_marker_is_found_in_the_environment_and_in_the_arguments() {
        let marker = format!("pabawi-look-{}", std::process::id());
        let by_environment =
            Ended(Command::new("sleep").arg("60").env("LOOK", &marker).spawn().expect("sleep starts"));
        let by_argument =
            Ended(Command::new("sh").args(["-c", "sleep 60; :", &marker]).spawn().expect("sh starts"));
        // The environment becomes visible only when the child has executed the program.
        crate::wait::until("both to be seen", Duration::from_secs(10), || {
            let pids: Vec<i32> = with_marker(&marker).iter().map(|process| process.pid).collect();
            [&by_environment, &by_argument]
                .iter()
                .all(|child| pids.contains(&i32::try_from(child.0.id()).expect("pid fits")))
        })
        .expect("seen");
        let own = i32::try_from(std::process::id()).expect("pid fits");
        assert!(descendants(own).iter().any(|process| process.name == "sleep"));
    }

    #[test]
    fn a_listener_and_its_connections_are_seen() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        let SocketAddr::V4(address) = listener.local_addr().expect("address") else { panic!("IPv4") };
        assert!(listening().contains(&address));
        let _client = TcpStream::connect(address).expect("connect");
        let _server = listener.accept().expect("accept");
        let inodes = connection_inodes(address);
        assert_eq!(inodes.len(), 1);
        assert!(holds_socket(i32::try_from(std::process::id()).expect("pid fits"), &inodes));
        drop(listener);
        assert!(!listening().contains(&address));
    }

    #[test]
    fn a_name_with_parentheses_does_not_confuse_the_reader() {
        let own = ProcessInfo::read(i32::try_from(std::process::id()).expect("pid fits")).expect("is there");
        assert!(own.parent > 0);
        assert!(!own.is_zombie());
        assert!(ProcessInfo::read(-1).is_none());
    }
}
