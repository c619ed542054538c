//! Tools that work in a project: [`ProjectTools`], so that whoever reads inventories and facts finds the same settings of
//! the tool as a run does.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use pabawi_domain::ports::{RunningTool, ToolCommand, ToolError, ToolOutput, ToolRunner};
use pabawi_domain::secret::Secret;

/// Runs tools in the project, with the environment of a plugin's settings.
pub(crate) struct ProjectTools {
    /// Runs them.
    pub(crate) tools: Arc<dyn ToolRunner>,
    /// Variables where a call does not set them itself.
    pub(crate) environment: BTreeMap<String, Secret>,
    /// Where a call works that does not say it itself.
    pub(crate) directory: Option<PathBuf>,
}

impl ProjectTools {
    fn placed(&self, mut tool: ToolCommand) -> ToolCommand {
        for (name, value) in &self.environment {
            tool.environment.entry(name.clone()).or_insert_with(|| value.clone());
        }
        tool.directory = tool.directory.or_else(|| self.directory.clone());
        tool
    }
}

#[async_trait]
impl ToolRunner for ProjectTools {
    async fn run(&self, tool: ToolCommand) -> Result<ToolOutput, ToolError> {
        self.tools.run(self.placed(tool)).await
    }

    async fn start(&self, tool: ToolCommand) -> Result<Box<dyn RunningTool>, ToolError> {
        self.tools.start(self.placed(tool)).await
    }
}
