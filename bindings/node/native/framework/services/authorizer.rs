//! The host decides about callers: [`JsAuthorizer`] asks a function the whole question, [`JsPermissions`] asks Pabawi's
//! `PermissionService`. The engine bounds the time; whatever is no clear yes denies.

use std::sync::Arc;

use async_trait::async_trait;
use pabawi::json::authorization::{decision, question};
use pabawi::permissions::{Memberships, PermissionName, PermissionTables, TableAnswer};
use pabawi::ports::{AuthorizationQuery, Authorizer, AuthorizerError, Decision, StoreError};
use serde::Serialize;
use serde_json::Value;

use crate::framework::host::Host;

/// A function of the host.
pub(in crate::framework) struct JsAuthorizer {
    host: Arc<Host>,
}

impl JsAuthorizer {
    pub(in crate::framework) fn new(host: Arc<Host>) -> Self {
        Self { host }
    }
}

#[async_trait]
impl Authorizer for JsAuthorizer {
    async fn authorize(&self, query: &AuthorizationQuery<'_>) -> Result<Decision, AuthorizerError> {
        let answer = self.host.ask("authorize", question(query)).await;
        decision(query, answer.map_err(|error| AuthorizerError(error.to_string()))?)
    }
}

/// Pabawi's `PermissionService`, as if it were the tables that it reads: it looks them up itself.
pub(in crate::framework) struct JsPermissions {
    host: Arc<Host>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PermissionQuestion<'a> {
    user: &'a str,
    resource: &'a str,
    action: &'a str,
}

impl JsPermissions {
    pub(in crate::framework) fn new(host: Arc<Host>) -> Self {
        Self { host }
    }
}

#[async_trait]
impl PermissionTables for JsPermissions {
    async fn look_up(&self, user: &str, permission: &PermissionName) -> Result<Vec<TableAnswer>, StoreError> {
        let PermissionName { resource, action } = permission;
        let question = PermissionQuestion { user, resource, action };
        let answer = self.host.ask("hasPermission", question).await;
        let answer = answer.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let Value::Bool(is_granted) = answer else {
            let text = "the permission service answered neither true nor false";
            return Err(StoreError::Unavailable(text.to_owned()));
        };
        // Whether the user is active or an administrator is part of the service's answer.
        let answer = TableAnswer {
            user_id: user.to_owned(),
            username: user.to_owned(),
            is_active: true,
            is_admin: false,
            is_granted,
        };
        Ok(vec![answer])
    }

    async fn memberships(&self, _: &str) -> Result<Memberships, StoreError> {
        // Only asked for a policy file, and none can be given beside a permission service.
        Ok(Memberships::default())
    }
}
