//! The task that drives one connection: [`Driver`]. Others reach it by its [`Remote`].
//!
//! One task owns the session, the link and all channels; everybody else sends it requests and reads its queues. A
//! turn passes over all channels, sends what that produced, takes in what has come, and only when none of this
//! got anywhere waits. It must never be cancelled in the middle: it ends by itself when the connection ends, when
//! it is told to, or when nobody can reach it any more.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::active::{ActiveChannel, ChannelTurn};
use super::channel::RawChannel;
use super::connection::{Connection, closed, with_scratch};
use super::memory;
use super::message::{ChannelKind, LinkEnd, OpenError, Request};
use super::opening::{Opened, Opening};
use super::pipe::{ChannelEvent, ChannelHandle};
use super::remote::{REQUESTS, Remote, Shared};
use super::session::SshError;

/// Turns without a pause before other tasks of the thread get theirs.
const TURNS_IN_A_ROW: u32 = 32;
/// Bytes taken from the link while no channel exists that could take them in.
const IDLE_INBOUND: usize = 64 * 1024;
/// How long a goodbye may take to leave.
const GOODBYE: Duration = Duration::from_millis(500);
/// How long a connection that is to end waits for the node to close channels that nobody uses any more.
const LINGER: Duration = Duration::from_secs(2);

/// What a driver task is told at its start.
#[derive(Debug, Clone)]
pub(crate) struct DriverOptions {
    /// Silence after which the node is asked for a sign of life; `None` never asks.
    pub(crate) keepalive: Option<Duration>,
    /// Unanswered questions after which the connection counts as lost.
    pub(crate) keepalive_max: u32,
}

/// The task's state.
#[derive(Debug)]
pub(crate) struct Driver {
    connection: Connection,
    requests: mpsc::Receiver<Request>,
    requests_open: bool,
    shared: Arc<Shared>,
    options: DriverOptions,
    opening: Opening,
    channels: Vec<ActiveChannel>,
    /// A channel that is closed on both sides and kept so that libssh2 can be made to take in what has come.
    pump: Option<RawChannel>,
    /// A channel has been closed on this connection. The node may keep its slot for as long as a process of it lives.
    carried: bool,
    /// The link has ended; what has been received before is still handed out.
    ended: Option<LinkEnd>,
    /// Requests are being sent away.
    stuck: bool,
    /// libssh2 gives nothing out any more, also not what it has received before.
    broken: bool,
    leaving: bool,
    unused_since: Option<Instant>,
    last_heard: Instant,
    asked: u32,
}

impl Driver {
    /// Starts the task on the current runtime.
    pub(crate) fn spawn(connection: Connection, options: DriverOptions) -> Remote {
        let (remote, requests, shared) = Remote::new();
        let driver = Self {
            connection,
            requests,
            requests_open: true,
            shared,
            options,
            opening: Opening::default(),
            channels: Vec::new(),
            pump: None,
            carried: false,
            ended: None,
            stuck: false,
            broken: false,
            leaving: false,
            unused_since: None,
            last_heard: Instant::now(),
            asked: 0,
        };
        // It serves many, one after the other: it has no span of any of them.
        tokio::spawn(driver.run());
        remote
    }

    async fn run(mut self) {
        let mut turns = 0;
        // Ends when the connection does; see the file's head.
        let end = loop {
            self.take_requests();
            let before = self.connection.session.io().consumed();
            let progress = self.pass();
            self.check_memory();
            let moved = self.flush() | self.receive();
            if progress || moved || self.connection.session.io().consumed() != before {
                turns += 1;
                if turns >= TURNS_IN_A_ROW {
                    turns = 0;
                    tokio::task::yield_now().await;
                }
                continue;
            }
            turns = 0;
            if let Some(end) = self.finished() {
                break end;
            }
            self.connection.session.io().release_idle();
            self.wait().await;
            self.check_liveness();
        };
        self.end(end).await;
    }

    /// Whether the task is done, and why.
    fn finished(&mut self) -> Option<LinkEnd> {
        if let Some(end) = &self.ended {
            // What came before the end is handed out first; a reader that never comes keeps only its own queue.
            let unread = !self.broken
                && self.channels.iter().any(|channel| !channel.closing && !channel.pipe.has_room());
            return (!unread).then(|| end.clone());
        }
        if !self.leaving && self.requests_open {
            return None;
        }
        let used = self.channels.iter().any(|channel| !channel.closing) || self.opening.is_wanted();
        if used {
            self.unused_since = None;
            return None;
        }
        // What is left are channels that the node may never close and starts it may never answer.
        let since = *self.unused_since.get_or_insert_with(Instant::now);
        let quiet = self.channels.is_empty() && !self.opening.is_under_way();
        (quiet || since.elapsed() >= LINGER).then_some(LinkEnd::ByUs)
    }

    fn take_requests(&mut self) {
        // Bounded by the queue's size.
        for _ in 0..REQUESTS {
            match self.requests.try_recv() {
                Ok(request) => self.take(request),
                Err(mpsc::error::TryRecvError::Empty) => return,
                Err(mpsc::error::TryRecvError::Disconnected) => {
                    self.requests_open = false;
                    return;
                }
            }
        }
    }

    fn take(&mut self, request: Request) {
        match request {
            Request::Open(request) => match &self.ended {
                Some(end) => {
                    let lost = OpenError::Lost { end: end.clone(), requested: false };
                    // Whoever asked may have gone.
                    let _ = request.reply.send(Err(lost));
                }
                None => {
                    self.opening.push(request);
                    self.count();
                }
            },
            Request::Shutdown { now } => {
                self.leaving = true;
                if now {
                    self.lose(LinkEnd::ByUs);
                }
            }
        }
    }

    fn count(&self) {
        self.shared.set_channels(self.channels.len() + self.opening.len());
    }

    /// Notes the end. Nobody gets a channel any more; what has been received is still handed out.
    fn lose(&mut self, end: LinkEnd) {
        if self.ended.is_some() {
            return;
        }
        self.shared.set_end(end.clone());
        self.opening.lose(&end);
        self.ended = Some(end);
        self.count();
    }

    /// Notes an end that libssh2 met. After it has failed as a whole it hands out nothing, whatever it still holds; and
    /// what came after a packet that was changed on its way must not be handed out.
    fn fail(&mut self, error: SshError) -> LinkEnd {
        let end = match self.connection.session.disconnect_text() {
            Some(_) => closed(&mut self.connection.session),
            None => LinkEnd::Protocol(error),
        };
        self.broken = true;
        self.lose(end.clone());
        end
    }

    /// One turn over everything that can move without the link. True when something did.
    fn pass(&mut self) -> bool {
        let mut progress = self.start_channels();
        if self.broken {
            return progress;
        }
        let mut index = 0;
        let mut held_up = None;
        while let Some(channel) = self.channels.get_mut(index) {
            match channel.turn(&mut self.connection) {
                Ok(ChannelTurn { progress: moved, closed, held_up: waits }) => {
                    progress |= moved;
                    if waits {
                        held_up.get_or_insert(index);
                    }
                    if closed {
                        let channel = self.channels.swap_remove(index);
                        self.retire(channel);
                        progress = true;
                        continue;
                    }
                }
                Err(error) => {
                    self.fail(error);
                    return progress;
                }
            }
            index += 1;
        }
        // On a link slower than its writers, those in front fill whatever room there is. The first one that found
        // none is in front next time. It has not moved: only channels behind it have been taken out since.
        if let Some(first) = held_up.filter(|first| *first < self.channels.len()) {
            self.channels.rotate_left(first);
        }
        self.take_in();
        progress
    }

    /// Lets libssh2 take in what has come while no channel reads.
    fn take_in(&mut self) {
        if self.connection.session.io().waiting() == 0 {
            return;
        }
        let channel = self.channels.first().map(|channel| &channel.raw).or(self.pump.as_ref());
        let Some(channel) = channel else { return };
        if let Err(error) = self.connection.session.read(channel, 0, &mut []) {
            self.fail(error);
        }
    }

    /// Gives up a connection whose node makes libssh2 keep more than an honest one can.
    fn check_memory(&mut self) {
        let held = self.connection.session.io().held();
        // The answer is no in all but very few turns, and no channel has to be looked at for it.
        if held <= memory::most(0, 0) {
            return;
        }
        let tunnels = self.channels.iter().filter(|channel| channel.tunnel).count();
        let commands = self.channels.len() - tunnels + usize::from(self.opening.is_under_way());
        if held > memory::most(commands, tunnels) {
            self.lose(LinkEnd::Flooded(held / (1024 * 1024)));
        }
    }

    fn start_channels(&mut self) -> bool {
        let mut progress = false;
        if self.ended.is_some() {
            return progress;
        }
        // Bounded by the number of requests that wait.
        loop {
            let now = Instant::now();
            let others = !self.channels.is_empty() || self.carried;
            let Some(opened) = self.opening.turn(&mut self.connection.session, others, now) else { break };
            progress = true;
            match opened {
                Opened::Running(request, raw) => {
                    self.release_pump();
                    let tunnel = matches!(request.kind, ChannelKind::Tunnel { .. });
                    self.channels.push(ActiveChannel::new(raw, Arc::clone(&request.pipe), tunnel));
                    // A receiver that is gone drops the handle, which closes the channel.
                    let _ = request.reply.send(Ok(ChannelHandle::new(request.pipe)));
                }
                Opened::Failed(request, error, raw) => {
                    if let Some(raw) = raw {
                        let mut channel = ActiveChannel::new(raw, Arc::clone(&request.pipe), false);
                        channel.closing = true;
                        self.channels.push(channel);
                    }
                    let _ = request.reply.send(Err(error));
                }
                Opened::Broken(request, error, requested) => {
                    let end = self.fail(error);
                    let _ = request.reply.send(Err(OpenError::Lost { end, requested }));
                    break;
                }
            }
        }
        let stuck = self.opening.turn_away(Instant::now());
        if stuck != self.stuck {
            self.stuck = stuck;
            self.shared.set_stuck(stuck);
            // Whoever waits for the tunnel will want to know whether it is the node itself that is silent.
            if stuck && self.opening.tunnel_since().is_some_and(|since| self.last_heard < since) {
                self.ask();
            }
        }
        self.count();
        progress
    }

    fn retire(&mut self, channel: ActiveChannel) {
        self.carried = true;
        channel.pipe.push(ChannelEvent::Closed);
        self.release_pump();
        if channel.eof_told {
            self.pump = Some(channel.raw);
        } else {
            // It still holds unread data, which a pump would keep.
            self.connection.session.free_channel(channel.raw);
        }
        self.count();
    }

    fn release_pump(&mut self) {
        if let Some(pump) = self.pump.take() {
            self.connection.session.free_channel(pump);
        }
    }

    /// Sends what is buffered, as far as the link takes it. True when something left.
    fn flush(&mut self) -> bool {
        let mut moved = false;
        // Bounded by the backlog: the session does not run meanwhile.
        while !self.connection.session.io().unsent().is_empty() && self.ended.is_none() {
            match self.connection.link.try_write(self.connection.session.io().unsent()) {
                Ok(n) => {
                    self.connection.session.io().sent(n);
                    moved = true;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => self.lose(LinkEnd::Io(error.to_string())),
            }
        }
        moved
    }

    /// Whether more input is of use now.
    fn wants_input(&mut self) -> bool {
        let someone = !self.channels.is_empty() || self.opening.is_under_way() || self.pump.is_some();
        let io = self.connection.session.io();
        self.ended.is_none() && (io.waiting() == 0 || (!someone && io.waiting() < IDLE_INBOUND))
    }

    /// Takes in what has come. True when something did.
    fn receive(&mut self) -> bool {
        if !self.wants_input() {
            return false;
        }
        let (link, session) = (&mut self.connection.link, &mut self.connection.session);
        let read = with_scratch(|buffer| {
            let n = link.try_read(buffer)?;
            session.io().feed(buffer.get(..n).unwrap_or_default());
            Ok::<_, std::io::Error>(n)
        });
        match read {
            Ok(0) => {
                let end = closed(&mut self.connection.session);
                self.lose(end);
                true
            }
            Ok(_) => {
                self.last_heard = Instant::now();
                self.shared.hear(self.last_heard);
                self.asked = 0;
                true
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => false,
            Err(error) => {
                self.lose(LinkEnd::Io(error.to_string()));
                true
            }
        }
    }

    /// Waits until something can move. Nothing is lost when it returns for no reason.
    async fn wait(&mut self) {
        let read = self.wants_input();
        let write = !self.connection.session.io().unsent().is_empty() && self.ended.is_none();
        let opening = self.opening.wake().filter(|_| self.ended.is_none());
        let question = self.next_question();
        let linger = self.unused_since.map(|since| since + LINGER);
        let wake = [opening, question, linger].into_iter().flatten().min();
        tokio::select! {
            biased;
            // An error of the socket shows again in the read or write that follows.
            _ = self.connection.link.ready(read, write), if read || write => {}
            request = self.requests.recv(), if self.requests_open => match request {
                Some(request) => self.take(request),
                None => self.requests_open = false,
            },
            () = self.shared.notify.notified() => {}
            () = tokio::time::sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {}
        }
    }

    fn next_question(&self) -> Option<Instant> {
        let interval = self.options.keepalive.filter(|_| self.ended.is_none())?;
        Some(self.last_heard + interval * (self.asked + 1))
    }

    /// Asks for a sign of life when it is time, and gives the connection up when too many were not answered.
    fn check_liveness(&mut self) {
        let now = Instant::now();
        if self.next_question().is_none_or(|at| at > now) {
            return;
        }
        if self.asked >= self.options.keepalive_max.max(1) {
            self.lose(LinkEnd::Silent((now - self.last_heard).as_secs()));
            return;
        }
        self.ask();
    }

    /// Asks for a sign of life.
    fn ask(&mut self) {
        self.asked += 1;
        self.shared.count_question();
        if let Err(error) = self.connection.session.keepalive() {
            self.fail(error);
        }
    }

    async fn end(mut self, end: LinkEnd) {
        self.lose(end.clone());
        if end == LinkEnd::ByUs {
            self.connection.session.disconnect();
            let _ = tokio::time::timeout(GOODBYE, self.connection.flush()).await;
        }
        self.requests.close();
        // Bounded by the queue's size: it is closed.
        while let Ok(request) = self.requests.try_recv() {
            self.take(request);
        }
        for channel in self.channels.drain(..) {
            channel.pipe.push(ChannelEvent::Lost(end.clone()));
        }
        self.shared.set_channels(0);
        self.connection.session.io().end();
        let Connection { session, link } = self.connection;
        drop(session);
        link.close();
    }
}
