//! Nodes of a run without the secrets of the configuration: [`WithoutSecrets`].

use std::sync::Arc;

use async_trait::async_trait;
use pabawi_domain::outcome::Termination;
use pabawi_domain::ports::{ActionEnd, ActionEvent, RunningAction, TerminateMode};
use pabawi_domain::redact::Redactor;

/// A node of a run whose failure shows no secret of the configuration: a fault quotes the program's log.
pub(super) struct WithoutSecrets {
    pub(super) action: Box<dyn RunningAction>,
    pub(super) secrets: Arc<Redactor>,
}

#[async_trait]
impl RunningAction for WithoutSecrets {
    async fn next(&mut self) -> ActionEvent {
        match self.action.next().await {
            ActionEvent::Ended(ActionEnd::Failed(mut failure)) => {
                self.secrets.error(&mut failure.error);
                ActionEvent::Ended(ActionEnd::Failed(failure))
            }
            other => other,
        }
    }

    async fn terminate(&mut self, mode: TerminateMode) -> Termination {
        self.action.terminate(mode).await
    }

    fn is_taken(&self) -> bool {
        self.action.is_taken()
    }

    fn keeps(&self) -> bool {
        self.action.keeps()
    }

    async fn settle(&mut self) -> bool {
        self.action.settle().await
    }
}
