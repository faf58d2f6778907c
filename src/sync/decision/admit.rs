//! Admits a person on the resource's list: the precondition of every session.

use std::time::Duration;

use heroku_sso_store::{Email, ResourceId, Sequence, UserId};
use time::OffsetDateTime;

use super::authorize::Authorizer;
use super::decide::Strictness;
use super::denial::Denial;
use crate::access::Member;
use crate::sync::SyncError;
use crate::sync::state::cached_list::ListVersion;
use crate::sync::state::person_marks::Principal;

/// Proof that the list admits the person. Only [`Authorizer::admit`] makes one; opening a session requires
/// it.
#[derive(Clone, Debug)]
pub(crate) struct Admitted {
    pub(crate) resource: ResourceId,
    pub(crate) member: Member,
    /// The account from the sign-in, or else from the list. In an unsigned form it can only cause a
    /// rejection; it proves nothing.
    pub(crate) user_id: Option<UserId>,
    /// Drawn after the list was checked. A later revocation has a greater one.
    pub(crate) sequence: Sequence,
    /// The version of that list.
    pub(crate) list: ListVersion,
    pub(crate) list_fetched_at: OffsetDateTime,
}

impl Authorizer {
    /// Checks a person against a list no older than the refresh interval. If Heroku does not answer, a list
    /// within `max_list_age` decides. An email that is not on the list causes one fetch of a newer list,
    /// within the budgets. `left` is the time that remains for the sign-in.
    ///
    /// # Errors
    /// The reason of the [`Denial`]; [`Denial::Unavailable`] also if the store gives no sequence number.
    pub(crate) async fn admit(
        &self,
        id: &ResourceId,
        email: &Email,
        user_id: Option<&UserId>,
        left: Duration,
    ) -> Result<Admitted, Denial> {
        let who = Principal {
            email,
            user_id,
            is_account_proved: false,
        };
        let access = self.authorize(id, who, None, Strictness::SIGN_IN, left);
        let access = access.await?;
        let snapshot = &access.list.snapshot;
        let member = snapshot.list.entry(access.listed).member(email);
        Ok(Admitted {
            resource: *id,
            user_id: user_id.or(member.user_id.as_ref()).cloned(),
            member,
            list: access.list.version(),
            list_fetched_at: snapshot.fetched_at,
            sequence: self
                .coordinator()
                .store()
                .next_sequence()
                .await
                .map_err(SyncError::from)?,
        })
    }
}
