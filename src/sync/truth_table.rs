//! The truth table of access: for every combination of what there is to know about a resource, a person
//! and a session, the answer at a sign-in, a request and a stream.
//!
//! `expected` is the table, written down apart from the code that it holds. Own logins are sign-ins without
//! an account, bearer tokens are sessions: they add nothing to the inputs.

use std::sync::Arc;
use std::time::Duration;

use heroku_addon_simulator::{AddOn, Endpoint, Fault, Simulator};
use secrecy::SecretString;

use time::OffsetDateTime;

use super::held::Own;
use super::moment::Moment;
use super::swap::Source;
use super::*;
use crate::access::{App, Email, ListPolicy, People, Person, ResourceList, Team};
use crate::clock::{ManualClock, SharedClock};
use crate::heroku::{HerokuClient, HerokuUrl};
use crate::ids::{ResourceId, UserId};
use crate::lifespan::End;
use crate::secret::ClientSecret;
use crate::store::{
    Absence, AbsenceKind, AbsenceSign, BoundedStore, MemoryStore, Revocation, Ticket,
};

const SECOND: Duration = Duration::from_secs(1);
const REFRESH: Duration = Duration::from_secs(300);
const MAX_LIST_AGE: Duration = Duration::from_secs(600);
const MAX_SESSION: Duration = Duration::from_secs(5_400);

/// The newest list in memory.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum List {
    None,
    Young,
    Old,
    TooOld,
    /// Young, and without the team's members.
    Partial,
}

/// The last attempt to fetch a newer one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Last {
    /// None, as nothing used the resource.
    Unwanted,
    /// None, and the resource is in use.
    Due,
    /// It was not answered, a moment ago.
    Failing,
    /// None is known: the list is from before this process.
    Unknown,
}

/// What Heroku answers if it is asked now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Heroku {
    Lists,
    Lacks,
    Fails,
}

/// The person on the list in memory.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Who {
    Listed,
    Unlisted,
    OtherAccount,
    /// The account is listed by another email.
    OtherEmail,
}

/// Something that happened to a person, in the order of tickets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum When {
    Never,
    Before,
    After,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Resource {
    Active,
    Dormant,
    Ended,
    Unknown,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum At {
    SignIn,
    Request,
    Stream,
}

#[derive(Clone, Copy, Debug)]
struct Case {
    at: At,
    resource: Resource,
    list: List,
    last: Last,
    heroku: Heroku,
    who: Who,
    /// Before or after the list was asked for.
    pending_removal: When,
    /// Before or after the sign-in.
    revoked: When,
    past_max_session: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Answer {
    Allow,
    NotListed,
    OtherAccount,
    EmailChanged,
    Revoked,
    MaxSession,
    Unused,
    Dormant,
    Unknown,
    Gone,
    Unavailable,
    /// Of a stream: any of these but `Allow`.
    Ends,
}

/// What the newest list says by itself.
fn by_list(case: &Case) -> Answer {
    match (case.who, case.list) {
        (Who::Listed, _) => Answer::Allow,
        (Who::OtherEmail, _) if case.at != At::SignIn => Answer::EmailChanged,
        (Who::OtherAccount, _) => Answer::OtherAccount,
        (Who::Unlisted | Who::OtherEmail, List::Partial) => Answer::Unavailable,
        (Who::Unlisted | Who::OtherEmail, _) => Answer::NotListed,
    }
}

/// What the list says that Heroku answers with.
fn by_heroku(case: &Case) -> Answer {
    let is_partial = case.list == List::Partial;
    match case.heroku {
        Heroku::Lists => Answer::Allow,
        Heroku::Lacks if is_partial => Answer::Unavailable,
        Heroku::Lacks => Answer::NotListed,
        Heroku::Fails => Answer::Unavailable,
    }
}

/// The table.
fn expected(case: &Case) -> Answer {
    let is_sign_in = case.at == At::SignIn;
    match case.resource {
        Resource::Unknown => return Answer::Unknown,
        Resource::Ended => return Answer::Gone,
        _ if !is_sign_in && case.revoked == When::After => return Answer::Revoked,
        Resource::Dormant if !is_sign_in && case.past_max_session => return Answer::MaxSession,
        Resource::Dormant => return Answer::Dormant,
        Resource::Active => {}
    }
    if !is_sign_in && case.past_max_session {
        return Answer::MaxSession;
    }
    if case.at == At::Stream && case.list == List::None {
        return Answer::Ends;
    }
    let is_unused = case.list == List::TooOld
        && match case.last {
            Last::Unwanted => true,
            // An answer shows that no earlier attempt can have been in vain.
            Last::Unknown => case.heroku != Heroku::Fails,
            Last::Due | Last::Failing => false,
        };
    if !is_sign_in && is_unused {
        return Answer::Unused;
    }
    if case.list != List::None && case.pending_removal == When::After {
        // Only a list that was asked for since then can tell, and a stream does not wait for it.
        return match case.at {
            At::Stream => Answer::Ends,
            _ => by_heroku(case),
        };
    }
    let is_young = matches!(case.list, List::Young | List::Partial);
    if is_young {
        return match (by_list(case), is_sign_in) {
            // Someone may have been added a moment ago.
            (Answer::NotListed | Answer::OtherAccount, true) => by_heroku(case),
            (answer, _) => answer,
        };
    }
    // A session does not wait for what has just failed; a sign-in does.
    let waits = is_sign_in || case.list != List::Old || case.last != Last::Failing;
    if !waits {
        return by_list(case);
    }
    match (case.heroku, case.list) {
        (Heroku::Fails, List::Old) => match (by_list(case), is_sign_in) {
            // Of others nothing is known.
            (Answer::NotListed | Answer::OtherAccount, true) => Answer::Unavailable,
            (answer, _) => answer,
        },
        _ => by_heroku(case),
    }
}

/// What all cases share.
struct Scene {
    clock: ManualClock,
    heroku: Simulator,
    directory: Arc<Directory>,
    ann: UserId,
}

impl Scene {
    async fn set() -> Self {
        let manual = ManualClock::new();
        let clock: SharedClock = Arc::new(manual.clone());
        let heroku = Simulator::builder().clock(manual.reader());
        let heroku = heroku.start().await.unwrap();
        let ann = heroku.user_id("ann@example.com").into();
        let url: HerokuUrl = heroku.url().parse().unwrap();
        let secret = ClientSecret::new(heroku.client_secret()).unwrap();
        let client = HerokuClient::new(
            url.clone(),
            url,
            secret,
            SECOND * 10,
            MAX_LIST_AGE,
            Arc::clone(&clock),
        );
        let settings = SyncSettings {
            refresh_interval: REFRESH,
            idle_interval: REFRESH * 72,
            max_list_age: MAX_LIST_AGE,
            max_session: MAX_SESSION,
            in_use_for: REFRESH * 3,
            dormant_for: REFRESH * 2_016,
            scope: SyncScope::All,
            rate_pools: RatePools::Shared,
            list_policy: ListPolicy::Documented,
            webhooks: None,
            deadlines: Deadlines::of_calls(SECOND * 10),
        };
        let store = BoundedStore::new(Arc::new(MemoryStore::default()));
        Self {
            clock: manual,
            heroku,
            directory: Directory::new(client.unwrap(), store, clock, settings),
            ann,
        }
    }

    fn list(&self, case: &Case) -> ResourceList {
        let email = |email: &str| email.parse::<Email>().unwrap();
        let other = UserId::from(self.heroku.user_id("other@example.com"));
        let person = match case.who {
            Who::Listed => Some(Person::new(
                email("ann@example.com"),
                Some(self.ann.clone()),
                None,
            )),
            Who::OtherAccount => Some(Person::new(email("ann@example.com"), Some(other), None)),
            Who::OtherEmail => Some(Person::new(
                email("ann@new.example"),
                Some(self.ann.clone()),
                None,
            )),
            Who::Unlisted => None,
        };
        let people: People = person.into_iter().collect();
        let app = App::new(
            "00000000-0000-4000-8000-000000000001".parse().unwrap(),
            "shop",
        );
        let list = ResourceList::new("acme-1", app, people);
        match case.list {
            List::Partial => list.with_team(Team::new("team-1".parse().unwrap(), "team")),
            _ => list,
        }
    }

    /// An add-on whose list at Heroku is as in this case.
    fn addon(&self, case: &Case, number: usize) -> AddOn {
        let app = self.heroku.app(&format!("app-{number}"));
        if case.heroku == Heroku::Lists {
            app.collaborator("ann@example.com");
        }
        if case.list == List::Partial {
            app.owned_by_team(&self.heroku.team("team"));
        }
        let addon = app.addon();
        addon.mark_provisioned();
        addon
    }

    async fn answer(&self, case: &Case, number: usize) -> Answer {
        // All budgets are full again.
        self.clock.advance(Duration::from_secs(60 * 60));
        self.heroku.clear_faults();
        self.heroku.fault(Endpoint::TeamMembers, Fault::Status(403));
        let (directory, clock) = (&self.directory, &self.directory.clock);
        let addon = self.addon(case, number);
        let id = ResourceId::from(addon.id());
        let grant = OauthGrant::Code(SecretString::from(addon.grant_code()));
        if case.resource != Resource::Unknown {
            directory.register(&id, Some(grant), None).await.unwrap();
        }
        if case.heroku == Heroku::Fails {
            self.heroku.fault(Endpoint::Any, Fault::Status(503));
        }
        let began = match case.past_max_session {
            true => clock.now() - MAX_SESSION,
            false => clock.now(),
        };
        let mut tickets = Vec::new();
        for _ in 0..6 {
            tickets.push(directory.store.ticket().await.unwrap());
        }
        match case.resource {
            Resource::Active | Resource::Dormant => self.prepare(case, &id, &tickets).await,
            Resource::Ended => assert!(directory.end(&id).await.unwrap()),
            Resource::Unknown => {}
        }
        let signed_in = [tickets[1], tickets[4]];
        self.ask(case.at, &id, signed_in, began).await
    }

    /// Brings memory to what the case says.
    async fn prepare(&self, case: &Case, id: &ResourceId, tickets: &[Ticket]) {
        let [early, own, late, revoked_early, _signed_in, revoked_late] = *tickets else {
            panic!("six tickets");
        };
        let (directory, clock) = (&self.directory, &self.directory.clock);
        let moment = |ticket: Ticket| Moment::now(clock, ticket);
        let mut entry = directory.entry(id).await.unwrap();
        if case.list != List::None {
            let (list, asked_at) = (self.list(case), moment(own));
            if let Some(team) = &list.team {
                let team = directory.teams.join(&team.id, id);
                team.state().refused(asked_at);
            }
            let stored = asked_at.date(list.clone(), clock);
            directory.store.set_list(id, stored).await.unwrap();
            let own = Own {
                list,
                etags: None,
                asked_at,
            };
            directory.replace(&entry, own, Source::Heroku).unwrap();
        }
        self.clock.advance(match case.list {
            List::Young | List::Partial | List::None => SECOND,
            List::Old => REFRESH + SECOND,
            List::TooOld => MAX_LIST_AGE + SECOND,
        });
        if case.last == Last::Unknown {
            // As after a restart.
            directory.entries.remove(id);
            entry = directory.entry(id).await.unwrap();
        }
        match case.pending_removal {
            When::Never => {}
            When::Before => entry.doubt(email(), moment(early)),
            When::After => entry.doubt(email(), moment(late)),
        }
        let revoked = match case.revoked {
            When::Never => None,
            When::Before => Some(revoked_early),
            When::After => Some(revoked_late),
        };
        if let Some(ticket) = revoked {
            let revocation = Revocation::new(email(), ticket, clock.now());
            entry.revoke(revocation, clock.now() - MAX_SESSION);
        }
        match case.last {
            Last::Unwanted | Last::Unknown => {}
            Last::Due => entry.readers.begin(clock.elapsed() + MAX_SESSION),
            Last::Failing => entry.progress().attempts.note_failure(clock.elapsed()),
        }
        if case.resource == Resource::Dormant {
            let sign = AbsenceSign::new(AbsenceKind::NotFound, late, clock.now());
            let mut absence = Absence::new(sign);
            absence.dormant_at = Some(clock.now());
            entry.set_absence(Some(absence), clock);
        }
    }
}

fn email() -> Email {
    "ann@example.com".parse().unwrap()
}

impl Scene {
    async fn ask(
        &self,
        at: At,
        id: &ResourceId,
        [list, ticket]: [Ticket; 2],
        began: OffsetDateTime,
    ) -> Answer {
        let (directory, email) = (&self.directory, &email());
        let who = Principal {
            email,
            user_id: Some(&self.ann),
            is_account_proved: true,
        };
        let session = SessionStart {
            began,
            ticket,
            list: ListVersion {
                own: list,
                members: None,
            },
        };
        let left = SECOND * 15;
        let denial = match at {
            At::SignIn => directory
                .admit(id, email, Some(&self.ann), left)
                .await
                .err(),
            At::Request => {
                let strictness = Strictness::REQUEST;
                let access = directory.authorize(id, who, Some(&session), strictness, left);
                access.await.err()
            }
            At::Stream => {
                let Ok(watch) = directory.watch(id).await else {
                    return Answer::Ends;
                };
                return match watch.may_stay(who, &session).await {
                    Some(_) => Answer::Allow,
                    None => Answer::Ends,
                };
            }
        };
        match denial {
            None => Answer::Allow,
            Some(Denial::NotListed) => Answer::NotListed,
            Some(Denial::OtherAccount) => Answer::OtherAccount,
            Some(Denial::EmailChanged) => Answer::EmailChanged,
            Some(Denial::Revoked) => Answer::Revoked,
            Some(Denial::Removed) => panic!("nobody was removed"),
            Some(Denial::SessionOver(End::LongestLife)) => Answer::MaxSession,
            Some(Denial::SessionOver(End::Unused)) => Answer::Unused,
            Some(Denial::Dormant) => Answer::Dormant,
            Some(Denial::Gone) => Answer::Gone,
            Some(Denial::UnknownResource) => Answer::Unknown,
            Some(Denial::Unavailable(_)) => Answer::Unavailable,
        }
    }
}

/// What a caller can tell apart there.
fn told(case: &Case, answer: Answer) -> Answer {
    match (case.at, answer) {
        (At::Stream, Answer::Allow) => Answer::Allow,
        (At::Stream, _) => Answer::Ends,
        (_, answer) => answer,
    }
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let whens = [When::Never, When::Before, When::After];
    for at in [At::SignIn, At::Request, At::Stream] {
        for list in [
            List::None,
            List::Young,
            List::Old,
            List::TooOld,
            List::Partial,
        ] {
            for last in [Last::Unwanted, Last::Due, Last::Failing, Last::Unknown] {
                for heroku in [Heroku::Lists, Heroku::Lacks, Heroku::Fails] {
                    for who in [
                        Who::Listed,
                        Who::Unlisted,
                        Who::OtherAccount,
                        Who::OtherEmail,
                    ] {
                        for pending_removal in whens {
                            for revoked in whens {
                                for past_max_session in [false, true] {
                                    for resource in [
                                        Resource::Active,
                                        Resource::Dormant,
                                        Resource::Ended,
                                        Resource::Unknown,
                                    ] {
                                        cases.push(Case {
                                            at,
                                            resource,
                                            list,
                                            last,
                                            heroku,
                                            who,
                                            pending_removal,
                                            revoked,
                                            past_max_session,
                                        });
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
    // Without what makes no difference by construction.
    cases.retain(|case| {
        let has_session = case.at != At::SignIn;
        let is_plain =
            case.list == List::Young && case.last == Last::Due && case.heroku == Heroku::Lists;
        (has_session || (case.revoked == When::Never && !case.past_max_session))
            && (case.resource == Resource::Active || (is_plain && case.who == Who::Listed))
            && (case.list != List::None
                || (case.who == Who::Listed && case.pending_removal == When::Never))
            && (!case.past_max_session || case.heroku == Heroku::Lists)
            && (case.revoked != When::After
                || (case.heroku == Heroku::Lists && case.last == Last::Due))
    });
    cases
}

#[tokio::test]
async fn every_combination_is_answered_as_the_table_says() {
    let scene = Scene::set().await;
    let cases = cases();
    let mut wrong = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        let answer = scene.answer(case, number).await;
        let expected = told(case, expected(case));
        if answer != expected {
            wrong.push(format!("{answer:?}, expected {expected:?}: {case:?}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
}
