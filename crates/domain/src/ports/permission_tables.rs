//! Port [`PermissionTables`]: what Pabawi's tables of users, groups, roles and permissions say.

use async_trait::async_trait;

use crate::ports::StoreError;

/// Reads Pabawi's tables. Nothing is written into them.
#[async_trait]
pub trait PermissionTables: Send + Sync + 'static {
    /// Whether somebody has a permission, by a role of their own or of one of their groups. `user` is an id or a user name.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn look_up(&self, user: &str, permission: &PermissionName) -> Result<Vec<TableAnswer>, StoreError>;

    /// The groups of somebody, and the roles that they have by themselves and by these, both by name.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn memberships(&self, user_id: &str) -> Result<Memberships, StoreError>;
}

/// A permission of Pabawi, `resource:action`: neither has wildcards, and no action implies another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PermissionName {
    /// What it is about, mostly an integration: `bolt`, `journal`.
    pub resource: String,
    /// What may be done: `read`, `execute`.
    pub action: String,
}

impl PermissionName {
    /// The permission of these two words.
    pub fn new(resource: impl Into<String>, action: impl Into<String>) -> Self {
        Self { resource: resource.into(), action: action.into() }
    }

    /// Reads `resource:action`, each of small letters, digits and `_`, as Pabawi wants them.
    pub fn parse(text: &str) -> Option<Self> {
        let is_word = |word: &str| {
            !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        };
        let (resource, action) = text.split_once(':')?;
        (is_word(resource) && is_word(action)).then(|| Self::new(resource, action))
    }
}

impl std::fmt::Display for PermissionName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.resource, self.action)
    }
}

/// A user that goes by the id or name that was asked for. There may be two: one by the id, another by the name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableAnswer {
    /// The user's id.
    pub user_id: String,
    /// The user's name.
    pub username: String,
    /// Whether the user may do anything at all.
    pub is_active: bool,
    /// Whether the user may do everything.
    pub is_admin: bool,
    /// Whether the permission is among those of the user.
    pub is_granted: bool,
}

/// Who somebody belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Memberships {
    /// Names of groups.
    pub groups: Vec<String>,
    /// Names of roles.
    pub roles: Vec<String>,
}
