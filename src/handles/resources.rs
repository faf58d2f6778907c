//! [`Resources`]: which resources there are, and their grants at Heroku.

use std::fmt;
use std::sync::Arc;

use heroku_sso_store::{LegacyId, ResourceId};
use secrecy::SecretString;

use super::import::{Import, ImportRecord};
use crate::handles::{AccessTokenError, DeprovisionError, RegisterError};
use crate::sync::{Directory, DormantResource, OauthGrant};

/// The provisioned resources, and their grants at Heroku. From
/// [`HerokuSso::resources`](crate::HerokuSso::resources); cheap to clone.
#[derive(Clone)]
pub struct Resources {
    directory: Arc<Directory>,
}

impl Resources {
    pub(crate) fn new(directory: Arc<Directory>) -> Self {
        Self { directory }
    }

    /// Registers a resource that was not provisioned through
    /// [`partner_api`](crate::Routes::partner_api). May be repeated: existing data stays unless the new
    /// grant is better, see [`OauthGrant`]. To try the tokens, call
    /// [`Lists::refresh`](crate::Lists::refresh).
    ///
    /// # Cancel safety
    /// If the future is dropped, work that has begun is completed: tokens that Heroku has issued are
    /// not lost.
    ///
    /// # Errors
    /// [`RegisterError`] if Heroku is unavailable, or refuses the code of a resource that is dormant or has no
    /// tokens yet; if the resource is deprovisioned; or if the store is unavailable. On error nothing is
    /// stored. If the code was already exchanged, the tokens stay in this process's memory as long as they
    /// are valid, so that a repeat of this call succeeds.
    pub async fn register(
        &self,
        resource: &ResourceId,
        grant: OauthGrant,
    ) -> Result<(), RegisterError> {
        let lifecycle = self.directory.lifecycle();
        lifecycle.register(resource, Some(grant), None).await?;
        Ok(())
    }

    /// As [`register`](Self::register), for a resource that also signs in with the version 1 token:
    /// `legacy_id` is the `id` in the provider's response to its provisioning.
    ///
    /// # Errors
    /// As [`register`](Self::register).
    pub async fn register_legacy(
        &self,
        resource: &ResourceId,
        grant: OauthGrant,
        legacy_id: LegacyId,
    ) -> Result<(), RegisterError> {
        let lifecycle = self.directory.lifecycle();
        let registered = lifecycle.register(resource, Some(grant), Some(legacy_id));
        registered.await?;
        Ok(())
    }

    /// Registers the resources of your own table of tokens, row by row, for an app that had no gate before.
    /// Nothing happens before [`Import::run`].
    ///
    /// It may be repeated, and then skips what is there already: tokens replace stored ones only if they
    /// expire later, also if the gate renews them at the same time. So an import that stopped is run
    /// again, with the same rows. It calls Heroku not at all: the sync fetches the new lists, a little at
    /// a time, within the rate limit. What came of that is in
    /// [`HerokuSso::readiness`](crate::HerokuSso::readiness). A [dormant](Self::dormant) resource stays so
    /// until Heroku answers the new tokens with its list.
    ///
    /// First **stop the renewal of tokens in your own code**, then read the rows: a renewal may invalidate
    /// the previous refresh token. Run the import against the store that you will keep.
    ///
    /// ```
    /// use tower_heroku_sso::{HerokuSso, ImportRecord};
    ///
    /// async fn take_over(sso: &HerokuSso, lines: &str) -> Result<(), Box<dyn std::error::Error>> {
    ///     // {"resource": "01234567-…", "access_token": "…", "refresh_token": "…", "expires_at": 1790000000}
    ///     let rows = lines.lines().map(serde_json::from_str::<ImportRecord>);
    ///     println!("{}", sso.resources().import(rows.clone()).dry_run().run().await?);
    ///     println!("{}", sso.resources().import(rows).run().await?);
    ///     Ok(())
    /// }
    /// ```
    ///
    /// Rows of CSV, with the crate `csv`: `csv::Reader::from_path(path)?.into_deserialize::<ImportRecord>()`.
    pub fn import<I, E>(&self, rows: I) -> Import<I>
    where
        I: IntoIterator<Item = Result<ImportRecord, E>>,
    {
        Import::new(Arc::clone(&self.directory), rows)
    }

    /// Deprovisions a resource permanently and immediately: its list, its sessions and its tokens are
    /// removed. Its id stays known as deprovisioned and cannot be registered again. Returns false if it was
    /// unknown, or already deprovisioned.
    ///
    /// If Heroku's own DELETE comes later, [`Addon::deprovision`](crate::partner_api::Addon::deprovision)
    /// still runs once. It does not if it has already run and returned
    /// [`Outcome::Later`](crate::partner_api::Outcome::Later), which this call completes.
    ///
    /// # Cancel safety
    /// If the future is dropped, work that has begun is completed.
    ///
    /// # Errors
    /// [`DeprovisionError`] if the store is unavailable, or other work on the resource is not done after 10
    /// seconds.
    pub async fn deprovision(&self, resource: &ResourceId) -> Result<bool, DeprovisionError> {
        Ok(self.directory.lifecycle().end(resource).await?)
    }

    /// An access token for your own calls to the Platform API on behalf of a resource, renewed
    /// if necessary. Valid for at least 5 minutes unless Heroku cannot be reached.
    ///
    /// # Errors
    /// [`AccessTokenError`] if no token is available.
    pub async fn access_token(
        &self,
        resource: &ResourceId,
    ) -> Result<SecretString, AccessTokenError> {
        Ok(self.directory.access_token(resource).await?)
    }

    /// Resources whose refresh token Heroku refused: register each with a new grant. Until then its
    /// list is used up to its age limit, and no longer.
    ///
    /// With several processes, each returns the resources for which it was refused itself.
    pub fn needing_grant(&self) -> Vec<ResourceId> {
        self.directory.list_states(Vec::new()).needing_grant
    }

    /// Resources that are dormant, and what revives each. Heroku has reported them as missing, or has refused
    /// their grant, for some time, so access to them is suspended. See
    /// [`end_of_a_resource`](crate::guide::end_of_a_resource).
    pub fn dormant(&self) -> Vec<DormantResource> {
        self.directory.dormant()
    }
}

impl fmt::Debug for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resources").finish_non_exhaustive()
    }
}
