//! [`LocalTools`]: runs tools of this machine within limits, to their end or read while they work.

use async_trait::async_trait;
use bytes::BytesMut;
use pabawi_domain::output::StreamKind;
use pabawi_domain::ports::{
    RunningTool, TerminateMode, ToolCommand, ToolError, ToolEvent, ToolOutput, ToolRunner,
};

use super::running_tool::LocalTool;

/// Runs tools, each in a session of its own. What a tool leaves running in its session is ended with it: it was
/// asked a question, and nobody would wait for the rest.
#[derive(Debug, Clone, Copy, Default)]
pub struct LocalTools;

#[async_trait]
impl ToolRunner for LocalTools {
    async fn run(&self, tool: ToolCommand) -> Result<ToolOutput, ToolError> {
        let limit = tool.max_output_bytes;
        let mut running = LocalTool::start(&tool)?;
        let (mut stdout, mut stderr) = (BytesMut::new(), BytesMut::new());
        // Every turn reads output, which is limited, or is the last.
        loop {
            let (stream, data) = match running.next().await {
                ToolEvent::Output { stream, data } => (stream, data),
                ToolEvent::Ended(end) => {
                    return end.map(|end| ToolOutput {
                        end,
                        stdout: stdout.freeze(),
                        stderr: stderr.freeze(),
                    });
                }
            };
            let kept = match stream {
                StreamKind::Stdout => &mut stdout,
                StreamKind::Stderr => &mut stderr,
            };
            kept.extend_from_slice(&data);
            if kept.len() > limit {
                let program = tool.program.display().to_string();
                let termination = running.terminate(TerminateMode::Kill).await;
                return Err(ToolError::TooMuchOutput { program, stream, limit, termination });
            }
        }
    }

    async fn start(&self, tool: ToolCommand) -> Result<Box<dyn RunningTool>, ToolError> {
        Ok(Box::new(LocalTool::start(&tool)?))
    }
}
