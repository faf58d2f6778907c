//! The facts of the model: at Heroku, in a process, in a session, in a form.

use std::collections::{BTreeMap, BTreeSet};

use heroku_addon_simulator::{Endpoint, Fault};

use super::{Account, FORM_AHEAD, FORM_LIVES, Person, Resource, Time, Turn};

/// The number of resources.
pub const RESOURCES: usize = 4;

/// The apps of resources 1 and 2 belong to one team, those of 0 and 3 to a person.
pub fn has_team(resource: Resource) -> bool {
    resource == 1 || resource == 2
}

/// The people on one of Heroku's lists, with their account and whether they are an admin.
pub type People = BTreeMap<Person, (Account, bool)>;

/// Heroku itself: the truth.
#[derive(Default)]
pub struct Heroku {
    pub collaborators: [People; RESOURCES],
    pub members: People,
    pub gone: [bool; RESOURCES],
    pub faults: Vec<(Endpoint, Fault)>,
}

/// A part of a list from an answer of Heroku.
#[derive(Clone, Debug)]
pub struct Told {
    pub(super) people: People,
    pub(super) at: Time,
    pub(super) turn: Turn,
}

/// The turns of a list's two parts. Of an app without a team they are the same.
pub(super) type Parts = [Turn; 2];

/// True if a part of the other one is newer.
pub(super) fn is_outdated(list: Parts, other: Parts) -> bool {
    list[0] < other[0] || list[1] < other[1]
}

/// A list that lacked a person whom the previous list had.
#[derive(Clone, Copy, Debug)]
pub(super) struct Removal {
    pub(super) person: Person,
    /// None for any account.
    pub(super) account: Option<Account>,
    /// The turns of the parts of the list without the person.
    pub(super) list: Parts,
    pub(super) sure: Sure,
}

/// Whether both of Heroku's lists were requested since.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Sure {
    No,
    /// In the same step, whose order is unknown.
    Perhaps,
    Yes,
}

/// The state of a resource in a process or the store.
#[derive(Clone, Debug, Default)]
pub struct Known {
    pub(super) own: Option<Told>,
    /// A revocation: sessions of this person from before that turn have ended.
    pub(super) revoked: BTreeMap<Person, Turn>,
    /// Pending removals: no list was requested since the webhook.
    pub(super) noted: BTreeSet<Person>,
}

/// Whether a process has failed to fetch a newer list.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Tried {
    #[default]
    No,
    InVain,
    /// By work that the model does not track.
    Perhaps,
}

/// A process. It knows the store's state from its start, and Heroku's answers since.
#[derive(Clone, Default)]
pub struct Replica {
    pub(super) born: Turn,
    /// None for a deprovisioned resource.
    pub(super) known: [Option<Known>; RESOURCES],
    pub(super) team: Option<Told>,
    pub(super) events: BTreeSet<u64>,
    /// The end of the pause that Heroku requested.
    pub(super) paused_until: Time,
    /// Heroku reported an empty pool: no forced fetches until it reports otherwise.
    pub(super) scarce: bool,
    /// The result of the last attempt to fetch a newer list.
    pub(super) tried: [Tried; RESOURCES],
    /// The removals that it has seen.
    pub(super) removals: [Vec<Removal>; RESOURCES],
    /// The times of possible fetches for a request.
    pub(super) spent: [Vec<Time>; RESOURCES],
    /// The times of the partner's refreshes.
    pub(super) refreshed: [Vec<Time>; RESOURCES],
}

/// A session, as it was opened.
#[derive(Debug)]
pub struct Session {
    pub resource: Resource,
    pub person: Person,
    pub(super) account: Account,
    /// Whether the sign-in proved the email.
    pub(super) proven: bool,
    pub(super) opened: Turn,
    /// The turns of the parts of the list that admitted the person.
    pub(super) list: Parts,
    pub(super) signed_in: Time,
    /// Whether the person was on Heroku's list all the time since the sign-in.
    pub(super) always_listed: bool,
    /// The closing process (by its birth), and the time.
    pub(super) closed: Option<(Turn, Turn, Time)>,
}

/// The proof of a sign-in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Proof {
    /// SHA-256 over everything.
    Scoped,
    /// SHA-1 over resource and time only; the other fields are unsigned.
    Plain,
    /// The partner's own login: no form.
    OwnLogin,
    /// A form with one of several faults.
    Wrong(u8),
}

/// An SSO form, or the partner's login instead.
#[derive(Clone, Debug)]
pub struct Form {
    /// None for an unregistered resource.
    pub resource: Option<Resource>,
    pub person: Person,
    pub account: Option<Account>,
    pub signed_at: Time,
    pub proof: Proof,
}

pub(super) type Use = (Resource, Time, Option<Account>);

impl Replica {
    pub(super) fn is_gone(&self, resource: Resource) -> bool {
        self.known[resource].is_none()
    }
}

impl Heroku {
    pub fn standing(&self, resource: Resource, person: Person) -> Option<(Account, bool)> {
        let members = Some(&self.members).filter(|_| has_team(resource));
        let on_list = standing(&self.collaborators[resource], members, person);
        on_list.filter(|_| !self.gone[resource])
    }

    /// Also if the lists disagree on the account.
    pub fn is_on_list(&self, resource: Resource, person: Person) -> bool {
        let on_team = has_team(resource) && self.members.contains_key(&person);
        on_team || self.collaborators[resource].contains_key(&person)
    }

    pub fn fails(&self, endpoint: Endpoint) -> bool {
        let mut faults = self.faults.iter();
        faults.any(|(at, _)| *at == endpoint || *at == Endpoint::Any)
    }

    pub(super) fn is_faulty(&self, resource: Resource) -> bool {
        let asked = [Endpoint::AddOn, Endpoint::App, Endpoint::Collaborators];
        let members = has_team(resource) && self.fails(Endpoint::TeamMembers);
        members || asked.iter().any(|endpoint| self.fails(*endpoint))
    }
}

/// A person is on a list if one of its parts has them, and both name the same account.
pub(super) fn standing(
    own: &People,
    team: Option<&People>,
    person: Person,
) -> Option<(Account, bool)> {
    match (own.get(&person), team.and_then(|team| team.get(&person))) {
        (Some(one), Some(other)) if one.0 == other.0 => Some((one.0, one.1 || other.1)),
        (Some(_), Some(_)) => None,
        (one, other) => one.or(other).copied(),
    }
}

impl Form {
    pub(super) fn is_good(&self, now: Time) -> bool {
        let is_fresh = self.signed_at <= now + FORM_AHEAD && now <= self.signed_at + FORM_LIVES;
        match self.proof {
            Proof::OwnLogin => true,
            Proof::Scoped | Proof::Plain => is_fresh,
            Proof::Wrong(_) => false,
        }
    }

    /// The tokens that a sign-in by this form consumes.
    pub(super) fn uses(&self, resource: Resource) -> Option<Use> {
        match self.proof {
            Proof::Scoped => Some((resource, self.signed_at, self.account)),
            Proof::Plain => Some((resource, self.signed_at, None)),
            Proof::OwnLogin | Proof::Wrong(_) => None,
        }
    }
}
