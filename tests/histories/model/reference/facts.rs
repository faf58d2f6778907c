//! What there is to know: at Heroku, in a process, in a session, in a form.

use std::collections::{BTreeMap, BTreeSet};

use heroku_addon_simulator::{Endpoint, Fault};

use super::{Account, FORM_AHEAD, FORM_LIVES, Person, Resource, Time, Turn};

/// How many resources there are.
pub const RESOURCES: usize = 4;

/// The apps of resources 1 and 2 belong to one team, those of 0 and 3 to a person.
pub fn has_team(resource: Resource) -> bool {
    resource == 1 || resource == 2
}

/// People on one of Heroku's lists: whose account it names, and whether they are an admin.
pub type People = BTreeMap<Person, (Account, bool)>;

/// Heroku itself: the truth.
#[derive(Default)]
pub struct Heroku {
    pub collaborators: [People; RESOURCES],
    pub members: People,
    pub gone: [bool; RESOURCES],
    pub faults: Vec<(Endpoint, Fault)>,
}

/// A part of a list as Heroku told it.
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

/// That a list lacked a person whom the one before had.
#[derive(Clone, Copy, Debug)]
pub(super) struct Removal {
    pub(super) person: Person,
    /// None for whatever account.
    pub(super) account: Option<Account>,
    /// The turns of the parts of the list that lacked them.
    pub(super) list: Parts,
    pub(super) sure: Sure,
}

/// Whether both of Heroku's lists were asked for since.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Sure {
    No,
    /// In the same step, in which the order is not known.
    Perhaps,
    Yes,
}

/// What a process, or the store, knows of a resource.
#[derive(Clone, Debug, Default)]
pub struct Known {
    pub(super) own: Option<Told>,
    /// Sessions of this person from before that turn have ended.
    pub(super) revoked: BTreeMap<Person, Turn>,
    /// Heroku said that they may have left, and was not asked since.
    pub(super) doubted: BTreeSet<Person>,
}

/// Whether a process has asked for a list newer than the newest, and got none.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Tried {
    #[default]
    No,
    InVain,
    /// By something that the model does not follow.
    Perhaps,
}

/// A process. Knows what was in the store at its start, and what Heroku tells it from then on.
#[derive(Clone, Default)]
pub struct Replica {
    pub(super) born: Turn,
    /// None of a resource that is gone.
    pub(super) known: [Option<Known>; RESOURCES],
    pub(super) team: Option<Told>,
    pub(super) events: BTreeSet<u64>,
    /// Heroku asked to be left alone until then.
    pub(super) paused_until: Time,
    /// And said that no calls are left: nothing is forced until it says otherwise.
    pub(super) scarce: bool,
    /// What became of the last attempt to get a newer list.
    pub(super) tried: [Tried; RESOURCES],
    /// Who was off its lists.
    pub(super) removals: [Vec<Removal>; RESOURCES],
    /// When it may have asked Heroku on behalf of a visitor.
    pub(super) spent: [Vec<Time>; RESOURCES],
    /// When the partner asked for a refresh.
    pub(super) refreshed: [Vec<Time>; RESOURCES],
}

/// A session that was opened, once and for all time.
#[derive(Debug)]
pub struct Session {
    pub resource: Resource,
    pub person: Person,
    pub(super) account: Account,
    /// Whether the sign-in proved the email, not only that somebody signed in.
    pub(super) proven: bool,
    pub(super) opened: Turn,
    /// The turns of the parts of the list that admitted them.
    pub(super) list: Parts,
    pub(super) signed_in: Time,
    /// Heroku has had them on the list at every moment since the sign-in.
    pub(super) always_listed: bool,
    /// By which process (as of its birth), and when.
    pub(super) closed: Option<(Turn, Turn, Time)>,
}

/// What a sign-in rests on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Proof {
    /// SHA-256 over everything.
    Scoped,
    /// SHA-1 over resource and time only; the rest may be anything.
    Plain,
    /// The partner's own login: no form.
    OwnLogin,
    /// A form that is wrong in one of several ways.
    Wrong(u8),
}

/// An SSO form, or a login that takes its place.
#[derive(Clone, Debug)]
pub struct Form {
    /// None for one that nobody registered.
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

    /// Also if the lists do not agree on whose account it is.
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

/// Somebody is on a list if one of its parts has them, and both name the same account.
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

    /// What a sign-in by this form uses up.
    pub(super) fn uses(&self, resource: Resource) -> Option<Use> {
        match self.proof {
            Proof::Scoped => Some((resource, self.signed_at, self.account)),
            Proof::Plain => Some((resource, self.signed_at, None)),
            Proof::OwnLogin | Proof::Wrong(_) => None,
        }
    }
}
