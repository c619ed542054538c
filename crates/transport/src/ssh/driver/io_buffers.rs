//! The two memory buffers that stand where libssh2 expects a socket.
//!
//! [`IoBuffers`] is what libssh2's SEND and RECV callbacks read and write. SEND always takes the whole packet, so
//! that no operation is ever left half sent; RECV hands out what the driver put in and says "would block" when
//! there is nothing. This file does no I/O and knows no session.

use std::ffi::c_int;

/// Largest amount of unsent bytes at which channels may still write (bytes).
pub(super) const MAX_BACKLOG: usize = 1024 * 1024;

/// How many bytes a peer may send before its `SSH-` banner line is complete (bytes). RFC 4253 section 4.2 allows
/// other lines first but gives no limit; OpenSSH's client stops at 1024 lines.
pub(super) const MAX_PRE_BANNER: usize = 64 * 1024;

/// How many bytes a peer may send before the login is done (bytes). Banners, key exchange and refusals are some
/// kilobytes; libssh2 would keep whatever else comes.
pub(super) const MAX_BEFORE_LOGIN: u64 = 1024 * 1024;

/// Sent bytes at the head of the buffer that are worth moving the rest for (bytes).
const SENT_KEPT: usize = 64 * 1024;

/// How much of the peer's first bytes is kept for error messages (bytes).
const GREETING_KEPT: usize = 256;

/// Bytes on their way between libssh2 and the link, and what the peer said when it left.
#[derive(Debug, Default)]
pub(crate) struct IoBuffers {
    inbound: Vec<u8>,
    inbound_at: usize,
    outbound: Vec<u8>,
    outbound_at: usize,
    /// RECV found nothing since the flag was last cleared.
    starved: bool,
    /// The link has ended: RECV reports end of file once `inbound` is empty, SEND fails.
    dead: bool,
    /// Bytes that RECV has handed to libssh2.
    consumed: u64,
    /// Bytes that came from the link.
    received: u64,
    /// Bytes that libssh2 has allocated for the session, where that is counted.
    held: usize,
    greeting: Vec<u8>,
    /// Reason and text of `SSH_MSG_DISCONNECT`, when the peer sent one.
    pub(super) disconnect: Option<(c_int, String)>,
    /// What keyboard-interactive prompts without echo are answered with.
    pub(super) kbd_answer: Option<pabawi_domain::secret::Secret>,
    /// How many rounds of prompts have been answered.
    pub(super) kbd_rounds: u32,
}

impl IoBuffers {
    /// Takes bytes that came from the link.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        if self.inbound_at > 0 {
            self.inbound.drain(..self.inbound_at);
            self.inbound_at = 0;
        }
        let room = GREETING_KEPT.saturating_sub(self.greeting.len());
        self.greeting.extend(bytes.iter().take(room));
        self.inbound.extend_from_slice(bytes);
        self.received = self.received.saturating_add(bytes.len() as u64);
        self.starved = false;
    }

    /// Gives libssh2 up to `buffer.len()` bytes; `None` means "would block", `Some(0)` the end.
    pub(super) fn take(&mut self, buffer: &mut [u8]) -> Option<usize> {
        let waiting = self.inbound.get(self.inbound_at..).unwrap_or_default();
        if waiting.is_empty() {
            self.starved = true;
            return self.dead.then_some(0);
        }
        let n = waiting.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..n), waiting.get(..n)) {
            to.copy_from_slice(from);
        }
        self.inbound_at += n;
        self.consumed = self.consumed.saturating_add(n as u64);
        if self.inbound_at == self.inbound.len() {
            self.inbound.clear();
            self.inbound_at = 0;
        }
        Some(n)
    }

    /// Takes a whole packet from libssh2; false when the link has ended.
    pub(super) fn put(&mut self, packet: &[u8]) -> bool {
        if self.dead {
            return false;
        }
        self.outbound.extend_from_slice(packet);
        true
    }

    /// Bytes that wait to be sent.
    pub(super) fn unsent(&self) -> &[u8] {
        self.outbound.get(self.outbound_at..).unwrap_or_default()
    }

    /// The link took `n` bytes of [`Self::unsent`].
    pub(super) fn sent(&mut self, n: usize) {
        self.outbound_at = (self.outbound_at + n).min(self.outbound.len());
        if self.outbound_at == self.outbound.len() {
            self.outbound.clear();
            self.outbound_at = 0;
        } else if self.outbound_at >= SENT_KEPT && self.outbound_at >= self.outbound.len() / 2 {
            // On a link slower than its writers the buffer never runs empty. No more is moved than has been
            // sent since the last move, so that a byte sent costs at most one byte moved.
            self.outbound.drain(..self.outbound_at);
            self.outbound_at = 0;
        }
    }

    /// True when channels should not write more for now.
    pub(super) fn backlogged(&self) -> bool {
        self.unsent().len() >= MAX_BACKLOG
    }

    /// Bytes fed but not yet taken by libssh2.
    pub(super) fn waiting(&self) -> usize {
        self.inbound.len() - self.inbound_at
    }

    /// True when RECV found nothing since the last [`Self::feed`].
    pub(super) fn starved(&self) -> bool {
        self.starved
    }

    /// Bytes that libssh2 has taken so far: grows exactly when it made progress on input.
    pub(super) fn consumed(&self) -> u64 {
        self.consumed
    }

    /// Bytes that came from the link so far.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// libssh2 has given back an area of `before` bytes and taken one of `after`.
    pub(super) fn holds(&mut self, before: usize, after: usize) {
        // The few areas that our callbacks hand to libssh2 are taken off without having been added.
        self.held = self.held.saturating_sub(before).saturating_add(after);
    }

    /// Bytes that libssh2 holds for the session; 0 where they are not counted.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// From now on RECV ends and SEND fails. Freeing a session after this sends nothing and leaks nothing.
    pub(super) fn end(&mut self) {
        self.dead = true;
        self.inbound = Vec::new();
        self.inbound_at = 0;
        self.outbound = Vec::new();
        self.outbound_at = 0;
    }

    /// Gives memory back while the connection is idle. Nothing is lost: only empty buffers are dropped.
    pub(super) fn release_idle(&mut self) {
        if self.inbound.is_empty() && self.inbound.capacity() > 0 {
            self.inbound = Vec::new();
        }
        if self.outbound.is_empty() && self.outbound.capacity() > 0 {
            self.outbound = Vec::new();
        }
        self.greeting = Vec::new();
    }

    /// The first bytes the peer sent, as text on one line, for error messages.
    pub(super) fn greeting(&self) -> String {
        let text = String::from_utf8_lossy(&self.greeting);
        text.chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect::<String>()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hands_out_what_was_fed_and_then_starves() {
        let mut io = IoBuffers::default();
        io.feed(b"hello");
        io.feed(b" world");
        let mut buffer = [0_u8; 8];
        assert_eq!(io.take(&mut buffer), Some(8));
        assert_eq!(&buffer, b"hello wo");
        assert!(!io.starved());
        assert_eq!(io.take(&mut buffer), Some(3));
        assert_eq!(io.take(&mut buffer), None);
        assert!(io.starved());
        assert_eq!(io.consumed(), 11);
    }

    #[test]
    fn a_dead_link_ends_reads_and_refuses_writes() {
        let mut io = IoBuffers::default();
        io.feed(b"rest");
        assert!(io.put(b"packet"));
        io.end();
        assert!(!io.put(b"packet"));
        assert!(io.unsent().is_empty());
        assert_eq!(io.take(&mut [0_u8; 8]), Some(0));
    }

    #[test]
    fn sends_in_parts_without_losing_order() {
        let mut io = IoBuffers::default();
        assert!(io.put(b"abcdef"));
        io.sent(2);
        assert!(io.put(b"gh"));
        assert_eq!(io.unsent(), b"cdefgh");
        io.sent(6);
        assert!(io.unsent().is_empty());
    }

    /// R8.5: a link that is always behind holds what waits, and not all that has ever been sent.
    #[test]
    fn a_buffer_that_never_runs_empty_does_not_grow() {
        let mut io = IoBuffers::default();
        let mut written = 0_u64;
        let packet = |number: u64| number.to_be_bytes().repeat(4000);
        let mut left = std::collections::VecDeque::new();
        for _ in 0..700 {
            while !io.backlogged() {
                assert!(io.put(&packet(written)));
                left.extend(packet(written));
                written += 1;
            }
            // As much as a busy link takes, and never a whole number of packets.
            assert!(io.unsent()[..30_001] == left.make_contiguous()[..30_001]);
            left.drain(..30_001);
            io.sent(30_001);
            assert!(!io.unsent().is_empty());
            assert!(io.outbound.capacity() <= 4 * MAX_BACKLOG, "{} bytes", io.outbound.capacity());
        }
        assert!(written * 32_000 > 16 * MAX_BACKLOG as u64);
    }
}
