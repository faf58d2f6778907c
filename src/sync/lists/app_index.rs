//! The resources of each app, for webhooks.

use dashmap::DashMap;

use crate::ids::{AppId, ResourceId};

#[derive(Debug, Default)]
pub(in crate::sync) struct AppIndex(DashMap<AppId, Vec<ResourceId>>);

impl AppIndex {
    pub(in crate::sync) fn resources(&self, app: &AppId) -> Vec<ResourceId> {
        self.0
            .get(app)
            .map(|known| known.clone())
            .unwrap_or_default()
    }

    pub(in crate::sync) fn enter(&self, app: AppId, resource: ResourceId) {
        // Most apps have one.
        let one = || Vec::with_capacity(1);
        self.0.entry(app).or_insert_with(one).push(resource);
    }

    pub(in crate::sync) fn quit(&self, app: &AppId, resource: &ResourceId) {
        self.0.remove_if_mut(app, |_, resources| {
            resources.retain(|known| known != resource);
            resources.is_empty()
        });
    }
}
