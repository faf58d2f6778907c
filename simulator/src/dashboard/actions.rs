//! The actions of the buttons.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Form, Path, State};
use axum::response::Redirect;
use serde::Deserialize;
use uuid::Uuid;

use crate::records::{ALL_PERMISSIONS, Owner, TeamRecord, put_standing, remove_standing};
use crate::refusal::Refusal;
use crate::shared::Shared;
use crate::state::State as World;
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
    match state.listed(app, list)? {
        Listed::App => state.put_collaborator(app, email, role, &ALL_PERMISSIONS, now),
        Listed::Team(team) => {
            let entry = state.standing(email, role, &[], now);
            put_standing(&mut state.team_mut(team)?.members, entry);
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
    Form(listed): Form<ListedPerson>,
) -> Done {
    let now = shared.now();
    let mut state = shared.state();
    match state.listed(app, &listed.list)? {
        Listed::App => state.remove_collaborator(app, &listed.email, now),
        Listed::Team(team) => {
            remove_standing(&mut state.team_mut(team)?.members, &listed.email);
        }
    }
    state.notice = Some(format!("{} was removed.", listed.email));
    Ok(Redirect::to("/"))
}

pub(super) async fn provision(State(shared): State<Arc<Shared>>, Path(app): Path<Uuid>) -> Done {
    let now = shared.now();
    let addon = {
        let mut state = shared.state();
        state.app(app).ok_or(Refusal::NOT_FOUND)?;
        state.addon_on(app, now)
    };
    let body = partner::provisioning_body(&shared, addon);
    let answer = partner::provision(&shared, addon, &body).await;
    Ok(report(&shared, "Provisioning", answer))
}

pub(super) async fn deprovision(State(shared): State<Arc<Shared>>, Path(app): Path<Uuid>) -> Done {
    let addon = shared.state().addon_of(app).map(|addon| addon.id);
    let addon = addon.ok_or(Refusal::NOT_FOUND)?;
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

impl World {
    /// The list with that name: the app's own, or that of its team.
    fn listed(&self, app: Uuid, list: &str) -> Result<Listed, Refusal> {
        let app = self.app(app).ok_or(Refusal::NOT_FOUND)?;
        match (list, &app.owner) {
            ("app", _) => Ok(Listed::App),
            ("team", Owner::Team(team)) => Ok(Listed::Team(*team)),
            _ => Err(Refusal::BAD_REQUEST),
        }
    }

    fn team_mut(&mut self, team: Uuid) -> Result<&mut TeamRecord, Refusal> {
        self.teams.get_mut(team).ok_or(Refusal::NOT_FOUND)
    }
}
