//! The simulated world: teams, apps, add-ons and people, behind one lock.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use time::OffsetDateTime;
use uuid::Uuid;

use super::calls::CallLog;
use super::etag::ETags;
use super::fault::FaultSwitches;
use super::oauth::Authorizations;
use super::people::People;
use super::rate_pools::Rates;
use super::records::{AddOnRecord, AppRecord, Attachment, Owner, Presence, Standing, TeamRecord};
use super::register::Register;
use super::webhooks::Webhooks;

#[derive(Debug)]
pub(super) struct State {
    pub(super) slug: String,
    /// The URL of the dashboard, without a path.
    pub(super) dashboard_url: String,
    pub(super) partner_url: String,
    pub(super) page_size: usize,
    pub(super) rotate_refresh_tokens: bool,
    pub(super) latency: Duration,
    pub(super) date_offset: time::Duration,
    pub(super) etags: ETags,
    pub(super) rates: Rates,
    pub(super) people: People,
    pub(super) plans: HashMap<String, Uuid>,
    pub(super) service_id: Uuid,
    pub(super) teams: Register<TeamRecord>,
    pub(super) apps: Register<AppRecord>,
    pub(super) addons: Register<AddOnRecord>,
    /// Every add-on that was ever placed on an app and not moved away, the oldest first.
    pub(super) addons_on: HashMap<Uuid, BTreeSet<(usize, Uuid)>>,
    pub(super) authorizations: Authorizations,
    pub(super) webhooks: Webhooks,
    pub(super) faults: FaultSwitches,
    pub(super) log: CallLog,
    /// The dashboard's message about its last action, shown once.
    pub(super) notice: Option<String>,
}

impl State {
    /// The account of a user, created at the first call.
    pub(super) fn user(&mut self, email: &str) -> Uuid {
        self.people.account(email)
    }

    /// Gives the account of a user another address, on all lists.
    pub(super) fn change_email(&mut self, from: &str, to: &str, now: OffsetDateTime) {
        let account = self.user(from);
        self.people.change_email(account, to);
        for app in self.apps.iter_mut() {
            if let Owner::Person { user, email } = &mut app.owner
                && *user == account
            {
                to.clone_into(email);
            }
        }
        let lists = self.apps.iter_mut().map(|app| &mut app.collaborators);
        let lists = lists.chain(self.teams.iter_mut().map(|team| &mut team.members));
        for entry in lists.flatten().filter(|entry| entry.user == account) {
            to.clone_into(&mut entry.email);
            entry.updated_at = now;
        }
    }

    pub(super) fn team(&self, id: Uuid) -> Option<&TeamRecord> {
        self.teams.get(id)
    }

    pub(super) fn app(&self, id: Uuid) -> Option<&AppRecord> {
        self.apps.get(id)
    }

    pub(super) fn team_of(&self, app: &AppRecord) -> Option<&TeamRecord> {
        match app.owner {
            Owner::Person { .. } => None,
            Owner::Team(team) => self.team(team),
        }
    }

    /// The account that owns an app, and its address.
    pub(super) fn owner_of(&self, app: &AppRecord) -> (Uuid, String) {
        match &app.owner {
            Owner::Person { user, email } => (*user, email.clone()),
            Owner::Team(id) => {
                let team = self.team(*id).expect("teams are never deleted");
                (team.manager, team.manager_email())
            }
        }
    }

    pub(super) fn addon(&self, id: Uuid) -> Option<&AddOnRecord> {
        self.addons.get(id)
    }

    pub(super) fn addon_wanted(&self, id_or_name: &str) -> Option<&AddOnRecord> {
        self.addons.wanted(id_or_name)
    }

    /// The current add-ons of an app, the oldest first.
    pub(super) fn addons_of(&self, app: Uuid) -> impl Iterator<Item = &AddOnRecord> {
        let on_app = self.addons_on.get(&app).into_iter().flatten();
        let addons = on_app.filter_map(|(_, id)| self.addon(*id));
        addons.filter(|addon| addon.presence.is_present())
    }

    /// The current add-on of an app.
    pub(super) fn addon_of(&self, app: Uuid) -> Option<&AddOnRecord> {
        self.addons_of(app).next()
    }

    /// The current add-on of an app, created if there is none.
    pub(super) fn addon_on(&mut self, app: Uuid, now: OffsetDateTime) -> Uuid {
        if let Some(addon) = self.addon_of(app) {
            return addon.id;
        }
        self.add_addon(Uuid::new_v4(), app, now)
    }

    /// Adds another add-on to the app, with this id.
    pub(super) fn add_addon(&mut self, id: Uuid, app: Uuid, now: OffsetDateTime) -> Uuid {
        let place = self.addons.len();
        let plan_id = self.plan_id("basic");
        self.addons.add(AddOnRecord {
            id,
            place,
            name: format!("{}-{:05}", self.slug, place + 1),
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
        self.addons_on.entry(app).or_default().insert((place, id));
        id
    }

    /// For changing any field except the app, which [`place_addon`](Self::place_addon) does.
    pub(super) fn addon_mut(&mut self, id: Uuid) -> &mut AddOnRecord {
        let addon = self.addons.get_mut(id);
        addon.expect("add-ons are never forgotten")
    }

    /// Moves an add-on to another app. Its previous app no longer uses it.
    pub(super) fn place_addon(&mut self, id: Uuid, app: Uuid, now: OffsetDateTime) {
        let addon = self.addon_mut(id);
        let entry = (addon.place, id);
        let before = std::mem::replace(&mut addon.app, app);
        addon.attachments.retain(|it| it.app != before);
        if !addon.is_attached_to(app) {
            addon.attachments.push(Attachment::new(app, now));
        }
        if let Some(on_app) = self.addons_on.get_mut(&before) {
            on_app.remove(&entry);
        }
        self.addons_on.entry(app).or_default().insert(entry);
    }

    /// A new entry for a list of users.
    pub(super) fn standing(
        &mut self,
        email: &str,
        role: &str,
        permissions: &[&str],
        now: OffsetDateTime,
    ) -> Standing {
        Standing {
            id: Uuid::new_v4(),
            user: self.user(email),
            email: email.to_owned(),
            role: role.to_owned(),
            permissions: permissions.iter().map(|&name| name.to_owned()).collect(),
            created_at: now,
            updated_at: now,
        }
    }

    pub(super) fn plan_id(&mut self, plan: &str) -> Uuid {
        if let Some(known) = self.plans.get(plan) {
            return *known;
        }
        let new = Uuid::new_v4();
        self.plans.insert(plan.to_owned(), new);
        new
    }
}
