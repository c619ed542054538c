//! The program decides about callers: [`TableAuthorizer`] asks its function. The engine bounds the time; whatever is no clear yes
//! denies.

use async_trait::async_trait;
use pabawi::json::authorization::{decision, question};
use pabawi::json::json;
use pabawi::ports::{AuthorizationQuery, Authorizer, AuthorizerError, Decision};

use super::asking::{Asking, LET_GO};
use super::completion::{Answer, Owed};

/// A function of the program.
pub(super) struct TableAuthorizer(pub(super) Asking);

#[async_trait]
impl Authorizer for TableAuthorizer {
    async fn authorize(&self, query: &AuthorizationQuery<'_>) -> Result<Decision, AuthorizerError> {
        let asked = json(&question(query)).map_err(|failure| AuthorizerError(failure.message))?;
        let mut pending = self.0.ask("authorize", asked, Owed::Answer);
        match (&mut pending.answer).await {
            Ok(Answer::Done(answer)) => {
                let answer =
                    serde_json::from_str(&answer).map_err(|error| AuthorizerError(error.to_string()))?;
                decision(query, answer)
            }
            Ok(Answer::Failed(_, message)) => Err(AuthorizerError(message)),
            Err(_) => Err(AuthorizerError(LET_GO.to_owned())),
        }
    }
}
