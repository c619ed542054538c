//! The decision: [`Permissions`] says of what it is made, [`PermissionAuthorizer`] makes it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pabawi_domain::ports::{
    AuthorizationQuery, Authorizer, AuthorizerError, Clock, Decision, Memberships, NodeSelection,
    PermissionName, PermissionTables, StoreError,
};
use pabawi_domain::validation::ValidationError;

use crate::mapping::PermissionMap;
use crate::node_sets::NodeSets;
use crate::policy::{Policy, Question, Verdict};
use crate::tables::Remembered;

/// How long what the tables say is taken for what holds now.
const FRESH: Duration = Duration::from_secs(5);

/// Who decides: Pabawi's tables, a policy file, or the tables and what a file denies besides.
pub struct Permissions {
    tables: Option<Arc<dyn PermissionTables>>,
    policy: Option<Policy>,
    mapping: PermissionMap,
    fresh: Duration,
    nodes: Option<Arc<dyn NodeSelection>>,
}

impl Permissions {
    /// The longest that may be said for [`Permissions::fresh_for`]: whoever is dismissed must not be let in for longer.
    pub const LONGEST_FRESH: Duration = Duration::from_secs(60);

    /// Pabawi's tables decide.
    pub fn of_tables(tables: Arc<dyn PermissionTables>) -> Self {
        Self { tables: Some(tables), ..Self::nothing() }
    }

    /// A policy decides alone.
    pub fn of_policy(policy: Policy) -> Self {
        Self { policy: Some(policy), ..Self::nothing() }
    }

    fn nothing() -> Self {
        Self { tables: None, policy: None, mapping: PermissionMap::default(), fresh: FRESH, nodes: None }
    }

    /// The tables decide, and what they allow a policy may still deny. Groups and roles that its rules name are those of the
    /// tables.
    #[must_use]
    pub fn restricted_by(mut self, policy: Policy) -> Self {
        self.policy = Some(policy);
        self
    }

    /// Other permissions for some capabilities than the table of defaults has.
    #[must_use]
    pub fn mapping(mut self, mapping: PermissionMap) -> Self {
        self.mapping = mapping;
        self
    }

    /// How long what the tables say is taken for what holds now: 5 s when nothing is said, at most 60 s, and zero for never.
    /// What is taken away from somebody is gone after that.
    #[must_use]
    pub fn fresh_for(mut self, fresh: Duration) -> Self {
        self.fresh = fresh;
        self
    }

    /// Which nodes the expressions of rules mean, where it is not for the framework's own sources to say: whoever may choose
    /// those could choose what is in a group.
    #[must_use]
    pub fn nodes_of(mut self, selection: Arc<dyn NodeSelection>) -> Self {
        self.nodes = Some(selection);
        self
    }

    /// Whether everything fits together, which [`Permissions::authorizer`] looks at too.
    ///
    /// # Errors
    /// [`ValidationError`] with what does not.
    pub fn check(&self) -> Result<(), ValidationError> {
        let Self { tables, policy, mapping, fresh, .. } = self;
        let mut faults = ValidationError::default();
        if *fresh > Self::LONGEST_FRESH {
            faults
                .push("permissions.freshFor", format!("must be at most {} s", Self::LONGEST_FRESH.as_secs()));
        }
        if let Some(policy) = policy {
            if tables.is_some() && policy.allows_something() {
                let text = "says who may do what, and so do Pabawi's tables; leave users, groups and allow out of it";
                faults.push("permissions.policy", text);
            }
            match (policy.mapping().is_default(), mapping.is_default(), tables) {
                (true, _, _) | (false, true, Some(_)) => {}
                (false, false, _) => {
                    faults.push("permissions.mapping", "is given twice, in the policy and beside it");
                }
                (false, _, None) => {
                    faults.push("permissions.policy", "has a mapping, which is for Pabawi's tables");
                }
            }
        }
        faults.into_result()
    }

    /// The authorizer. `selection` says which nodes the expressions of rules mean where [`Permissions::nodes_of`] does not,
    /// `clock` what time it is.
    ///
    /// # Errors
    /// As for [`Permissions::check`].
    pub fn authorizer(
        self,
        selection: Arc<dyn NodeSelection>,
        clock: Arc<dyn Clock>,
    ) -> Result<PermissionAuthorizer, ValidationError> {
        self.check()?;
        let Self { tables, policy, mut mapping, fresh, nodes } = self;
        if let (Some(policy), true) = (&policy, mapping.is_default()) {
            mapping = policy.mapping().clone();
        }
        let tables = tables.map(|tables| Remembered::new(tables, fresh));
        let sets = NodeSets::new(nodes.unwrap_or(selection));
        Ok(PermissionAuthorizer { tables, policy, mapping, sets, clock })
    }
}

/// Decides about callers by Pabawi's tables, a policy, or both.
pub struct PermissionAuthorizer {
    tables: Option<Remembered>,
    policy: Option<Policy>,
    mapping: PermissionMap,
    sets: NodeSets,
    clock: Arc<dyn Clock>,
}

/// What the tables say of a caller.
enum Tabled {
    Allowed { user_id: String, name: String },
    Denied(String),
}

#[async_trait]
impl Authorizer for PermissionAuthorizer {
    async fn authorize(&self, query: &AuthorizationQuery<'_>) -> Result<Decision, AuthorizerError> {
        match &self.tables {
            Some(tables) => {
                self.by_tables(tables, query).await.map_err(|error| AuthorizerError(error.to_string()))
            }
            None => Ok(self.by_policy(query).await),
        }
    }

    fn looks_at_nodes(&self) -> bool {
        self.policy.as_ref().is_some_and(Policy::looks_at_nodes)
    }
}

impl PermissionAuthorizer {
    async fn by_tables(
        &self,
        tables: &Remembered,
        query: &AuthorizationQuery<'_>,
    ) -> Result<Decision, Arc<StoreError>> {
        let (user_id, name) = match self.tabled(tables, query).await? {
            Tabled::Allowed { user_id, name } => (user_id, name),
            Tabled::Denied(reason) => return Ok(Decision::Deny { reason }),
        };
        let Some(policy) = &self.policy else { return Ok(Decision::Allow) };
        let members = match policy.looks_at_members() {
            true => tables.memberships(&user_id).await?,
            false => Arc::default(),
        };
        let names = [user_id.as_str(), name.as_str()];
        Ok(match policy.judge(&self.question(query, &names, &members)).await {
            Verdict::Denied(reason) => Decision::Deny { reason },
            Verdict::Allowed | Verdict::NotAllowed(_) => Decision::Allow,
        })
    }

    async fn tabled(
        &self,
        tables: &Remembered,
        query: &AuthorizationQuery<'_>,
    ) -> Result<Tabled, Arc<StoreError>> {
        let AuthorizationQuery { caller, capability, name: of_tool, plugin, risk, .. } = query;
        let mut needed = self.mapping.needed(capability, *of_tool, *plugin, *risk);
        let on = plugin.map(|plugin| format!(" on {plugin}")).unwrap_or_default();
        let lacks = match needed.as_slice() {
            [] => format!("only an administrator may do {capability}{on}"),
            [one] => format!("the permission {one} is missing, which {capability}{on} needs"),
            some => {
                let some: Vec<String> = some.iter().map(ToString::to_string).collect();
                format!("one of the permissions {} is missing, which {capability}{on} needs", some.join(", "))
            }
        };
        if needed.is_empty() {
            // Nobody has it, and administrators need none.
            needed.push(PermissionName::new("", ""));
        }
        for permission in &needed {
            let users = tables.look_up(&caller.user, permission).await?;
            let [user] = &*users else {
                let user = &caller.user;
                let many = format!("{user} is the id of one user and the name of another");
                let none = format!("there is no user {user}");
                return Ok(Tabled::Denied(if users.is_empty() { none } else { many }));
            };
            if !user.is_active {
                return Ok(Tabled::Denied(format!("the user {} is not active", caller.user)));
            }
            if user.is_admin || user.is_granted {
                let (user_id, name) = (user.user_id.clone(), user.username.clone());
                return Ok(Tabled::Allowed { user_id, name });
            }
        }
        Ok(Tabled::Denied(lacks))
    }

    async fn by_policy(&self, query: &AuthorizationQuery<'_>) -> Decision {
        let Some(policy) = &self.policy else {
            return Decision::Deny { reason: "no permissions are set up".to_owned() };
        };
        let (members, is_admin) = match policy.member(&query.caller.user) {
            Ok(member) => member,
            Err(reason) => return Decision::Deny { reason },
        };
        let names = [query.caller.user.as_str()];
        match policy.judge(&self.question(query, &names, &members)).await {
            Verdict::Allowed => Decision::Allow,
            Verdict::NotAllowed(_) if is_admin => Decision::Allow,
            Verdict::Denied(reason) | Verdict::NotAllowed(reason) => Decision::Deny { reason },
        }
    }

    fn question<'a>(
        &'a self,
        query: &'a AuthorizationQuery<'a>,
        names: &'a [&'a str],
        members: &'a Memberships,
    ) -> Question<'a> {
        Question { query, names, members, now: self.clock.now(), sets: &self.sets }
    }
}
