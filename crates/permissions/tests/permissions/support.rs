//! An inventory and tables in memory, and questions to an authorizer.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use pabawi_domain::capability::RiskLevel;
use pabawi_domain::id::{NodeId, PluginName};
use pabawi_domain::node::TargetExpression;
use pabawi_domain::ports::{
    AuthorizationQuery, Authorizer, Decision, Memberships, NodeSelection, PermissionName, PermissionTables,
    StoreError, TableAnswer, TargetError,
};
use pabawi_domain::request::{Caller, EntryPoint};
use pabawi_permissions::{PermissionAuthorizer, Permissions, Policy};
use pabawi_testkit::clock::ManualClock;

/// `@web` is web1 and web2, `@prod` is web1 and db1, `all` these three; other expressions are names.
#[derive(Default)]
pub(crate) struct Nodes {
    pub(crate) is_down: AtomicBool,
    pub(crate) asked: AtomicUsize,
}

#[async_trait]
impl NodeSelection for Nodes {
    async fn select(&self, expression: &TargetExpression) -> Result<Arc<HashSet<NodeId>>, TargetError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.is_down.load(Ordering::SeqCst) {
            return Err(TargetError::Inventory("site: is down".to_owned()));
        }
        let all = ["web1", "web2", "db1"];
        let nodes: Vec<&str> = match expression.as_str() {
            "@web" => vec!["web1", "web2"],
            "@prod" => vec!["web1", "db1"],
            "@empty" => vec![],
            "all" => all.to_vec(),
            names => names.split(',').filter(|name| all.contains(name)).collect(),
        };
        Ok(Arc::new(nodes.into_iter().map(node).collect()))
    }
}

pub(crate) fn node(name: &str) -> NodeId {
    NodeId::new(name).unwrap()
}

/// Users with their permissions, by name and id.
#[derive(Default)]
pub(crate) struct Tables {
    pub(crate) users: Mutex<BTreeMap<String, TableUser>>,
    pub(crate) asked: AtomicUsize,
    pub(crate) is_down: AtomicBool,
}

#[derive(Clone, Default)]
pub(crate) struct TableUser {
    pub(crate) id: String,
    pub(crate) is_active: bool,
    pub(crate) is_admin: bool,
    pub(crate) permissions: BTreeSet<String>,
    pub(crate) members: Memberships,
}

impl Tables {
    pub(crate) fn with(self, name: &str, permissions: &[&str], roles: &[&str]) -> Self {
        let user = TableUser {
            id: format!("id-{name}"),
            is_active: true,
            is_admin: false,
            permissions: permissions.iter().map(|text| (*text).to_owned()).collect(),
            members: Memberships {
                groups: Vec::new(),
                roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            },
        };
        self.users.lock().unwrap().insert(name.to_owned(), user);
        self
    }

    pub(crate) fn change(&self, name: &str, change: impl FnOnce(&mut TableUser)) {
        change(self.users.lock().unwrap().get_mut(name).unwrap());
    }
}

#[async_trait]
impl PermissionTables for Tables {
    async fn look_up(&self, user: &str, permission: &PermissionName) -> Result<Vec<TableAnswer>, StoreError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.is_down.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("the database is down".to_owned()));
        }
        let users = self.users.lock().unwrap();
        let found = users.iter().filter(|(name, one)| *name == user || one.id == user);
        let answer = |(name, one): (&String, &TableUser)| TableAnswer {
            user_id: one.id.clone(),
            username: name.clone(),
            is_active: one.is_active,
            is_admin: one.is_admin,
            is_granted: one.permissions.contains(&permission.to_string()),
        };
        Ok(found.map(answer).collect())
    }

    async fn memberships(&self, user_id: &str) -> Result<Memberships, StoreError> {
        let users = self.users.lock().unwrap();
        let found = users.values().find(|one| one.id == user_id);
        Ok(found.map(|one| one.members.clone()).unwrap_or_default())
    }
}

/// An authorizer, and what stands behind it.
pub(crate) struct Rig {
    pub(crate) authorizer: PermissionAuthorizer,
    pub(crate) nodes: Arc<Nodes>,
    pub(crate) clock: Arc<ManualClock>,
}

impl Rig {
    pub(crate) fn new(permissions: Permissions) -> Self {
        let (nodes, clock) = (Arc::new(Nodes::default()), Arc::new(ManualClock::default()));
        let authorizer = permissions.authorizer(Arc::clone(&nodes) as _, Arc::clone(&clock) as _).unwrap();
        Self { authorizer, nodes, clock }
    }

    pub(crate) fn of_policy(text: &str) -> Self {
        Self::new(Permissions::of_policy(policy(text)))
    }

    /// The reason why it is denied; `None` when it is allowed.
    pub(crate) async fn denied(
        &self,
        user: &str,
        capability: &str,
        plugin: &str,
        nodes: &[&str],
    ) -> Option<String> {
        let caller = Caller { user: user.to_owned(), entry_point: EntryPoint::Rust };
        let plugin = (!plugin.is_empty()).then(|| PluginName::new(plugin).unwrap());
        let nodes: Vec<NodeId> = nodes.iter().map(|name| node(name)).collect();
        let query = AuthorizationQuery {
            caller: &caller,
            capability,
            action: None,
            name: None,
            risk: Some(RiskLevel::Execute),
            plugin: plugin.as_ref(),
            nodes: &nodes,
        };
        match self.authorizer.authorize(&query).await {
            Ok(Decision::Allow) => None,
            Ok(Decision::Deny { reason }) => Some(reason),
            Err(error) => Some(error.to_string()),
        }
    }

    pub(crate) async fn allows(&self, user: &str, capability: &str, plugin: &str, nodes: &[&str]) -> bool {
        self.denied(user, capability, plugin, nodes).await.is_none()
    }
}

pub(crate) fn policy(text: &str) -> Policy {
    Policy::parse("policy.yaml", text, &|_| Ok(())).unwrap()
}
