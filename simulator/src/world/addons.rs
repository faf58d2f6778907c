//! All add-ons: by id, by name, and by the app that they are on.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use time::OffsetDateTime;
use uuid::Uuid;

use super::records::{AddOnRecord, Attachment, Presence};
use super::register::Register;

#[derive(Debug, Default)]
pub(crate) struct AddOns {
    records: Register<AddOnRecord>,
    /// Every add-on that was ever placed on an app and not moved away, the oldest first.
    on_app: HashMap<Uuid, BTreeSet<(usize, Uuid)>>,
    /// The ids of plans by their names.
    plans: HashMap<String, Uuid>,
}

impl AddOns {
    pub(crate) fn get(&self, id: Uuid) -> Option<&AddOnRecord> {
        self.records.get(id)
    }

    /// An add-on that has been added. Its record stays when the add-on is removed.
    pub(crate) fn known(&self, id: Uuid) -> &AddOnRecord {
        self.records.known(id)
    }

    pub(crate) fn by_id_or_name(&self, id_or_name: &str) -> Option<&AddOnRecord> {
        self.records.by_id_or_name(id_or_name)
    }

    /// The current add-ons of an app, the oldest first.
    pub(crate) fn of_app(&self, app: Uuid) -> impl Iterator<Item = &AddOnRecord> {
        let on_app = self.on_app.get(&app).into_iter().flatten();
        let addons = on_app.map(|(_, id)| self.known(*id));
        addons.filter(|addon| addon.presence.is_present())
    }

    /// The oldest current add-on of an app.
    pub(crate) fn first_of_app(&self, app: Uuid) -> Option<&AddOnRecord> {
        self.of_app(app).next()
    }

    /// Adds an add-on to an app, on the plan `basic` and unknown to the partner.
    pub(super) fn add(&mut self, id: Uuid, app: Uuid, slug: &str, now: OffsetDateTime) {
        let place = self.records.len();
        let plan_id = self.plan_id("basic");
        self.records.add(AddOnRecord {
            id,
            place,
            name: format!("{slug}-{:05}", place + 1),
            app,
            attachments: vec![Attachment::new(app, now)],
            plan: "basic".into(),
            plan_id,
            provider_id: id.to_string(),
            config: BTreeMap::new(),
            log_drain_url: None,
            presence: Presence::Provisioning,
            created_at: now,
            updated_at: now,
        });
        self.on_app.entry(app).or_default().insert((place, id));
    }

    /// For changing any field except the app, which [`place_on`](Self::place_on) does.
    pub(crate) fn known_mut(&mut self, id: Uuid) -> &mut AddOnRecord {
        self.records.known_mut(id)
    }

    /// Moves an add-on to another app. Its previous app no longer uses it.
    pub(crate) fn place_on(&mut self, id: Uuid, app: Uuid, now: OffsetDateTime) {
        let addon = self.records.known_mut(id);
        let entry = (addon.place, id);
        let before = std::mem::replace(&mut addon.app, app);
        addon.attachments.retain(|it| it.app != before);
        if !addon.is_attached_to(app) {
            addon.attachments.push(Attachment::new(app, now));
        }
        if let Some(on_app) = self.on_app.get_mut(&before) {
            on_app.remove(&entry);
        }
        self.on_app.entry(app).or_default().insert(entry);
    }

    /// The id of a plan, generated at the first call.
    pub(crate) fn plan_id(&mut self, plan: &str) -> Uuid {
        if let Some(known) = self.plans.get(plan) {
            return *known;
        }
        let new = Uuid::new_v4();
        self.plans.insert(plan.to_owned(), new);
        new
    }
}
