//! First stage: every violation at once, before anything else happens. Main type: [`ValidRequest`], which only
//! [`validate`] makes. It opens no file; of ports, it asks the router of tools, which runs
//! nothing.

use pabawi_domain::request::{Caller, ExecutionRequest};

use crate::error::SubmitError;
use crate::needs::{Needs, Tools};

/// A request whose every field obeys its rules.
#[derive(Debug)]
pub(crate) struct ValidRequest {
    caller: Caller,
    request: ExecutionRequest,
    needs: Needs,
}

/// Checks a request, and has the plugin chosen for what a tool is to do, or for what a plugin is to do before the transports
/// (R6.8). The latter is written into the request.
///
/// # Errors
/// [`SubmitError::Invalid`] with every bad field; [`SubmitError::Unsupported`] and [`SubmitError::NotReady`] for actions of
/// tools.
pub(crate) async fn validate(
    caller: Caller,
    mut request: ExecutionRequest,
    tools: &Tools,
) -> Result<ValidRequest, SubmitError> {
    request.check()?;
    let is_chosen = tools.choose(&mut request).await;
    let by = request.transport.as_ref();
    tools.first_health(&request.action, by).await;
    let mut needs = tools.needs(&mut request.action, by, "action")?;
    needs.is_chosen = is_chosen;
    if let Some(check) = request.rollout.health_check_mut() {
        tools.first_health(&check.action, by).await;
        // It is asked about again when it is run; what is wrong with it is told before anything is.
        let of_check = tools.needs(&mut check.action, by, "rollout.healthCheck.action")?;
        needs.refused = needs.refused.or(of_check.refused);
    }
    Ok(ValidRequest { caller, request, needs })
}

impl ValidRequest {
    pub(crate) fn request(&self) -> &ExecutionRequest {
        &self.request
    }

    /// Caller, request and what the action needs.
    pub(crate) fn into_parts(self) -> (Caller, ExecutionRequest, Needs) {
        (self.caller, self.request, self.needs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pabawi_domain::action::{Action, CommandAction, ToolAction};
    use pabawi_domain::error::ErrorCode;
    use pabawi_domain::node::TargetExpression;
    use pabawi_domain::request::EntryPoint;

    fn caller() -> Caller {
        Caller { user: "ann".into(), entry_point: EntryPoint::Rust }
    }

    /// R9.3, R9.6
    #[tokio::test]
    async fn bad_fields_are_all_named() {
        let mut request =
            ExecutionRequest::new(Action::Command(CommandAction::new("")), TargetExpression::new(" "));
        request.concurrency = Some(0);
        let SubmitError::Invalid(error) = validate(caller(), request, &Tools::default()).await.unwrap_err()
        else {
            panic!()
        };
        let paths: Vec<&str> = error.fields.iter().map(|field| field.path.as_str()).collect();
        assert_eq!(paths, ["action.command", "concurrency", "targets"]);
    }

    #[tokio::test]
    async fn an_action_of_a_tool_is_refused_with_the_capability_it_needs() {
        let tool = ToolAction { name: "package".into(), ..ToolAction::default() };
        let request = ExecutionRequest::new(Action::Task(tool), TargetExpression::new("web1"));
        let error = validate(caller(), request, &Tools::default()).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::Unsupported);
        assert!(error.to_string().contains("task.execute"), "{error}");
    }
}
