//! The task that owns a tool: [`follow`] starts it. It reads the tool, tells each node what is said about it, and ends the
//! tool when the nodes want that or when nobody is left who reads.

use std::any::Any;
use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use pabawi_domain::error::{ErrorCode, NodeError};
use pabawi_domain::id::{NodeId, PluginName};
use pabawi_domain::outcome::Termination;
use pabawi_domain::output::StreamKind;
use pabawi_domain::panic_guard::caught;
use pabawi_domain::ports::{
    ActionEnd, RunningAction, RunningTool, TerminateMode, ToolEnd, ToolError, ToolEvent, TransportError,
};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::Instrument as _;

use super::delivery::{Delivery, PIECE, STALL};
use super::fault::{fault, late};
use super::lines::Lines;
use super::node_part::{NodePart, Order};
use super::parser::{ToolParser, Word};

/// Bytes of the tool's standard error that are kept for those of whom it says nothing.
const LAST_WORDS: usize = 8 * 1024;
/// The longest piece of a line of standard error.
const ERROR_LINE: usize = 16 * 1024;
/// So long a tool may tidy up when it has said the end of every node.
const TIDYING: Duration = Duration::from_secs(10);

/// A tool that was started, and how to understand it.
pub struct ToolRun {
    /// The plugin, for messages.
    pub plugin: PluginName,
    /// The program, for messages.
    pub program: String,
    /// The tool.
    pub tool: Box<dyn RunningTool>,
    /// Understands it.
    pub parser: Box<dyn ToolParser>,
    /// Its nodes.
    pub nodes: Vec<NodeId>,
    /// What has to live as long as the tool works: files that it reads.
    pub kept: Box<dyn Any + Send>,
}

/// Starts the task on the current runtime; one part for each node.
pub fn follow(run: ToolRun) -> Vec<(NodeId, Box<dyn RunningAction>)> {
    // A node asks once at a time.
    let (order, orders) = mpsc::channel(run.nodes.len().max(1));
    let mut parts: Vec<(NodeId, Box<dyn RunningAction>)> = Vec::with_capacity(run.nodes.len());
    let mut deliveries = Vec::with_capacity(run.nodes.len());
    let mut places = HashMap::with_capacity(run.nodes.len());
    for (place, node) in run.nodes.into_iter().enumerate() {
        let (delivery, (output, last)) = Delivery::new();
        places.insert(node.clone(), place);
        deliveries.push((node.clone(), delivery));
        let part = NodePart {
            plugin: run.plugin.clone(),
            node: node.clone(),
            output,
            last,
            orders: order.clone(),
            over: None,
        };
        parts.push((node, Box::new(part)));
    }
    let reader = Reader {
        stdout: Lines::new(run.parser.longest_line(), run.parser.takes_pieces()),
        stderr: Lines::new(ERROR_LINE, true),
        plugin: run.plugin,
        program: run.program,
        tool: run.tool,
        parser: run.parser,
        places,
        deliveries,
        orders,
        last_words: Vec::new(),
        ended_by_order: None,
        is_over: false,
        kept: run.kept,
    };
    tokio::spawn(reader.run().in_current_span());
    parts
}

struct Reader {
    plugin: PluginName,
    program: String,
    tool: Box<dyn RunningTool>,
    parser: Box<dyn ToolParser>,
    places: HashMap<NodeId, usize>,
    deliveries: Vec<(NodeId, Delivery)>,
    orders: mpsc::Receiver<Order>,
    stdout: Lines,
    stderr: Lines,
    /// The end of standard error.
    last_words: Vec<u8>,
    /// What was left of the tool when it was ended before its time.
    ended_by_order: Option<Termination>,
    is_over: bool,
    kept: Box<dyn Any + Send>,
}

/// What one wait brought.
enum Turn {
    Order(Option<Order>),
    Event(ToolEvent),
}

impl Reader {
    /// Works until nobody is left who could ask.
    async fn run(mut self) {
        // Each turn reads output, notices the end or an order; it ends with the nodes.
        loop {
            let turn = tokio::select! {
                biased;
                order = self.orders.recv() => Turn::Order(order),
                event = self.tool.next(), if !self.is_over => Turn::Event(event),
            };
            match turn {
                Turn::Order(Some(order)) => self.end_by(order).await,
                Turn::Order(None) => break,
                Turn::Event(ToolEvent::Output { stream, data }) => self.read(stream, &data).await,
                Turn::Event(ToolEvent::Ended(end)) => self.finish(&end).await,
            }
        }
        let all_ended = self.deliveries.iter().all(|(_, delivery)| !delivery.is_open());
        if all_ended && !self.is_over {
            // Nobody is left to be told; what a tool does at its end is its own business.
            let tidying = async { while let ToolEvent::Output { .. } = self.tool.next().await {} };
            let _ = tokio::time::timeout(TIDYING, tidying).await;
        }
        // Dropping a tool that still works kills it; its files go after it.
        let Self { tool, kept, .. } = self;
        drop(tool);
        tokio::task::spawn_blocking(move || drop(kept));
    }

    async fn read(&mut self, stream: StreamKind, data: &[u8]) {
        let lines = match stream {
            StreamKind::Stdout => &mut self.stdout,
            StreamKind::Stderr => {
                keep_end(&mut self.last_words, data);
                &mut self.stderr
            }
        };
        lines.push(data);
        // Each turn takes a line, or is the last.
        while self.ended_by_order.is_none() {
            let lines = match stream {
                StreamKind::Stdout => &mut self.stdout,
                StreamKind::Stderr => &mut self.stderr,
            };
            match lines.next() {
                Ok(Some(line)) => self.line(stream, &line).await,
                Ok(None) => return,
                Err(_) => {
                    let longest = self.parser.longest_line();
                    let text = format!("{} printed a line of more than {longest} bytes", self.program);
                    return self.give_up(&text).await;
                }
            }
        }
    }

    async fn line(&mut self, stream: StreamKind, line: &[u8]) {
        let mut words = Vec::new();
        let parser = &mut self.parser;
        match caught(|| parser.line(stream, line, &mut words)) {
            Ok(Ok(())) => self.tell(words).await,
            Ok(Err(nonsense)) => {
                self.tell(words).await;
                let text = format!("what {} printed cannot be understood: {nonsense}", self.program);
                self.give_up(&text).await;
            }
            Err(panic) => {
                let text = format!("panicked at the output of {}: {panic}", self.program);
                self.give_up(&text).await;
            }
        }
    }

    /// The tool cannot be used any more: it is ended, and all nodes that are left have a fault.
    async fn give_up(&mut self, why: &str) {
        let here = self.tool.terminate(TerminateMode::Kill).await;
        self.fail_rest(why, &here);
        self.ended_by_order = Some(here);
    }

    fn fail_rest(&mut self, why: &str, here: &Termination) {
        let last_words = String::from_utf8_lossy(&self.last_words).into_owned();
        for (node, delivery) in self.deliveries.iter_mut().filter(|(_, delivery)| delivery.is_open()) {
            let left = self.parser.left_on(node, here);
            delivery.end(fault(&self.plugin, node, why, &last_words, Some(left)));
        }
    }

    async fn tell(&mut self, words: Vec<Word>) {
        for word in words {
            match word {
                Word::Output { node, stream, data } => {
                    if let Some(place) = self.places.get(&node).copied() {
                        self.tell_one(place, stream, data).await;
                    }
                }
                Word::Everyone { stream, data } => {
                    for place in 0..self.deliveries.len() {
                        self.tell_one(place, stream, data.clone()).await;
                    }
                }
                Word::Ended { node, end } => {
                    let place = self.places.get(&node).copied();
                    if let Some((_, delivery)) = place.and_then(|place| self.deliveries.get_mut(place)) {
                        delivery.end(end);
                    }
                }
            }
        }
    }

    /// Tells a node its output, waiting for it no longer than [`STALL`]; it can be ended meanwhile.
    async fn tell_one(&mut self, place: usize, stream: StreamKind, mut data: Bytes) {
        let Some(pieces) = self.deliveries.get(place).and_then(|(_, delivery)| delivery.pieces()) else {
            return;
        };
        let mut patience = Instant::now() + STALL;
        while !data.is_empty() && self.ended_by_order.is_none() {
            tokio::select! {
                biased;
                room = pieces.reserve() => match room {
                    Ok(room) => {
                        room.send((stream, data.split_to(PIECE.min(data.len()))));
                        patience = Instant::now() + STALL;
                    }
                    Err(_) => return,
                },
                order = self.orders.recv() => match order {
                    Some(order) => self.end_by(order).await,
                    None => return,
                },
                () = tokio::time::sleep_until(patience) => {
                    if let Some((node, delivery)) = self.deliveries.get_mut(place) {
                        let plugin = &self.plugin;
                        tracing::warn!(%plugin, %node, "nobody reads the output of this node; it is left out");
                        delivery.cut();
                    }
                    return;
                }
            }
        }
    }

    /// Ends the tool; whoever else wants that meanwhile has the same answer, and a kill makes it a kill.
    async fn end_by(&mut self, order: Order) {
        let mut mode = order.mode;
        let mut askers = vec![order];
        let here = loop {
            let killing = matches!(mode, TerminateMode::Kill);
            let mut ending = self.tool.terminate(mode);
            let harder = loop {
                tokio::select! {
                    here = &mut ending => break Ok(here),
                    Some(order) = self.orders.recv() => {
                        let kill = matches!(order.mode, TerminateMode::Kill);
                        askers.push(order);
                        if kill && !killing {
                            break Err(TerminateMode::Kill);
                        }
                    }
                }
            };
            match harder {
                Ok(here) => break here,
                Err(kill) => mode = kill,
            }
        };
        for Order { node, answer, .. } in askers {
            // Whoever has gone away needs no answer.
            let _ = answer.send(self.parser.left_on(&node, &here));
        }
        for (node, delivery) in self.deliveries.iter_mut().filter(|(_, delivery)| delivery.is_open()) {
            let text = format!("{} was ended", self.program);
            let error = NodeError::new(node.clone(), ErrorCode::Internal, text);
            let termination = Some(self.parser.left_on(node, &here));
            delivery.end(ActionEnd::Failed(TransportError { error, may_have_started: true, termination }));
        }
        self.ended_by_order = Some(here);
    }

    async fn finish(&mut self, end: &Result<ToolEnd, ToolError>) {
        self.is_over = true;
        if self.ended_by_order.is_some() {
            return;
        }
        for stream in [StreamKind::Stderr, StreamKind::Stdout] {
            let lines = match stream {
                StreamKind::Stdout => &mut self.stdout,
                StreamKind::Stderr => &mut self.stderr,
            };
            if let Some(rest) = lines.rest() {
                self.line(stream, &rest).await;
            }
        }
        let mut words = Vec::new();
        let parser = &mut self.parser;
        let ended = caught(|| parser.ended(end, &mut words));
        self.tell(words).await;
        let why = match (&ended, end) {
            (Err(panic), _) => format!("panicked at the end of {}: {panic}", self.program),
            (Ok(Err(nonsense)), _) => {
                format!("what {} printed cannot be understood: {nonsense}", self.program)
            }
            (_, Err(error)) => error.to_string(),
            (_, Ok(ToolEnd::Exited(code))) => {
                format!("{} ended with exit status {code} and said nothing of this node", self.program)
            }
            (_, Ok(ToolEnd::Signalled(signal))) => {
                format!("{} was ended by SIG{signal} before it was done with this node", self.program)
            }
        };
        let here = match end {
            Err(ToolError::TimedOut { termination, .. } | ToolError::TooMuchOutput { termination, .. }) => {
                termination.clone()
            }
            // At its end nothing of it is left here.
            _ => Termination::Confirmed,
        };
        if let Err(error @ ToolError::TimedOut { .. }) = end {
            let why = error.to_string();
            for (node, delivery) in self.deliveries.iter_mut().filter(|(_, delivery)| delivery.is_open()) {
                delivery.end(late(node, &why, self.parser.left_on(node, &here)));
            }
        }
        self.fail_rest(&why, &here);
    }
}

/// Keeps the last [`LAST_WORDS`] bytes.
fn keep_end(kept: &mut Vec<u8>, data: &[u8]) {
    kept.extend_from_slice(data);
    let surplus = kept.len().saturating_sub(LAST_WORDS);
    kept.drain(..surplus);
}
