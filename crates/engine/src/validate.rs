//! First stage: every violation at once, before anything else happens. Main type: [`ValidRequest`], which only
//! [`validate`] makes. It opens no file and asks nobody.

use pabawi_domain::action::ActionKind;
use pabawi_domain::request::{Caller, ExecutionRequest};

use crate::error::SubmitError;

/// A request whose every field obeys its rules.
#[derive(Debug)]
pub(crate) struct ValidRequest {
    caller: Caller,
    request: ExecutionRequest,
    capability: &'static str,
}

/// Checks a request.
///
/// # Errors
/// [`SubmitError::Invalid`] with every bad field; [`SubmitError::Unsupported`] for actions of tools.
pub(crate) fn validate(caller: Caller, request: ExecutionRequest) -> Result<ValidRequest, SubmitError> {
    request.check()?;
    let kind = request.action.kind();
    let (capability, by_transport) = capability_of(kind);
    if by_transport {
        Ok(ValidRequest { caller, request, capability })
    } else {
        Err(SubmitError::Unsupported { kind, capability })
    }
}

/// The capability that an action needs, and whether transports can do it without a plugin.
fn capability_of(kind: ActionKind) -> (&'static str, bool) {
    match kind {
        ActionKind::Command => ("command.execute", true),
        ActionKind::Script => ("script.execute", true),
        ActionKind::Upload => ("file.upload", true),
        ActionKind::Download => ("file.download", true),
        ActionKind::Task => ("task.execute", false),
        ActionKind::Playbook => ("playbook.execute", false),
        ActionKind::Plan => ("plan.execute", false),
        ActionKind::Facts => ("facts.collect", false),
        ActionKind::Package => ("package.manage", false),
        // A kind that is newer than this engine: nothing here can do it.
        _ => ("unknown", false),
    }
}

impl ValidRequest {
    pub(crate) fn request(&self) -> &ExecutionRequest {
        &self.request
    }

    /// Caller, request and the capability that the action needs.
    pub(crate) fn into_parts(self) -> (Caller, ExecutionRequest, &'static str) {
        (self.caller, self.request, self.capability)
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
    #[test]
    fn bad_fields_are_all_named() {
        let mut request =
            ExecutionRequest::new(Action::Command(CommandAction::new("")), TargetExpression::new(" "));
        request.concurrency = Some(0);
        let SubmitError::Invalid(error) = validate(caller(), request).unwrap_err() else { panic!() };
        let paths: Vec<&str> = error.fields.iter().map(|field| field.path.as_str()).collect();
        assert_eq!(paths, ["action.command", "concurrency", "targets"]);
    }

    #[test]
    fn an_action_of_a_tool_is_refused_with_the_capability_it_needs() {
        let tool = ToolAction { name: "package".into(), ..ToolAction::default() };
        let request = ExecutionRequest::new(Action::Task(tool), TargetExpression::new("web1"));
        let error = validate(caller(), request).unwrap_err();
        assert_eq!(error.code(), ErrorCode::Unsupported);
        assert!(error.to_string().contains("task.execute"), "{error}");
    }
}
