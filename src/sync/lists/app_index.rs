//! The resources of each app, for webhooks.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};

use heroku_sso_store::{AppId, ResourceId};
use parking_lot::Mutex;
use uuid::Uuid;

/// Pairs, because nearly every app has one resource: a collection for each app would take more memory. So would
/// the app's id instead of its hash, which a reader compares with the list.
#[derive(Debug, Default)]
pub(in crate::sync) struct AppIndex {
    hash: RandomState,
    pairs: Mutex<BTreeSet<(u64, ResourceId)>>,
}

impl AppIndex {
    /// Also those of another app, should its hash ever be the same.
    pub(in crate::sync) fn resources(&self, app: &AppId) -> Vec<ResourceId> {
        let app = self.hash.hash_one(app);
        let [first, last] = [Uuid::nil(), Uuid::max()].map(|id| (app, ResourceId::from(id)));
        let pairs = self.pairs.lock();
        let of_app = pairs.range(first..=last);
        of_app.map(|(_, resource)| *resource).collect()
    }

    pub(in crate::sync) fn enter(&self, app: &AppId, resource: ResourceId) {
        self.pairs.lock().insert(self.pair(app, resource));
    }

    pub(in crate::sync) fn remove(&self, app: &AppId, resource: ResourceId) {
        self.pairs.lock().remove(&self.pair(app, resource));
    }

    fn pair(&self, app: &AppId, resource: ResourceId) -> (u64, ResourceId) {
        (self.hash.hash_one(app), resource)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn app_has_its_entered_resources_until_they_are_removed() {
        let index = AppIndex::default();
        let [one, other, last] = [7, 8, 9].map(|number| AppId::from(Uuid::from_u128(number)));
        let [a, b, c] = [0, 1, u128::MAX].map(|number| ResourceId::from(Uuid::from_u128(number)));
        for (app, resource) in [(&one, b), (&one, a), (&one, c), (&one, a), (&last, a)] {
            index.enter(app, resource);
        }
        assert_eq!(index.resources(&one), [a, b, c]);
        assert_eq!(index.resources(&other), []);
        index.remove(&one, b);
        index.remove(&other, a);
        assert_eq!(index.resources(&one), [a, c]);
        assert_eq!(index.resources(&last), [a]);
    }
}
