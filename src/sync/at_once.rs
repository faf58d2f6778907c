//! The newest list of a resource, where nobody has to be asked for it.

use std::sync::Arc;

use super::directory::Directory;
use super::held::Held;
use crate::access::Email;
use crate::clock::Reading;
use crate::ids::ResourceId;
use crate::store::Ticket;

impl Directory {
    /// The list that [`current`](Self::current) would answer with at once; none if it would have to
    /// ask, wait or refuse.
    pub(crate) fn current_at_once(
        &self,
        id: &ResourceId,
        email: &Email,
        signed_in: Ticket,
        at: Reading,
    ) -> Option<Arc<Held>> {
        let entry = Arc::clone(&*self.entries.get(id)?);
        if entry.is_revoked(email, signed_in) || entry.in_doubt(email).is_some() {
            return None;
        }
        let held = entry.held()?;
        if held.age_at(at) > self.settings.max_list_age {
            return None;
        }
        self.touch_at(&entry, at.elapsed);
        Some(held)
    }
}
