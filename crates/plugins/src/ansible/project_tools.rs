//! Tools that work in the project: [`ProjectTools`], so that whoever reads inventories and facts finds the same settings of
//! Ansible as a run does.

use std::sync::Arc;

use async_trait::async_trait;
use pabawi_domain::ports::{RunningTool, ToolCommand, ToolError, ToolOutput, ToolRunner};

use super::settings::Settings;

/// Runs tools in the project, with the environment of the plugin's settings.
pub(super) struct ProjectTools {
    pub(super) tools: Arc<dyn ToolRunner>,
    pub(super) settings: Arc<Settings>,
}

impl ProjectTools {
    fn placed(&self, mut tool: ToolCommand) -> ToolCommand {
        for (name, value) in &self.settings.environment {
            tool.environment.entry(name.clone()).or_insert_with(|| value.clone());
        }
        tool.directory = tool.directory.or_else(|| self.settings.project_path.clone());
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
