//! Grants and tokens of add-ons, as the id host keeps them.

use std::collections::HashMap;
use std::time::Duration;

use time::OffsetDateTime;
use uuid::Uuid;

use super::AddOn;
use super::shared::Shared;

/// The OAuth tokens of add-ons.
///
/// Given by [`Simulator::tokens`](crate::Simulator::tokens).
#[derive(Clone, Copy, Debug)]
pub struct Tokens<'a> {
    shared: &'a Shared,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(shared: &'a Shared) -> Self {
        Self { shared }
    }

    /// Revokes the current grants and tokens of an add-on. A new grant is valid again.
    pub fn revoke(&self, addon: &AddOn) {
        self.shared.state().authorizations.revoke(addon.id);
    }

    /// Ends all access tokens as if their 8 hours were over. Refresh tokens stay valid.
    pub fn expire_access(&self) {
        self.shared.state().authorizations.expire_access();
    }

    /// Whether a refresh gives a new refresh token and ends the old one (the default), or keeps the old one
    /// and answers without a refresh token.
    pub fn rotate_refresh(&self, rotate: bool) {
        self.shared.state().authorizations.rotates_refresh = rotate;
    }
}

/// How long a grant code is valid.
pub(super) const GRANT_LIFE: Duration = Duration::from_secs(5 * 60);

/// How long an access token is valid.
pub(super) const ACCESS_LIFE: Duration = Duration::from_secs(28_800);

/// Below this number of access tokens, expired ones are not removed.
const FEW: usize = 1000;

/// All codes and tokens that were issued and are not yet consumed.
#[derive(Debug)]
pub(super) struct Authorizations {
    /// Whether a refresh token is valid for one refresh only.
    rotates_refresh: bool,
    grants: HashMap<String, Issued>,
    access: HashMap<String, Issued>,
    /// The number of access tokens at which expired ones are removed.
    sweep_at: usize,
    refresh: HashMap<String, (Uuid, u64)>,
    /// How often all grants and tokens of an add-on were revoked.
    revocations: HashMap<Uuid, u64>,
}

/// The add-on of a code or an access token, and its expiry.
#[derive(Clone, Copy, Debug)]
struct Issued {
    addon: Uuid,
    /// The number of revocations when it was issued. A later revocation makes it invalid.
    era: u64,
    ends_at: OffsetDateTime,
}

/// A fresh pair of tokens.
#[derive(Debug)]
pub(super) struct TokenPair {
    pub(super) addon: Uuid,
    pub(super) access: String,
    /// `None` if the used refresh token stays valid.
    pub(super) refresh: Option<String>,
}

impl Default for Authorizations {
    fn default() -> Self {
        Self {
            rotates_refresh: true,
            grants: HashMap::new(),
            access: HashMap::new(),
            sweep_at: 0,
            refresh: HashMap::new(),
            revocations: HashMap::new(),
        }
    }
}

impl Authorizations {
    /// A new grant code for an add-on.
    pub(super) fn grant(&mut self, addon: Uuid, now: OffsetDateTime) -> String {
        let code = Uuid::new_v4().to_string();
        let issued = self.issued(addon, now + GRANT_LIFE);
        self.grants.insert(code.clone(), issued);
        code
    }

    /// Consumes a grant code, whether or not it is still valid.
    pub(super) fn exchange(&mut self, code: &str, now: OffsetDateTime) -> Option<TokenPair> {
        let grant = self.grants.remove(code)?;
        self.is_good(grant, now)
            .then(|| self.issue(grant.addon, now, true))
    }

    /// Issues new tokens for a refresh token, and consumes it unless it stays valid.
    pub(super) fn refresh(&mut self, token: &str, now: OffsetDateTime) -> Option<TokenPair> {
        let rotate = self.rotates_refresh;
        let (addon, era) = *self.refresh.get(token)?;
        if era != self.era(addon) {
            return None;
        }
        if rotate {
            self.refresh.remove(token);
        }
        Some(self.issue(addon, now, rotate))
    }

    /// The add-on of this access token, if the token is valid now.
    pub(super) fn addon_of(&self, access: &str, now: OffsetDateTime) -> Option<Uuid> {
        let token = *self.access.get(access)?;
        self.is_good(token, now).then_some(token.addon)
    }

    /// Revokes the grants and tokens of one add-on.
    pub(super) fn revoke(&mut self, addon: Uuid) {
        *self.revocations.entry(addon).or_default() += 1;
    }

    /// Ends all access tokens; refresh tokens stay.
    pub(super) fn expire_access(&mut self) {
        self.access.clear();
    }

    fn issue(&mut self, addon: Uuid, now: OffsetDateTime, with_refresh: bool) -> TokenPair {
        let access = new_token();
        self.sweep(now);
        let issued = self.issued(addon, now + ACCESS_LIFE);
        self.access.insert(access.clone(), issued);
        let refresh = with_refresh.then(new_token);
        if let Some(token) = &refresh {
            self.refresh.insert(token.clone(), (addon, issued.era));
        }
        TokenPair {
            addon,
            access,
            refresh,
        }
    }

    /// Removes expired tokens, each time their number has doubled since the last removal.
    fn sweep(&mut self, now: OffsetDateTime) {
        if self.access.len() < self.sweep_at.max(FEW) {
            return;
        }
        let mut access = std::mem::take(&mut self.access);
        access.retain(|_, token| self.is_good(*token, now));
        self.sweep_at = 2 * access.len();
        self.access = access;
    }

    fn issued(&self, addon: Uuid, ends_at: OffsetDateTime) -> Issued {
        let era = self.era(addon);
        Issued {
            addon,
            era,
            ends_at,
        }
    }

    fn is_good(&self, issued: Issued, now: OffsetDateTime) -> bool {
        now < issued.ends_at && issued.era == self.era(issued.addon)
    }

    fn era(&self, addon: Uuid) -> u64 {
        self.revocations.get(&addon).copied().unwrap_or_default()
    }
}

/// 65 characters with the prefix that Heroku's tokens have had since 2025.
fn new_token() -> String {
    let (a, b) = (Uuid::new_v4().simple(), Uuid::new_v4().simple());
    let mut token = format!("HRKU-AA{a}{b}");
    token.truncate(65);
    token
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expired_access_tokens_are_removed() {
        let mut all = Authorizations::default();
        let (addon, mut now) = (Uuid::new_v4(), OffsetDateTime::UNIX_EPOCH);
        let code = all.grant(addon, now);
        let mut pair = all.exchange(&code, now).unwrap();
        for _ in 0..3 * FEW {
            now += ACCESS_LIFE;
            let refresh = pair.refresh.take().unwrap();
            pair = all.refresh(&refresh, now).unwrap();
        }
        assert!(all.access.len() <= FEW);
        assert_eq!(all.addon_of(&pair.access, now), Some(addon));
    }
}
