//! What every [`PlanStore`] must do. Main function: [`plans_are_remembered`].

use pabawi_domain::action::{Action, CommandAction, EnvValue, RunAs, RunAsMethod};
use pabawi_domain::node::TargetExpression;
use pabawi_domain::output::ContentHash;
use pabawi_domain::ports::PlanStore;
use pabawi_domain::preview::{PlanHash, PreviewBasis, StoredPlan};
use pabawi_domain::request::{Caller, EntryPoint, ExecutionRequest};
use pabawi_domain::secret::Secret;

use super::records::{at, good};

fn plan(number: u8, made: i64) -> StoredPlan {
    let mut request =
        ExecutionRequest::new(Action::Command(CommandAction::new("true")), TargetExpression::new("web1"));
    if let Some(process) = request.action.process_mut() {
        process.env.insert("TOKEN".into(), EnvValue::Secret { secret: Secret::new("canary-1") });
        let password = Some(Secret::new("canary-2"));
        process.run_as = Some(RunAs { user: "root".into(), method: RunAsMethod::Sudo, password });
    }
    StoredPlan {
        hash: PlanHash(ContentHash([number; 32])),
        caller: Caller { user: "ann".into(), entry_point: EntryPoint::Cli },
        created_at: at(made),
        expires_at: at(made + 100),
        basis: PreviewBasis {
            format: PreviewBasis::FORMAT,
            request: request.redacted(),
            targets: Vec::new(),
            files: Vec::new(),
        },
        request,
        surface: "what the surface needs".into(),
    }
}

/// Plans are read back as they were written last, without secrets; they are found by the beginning of their hash,
/// newest first, and forgotten when they expired before a time.
pub async fn plans_are_remembered(store: &dyn PlanStore) {
    let (old, new) = (plan(0xab, 10), plan(0xac, 20));
    assert_eq!(good("read", store.plan(old.hash).await), None);
    assert_eq!(good("list", store.plans("", 10).await), []);
    good("write", store.save_plan(&new).await);
    good("write", store.save_plan(&old).await);
    let read = good("read", store.plan(old.hash).await);
    let password = read.as_ref().and_then(|plan| plan.request.action.process()?.run_as.clone()?.password);
    assert!(password.is_some_and(|password| password.is_redacted()));
    assert_eq!(read, Some(old.redacted()));
    assert_eq!(good("list", store.plans("", 10).await), [new.head(), old.head()]);
    assert_eq!(good("list", store.plans("", 1).await), [new.head()]);
    assert_eq!(good("list", store.plans("aba", 10).await), [old.head()]);
    assert_eq!(good("list", store.plans("%", 10).await), []);
    let mut again = plan(0xab, 30);
    again.surface = Default::default();
    good("write", store.save_plan(&again).await);
    assert_eq!(good("list", store.plans("", 10).await), [again.head(), new.head()]);
    assert_eq!(good("read", store.plan(old.hash).await), Some(again.redacted()));
    assert_eq!(good("forget", store.forget_plans(at(120)).await), 0);
    assert_eq!(good("forget", store.forget_plans(at(121)).await), 1);
    assert_eq!(good("list", store.plans("", 10).await), [again.head()]);
}
