//! The newest list of a resource, where nobody has to be asked for it.

use std::sync::{Arc, OnceLock};

use super::directory::Directory;
use super::entry::Entry;
use super::held::Held;
use crate::access::Email;
use crate::clock::Reading;
use crate::ids::ResourceId;
use crate::store::Ticket;

/// Where a resource's list is, looked up once for all requests of a session. Once the resource has ended
/// there is no list at that place any more.
#[derive(Default)]
pub(crate) struct Whereabouts(OnceLock<Arc<Entry>>);

impl Directory {
    /// The list that [`current`](Self::current) would answer with at once; none if it would have to
    /// ask, wait or refuse. `place` is of the same resource.
    pub(crate) fn current_at_once(
        &self,
        place: &Whereabouts,
        id: &ResourceId,
        email: &Email,
        signed_in: Ticket,
        at: Reading,
    ) -> Option<Arc<Held>> {
        let entry = match place.0.get() {
            Some(entry) => entry,
            None => {
                let entry = Arc::clone(&*self.entries.get(id)?);
                place.0.get_or_init(|| entry)
            }
        };
        if entry.is_revoked(email, signed_in) || entry.in_doubt(email).is_some() {
            return None;
        }
        let held = entry.held()?;
        if held.age_at(at) > self.settings.max_list_age {
            return None;
        }
        self.touch_at(entry, at.elapsed);
        Some(held)
    }
}
