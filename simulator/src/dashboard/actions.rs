//! The actions of the buttons.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Form, Path, State};
use axum::response::Redirect;
use serde::Deserialize;
use uuid::Uuid;

use crate::refusal::Refusal;
use crate::shared::Shared;
use crate::world::{ALL_PERMISSIONS, Owner, TeamRecord, World, put_entry, remove_entry};
use crate::{Endpoint, Fault, PartnerAnswer, PartnerUnreachable, partner};

type Done = Result<Redirect, Refusal>;

#[derive(Deserialize)]
pub(super) struct NewPerson {
    email: String,
    /// The list, a colon, and the role there.
    role: String,
}

pub(super) async fn add_person(
    State(shared): State<Arc<Shared>>,
    Path(app): Path<Uuid>,
    Form(new): Form<NewPerson>,
) -> Done {
    let email = new.email.trim();
    let (list, role) = new.role.split_once(':').ok_or(Refusal::BAD_REQUEST)?;
    let now = shared.now();
    let mut state = shared.state();
    match listed(&state.world, app, list)? {
        Listed::App => {
            let mut changes = state.changes(now);
            changes.put_collaborator(app, email, role, &ALL_PERMISSIONS);
        }
        Listed::Team(team) => {
            let entry = state.world.people.list_entry(email, role, &[], now);
            put_entry(&mut team_mut(&mut state.world, team)?.members, entry);
        }
    }
    state.notice = Some(format!("{email} was added."));
    Ok(Redirect::to("/"))
}

#[derive(Deserialize)]
pub(super) struct ListedPerson {
    email: String,
    list: String,
}

pub(super) async fn remove_person(
    State(shared): State<Arc<Shared>>,
    Path(app): Path<Uuid>,
    Form(person): Form<ListedPerson>,
) -> Done {
    let now = shared.now();
    let mut state = shared.state();
    match listed(&state.world, app, &person.list)? {
        Listed::App => state.changes(now).remove_collaborator(app, &person.email),
        Listed::Team(team) => {
            let team = team_mut(&mut state.world, team)?;
            remove_entry(&mut team.members, &person.email);
        }
    }
    state.notice = Some(format!("{} was removed.", person.email));
    Ok(Redirect::to("/"))
}

pub(super) async fn provision(State(shared): State<Arc<Shared>>, Path(app): Path<Uuid>) -> Done {
    let now = shared.now();
    let addon = {
        let world = &mut shared.state().world;
        world.apps.get(app).ok_or(Refusal::NOT_FOUND)?;
        world.addon_on(app, now)
    };
    let body = partner::provisioning_body(&shared, addon);
    let answer = partner::provision(&shared, addon, &body).await;
    Ok(report(&shared, "Provisioning", answer))
}

pub(super) async fn deprovision(State(shared): State<Arc<Shared>>, Path(app): Path<Uuid>) -> Done {
    let addon = {
        let addons = &shared.state().world.addons;
        let addon = addons.first_of_app(app).map(|addon| addon.id);
        addon.ok_or(Refusal::NOT_FOUND)?
    };
    let answer = partner::deprovision(&shared, addon).await;
    Ok(report(&shared, "Deprovisioning", answer))
}

fn report(
    shared: &Shared,
    what: &str,
    answer: Result<PartnerAnswer, PartnerUnreachable>,
) -> Redirect {
    let mut state = shared.state();
    state.notice = Some(match answer {
        Ok(answer) => format!("{what}: the add-on answered {}.", answer.status),
        Err(_) => format!("{what} failed: no answer from {}.", state.partner_url),
    });
    Redirect::to("/")
}

#[derive(Deserialize)]
pub(super) struct ChosenFault {
    fault: String,
}

pub(super) async fn set_fault(
    State(shared): State<Arc<Shared>>,
    Form(chosen): Form<ChosenFault>,
) -> Done {
    let mut choices = FaultChoice::ALL.into_iter();
    let choice = choices.find(|choice| choice.value() == chosen.fault);
    let choice = choice.ok_or(Refusal::BAD_REQUEST)?;
    let faults = &mut shared.state().faults;
    match choice.fault() {
        None => faults.clear_all(),
        Some(fault) => faults.set(Endpoint::Any, fault, None),
    }
    Ok(Redirect::to("/"))
}

/// The faults that the page offers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum FaultChoice {
    Healthy,
    Slow,
    RateLimited,
    Unavailable,
    Reset,
}

impl FaultChoice {
    pub(super) const ALL: [Self; 5] = [
        Self::Healthy,
        Self::Slow,
        Self::RateLimited,
        Self::Unavailable,
        Self::Reset,
    ];

    /// The matching choice; `None` for a fault that was set elsewhere.
    pub(super) fn of(fault: Option<&Fault>) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|choice| choice.fault().as_ref() == fault)
    }

    fn fault(self) -> Option<Fault> {
        match self {
            Self::Healthy => None,
            Self::Slow => Some(Fault::Slow(Duration::from_secs(5))),
            Self::RateLimited => Some(Fault::RateLimited { retry_after: None }),
            Self::Unavailable => Some(Fault::Html503),
            Self::Reset => Some(Fault::Reset),
        }
    }

    pub(super) fn value(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Slow => "slow",
            Self::RateLimited => "429",
            Self::Unavailable => "503",
            Self::Reset => "reset",
        }
    }

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Healthy => "Healthy",
            Self::Slow => "Slow (5 s)",
            Self::RateLimited => "Rate limit (429)",
            Self::Unavailable => "Maintenance (503)",
            Self::Reset => "Down (reset)",
        }
    }
}

/// The name of a list in a form.
enum Listed {
    App,
    Team(Uuid),
}

/// The list with that name: the app's own, or that of its team.
fn listed(world: &World, app: Uuid, list: &str) -> Result<Listed, Refusal> {
    let app = world.apps.get(app).ok_or(Refusal::NOT_FOUND)?;
    match (list, &app.owner) {
        ("app", _) => Ok(Listed::App),
        ("team", Owner::Team(team)) => Ok(Listed::Team(*team)),
        _ => Err(Refusal::BAD_REQUEST),
    }
}

fn team_mut(world: &mut World, team: Uuid) -> Result<&mut TeamRecord, Refusal> {
    world.teams.get_mut(team).ok_or(Refusal::NOT_FOUND)
}
