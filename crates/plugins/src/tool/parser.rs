//! What a plugin writes to be told apart by node: [`ToolParser`]. It reads lines and says words; it waits for nothing.

use bytes::Bytes;
use pabawi_domain::id::NodeId;
use pabawi_domain::outcome::Termination;
use pabawi_domain::output::StreamKind;
use pabawi_domain::ports::{ActionEnd, ToolEnd, ToolError};

/// Something that a tool's output says.
#[derive(Debug, Clone)]
pub enum Word {
    /// Output of one node.
    Output {
        /// The node.
        node: NodeId,
        /// Which stream of it.
        stream: StreamKind,
        /// The bytes.
        data: Bytes,
    },
    /// Output for all nodes that have not ended: a warning, the head of a step.
    Everyone {
        /// Which stream of theirs.
        stream: StreamKind,
        /// The bytes.
        data: Bytes,
    },
    /// A node is done. What is said of it later is passed over.
    Ended {
        /// The node.
        node: NodeId,
        /// How.
        end: ActionEnd,
    },
}

/// Understands the output of one run of a tool.
pub trait ToolParser: Send + 'static {
    /// The longest line of the tool's standard output, in bytes without its line break; a longer one is a fault. Longer
    /// lines of its standard error come in pieces.
    fn longest_line(&self) -> usize {
        1024 * 1024
    }

    /// Whether longer lines of its standard output come in pieces, too, so that nothing of it is a fault by its length.
    fn takes_pieces(&self) -> bool {
        false
    }

    /// A line, without its line break. Bytes behind the last line break are a line too.
    ///
    /// # Errors
    /// What is wrong with it, when the tool answered nonsense: the tool is ended then, and nodes that have not ended have
    /// a fault.
    fn line(&mut self, stream: StreamKind, line: &[u8], words: &mut Vec<Word>) -> Result<(), String>;

    /// The tool has ended. What is said here comes before the fault of nodes without a word.
    ///
    /// # Errors
    /// What is wrong with all that it printed; it is the fault of nodes without a word then.
    fn ended(&mut self, end: &Result<ToolEnd, ToolError>, words: &mut Vec<Word>) -> Result<(), String> {
        let _ = (end, words);
        Ok(())
    }

    /// What is left on a node of a run that was ended before its time, when this is what is left of the tool here.
    fn left_on(&self, node: &NodeId, here: &Termination) -> Termination {
        let _ = node;
        here.clone()
    }
}
