//! Brings memory and Heroku into the state of a case, and asks for the decision.

#![cfg(test)]

use std::sync::Arc;
use std::time::Duration;

use heroku_addon_simulator::{AddOn, Endpoint, Fault, Simulator};
use heroku_sso_store::{
    Absence, AbsenceKind, AbsenceSign, Email, ResourceId, Revocation, Sequence, UserId,
};
use secrecy::SecretString;

use super::{Answer, At, Case, Heroku, Last, List, Resource, When, Who};
use crate::access::{App, People, Person, ResourceList, Team};
use crate::clock::{ManualClock, SharedClock};
use crate::heroku::{HerokuClient, HerokuUrl};
use crate::lifespan::End;
use crate::secret::ClientSecret;
use crate::store::{BoundedStore, MemoryStore};
use crate::sync::lists::list_event::Source;
use crate::sync::state::as_of::AsOf;
use crate::sync::state::cached_list::OwnList;
use crate::sync::{
    Denial, Directory, ListVersion, OauthGrant, Principal, SessionStart, Strictness, SyncSettings,
    Watch,
};
use url::Url;

const SECOND: Duration = Duration::from_secs(1);
pub(in crate::sync) const REFRESH: Duration = Duration::from_secs(300);
const MAX_LIST_AGE: Duration = Duration::from_secs(600);
const MAX_SESSION: Duration = Duration::from_secs(5_400);

/// The parts that all cases share.
pub(in crate::sync) struct Scene {
    clock: ManualClock,
    heroku: Simulator,
    directory: Arc<Directory>,
    ann: UserId,
}

impl Scene {
    pub(in crate::sync) async fn set() -> Self {
        let manual = ManualClock::new();
        let clock: SharedClock = Arc::new(manual.clone());
        let heroku = Simulator::builder().clock(manual.reader());
        let heroku = heroku.start().await.unwrap();
        let ann = heroku.accounts().id("ann@example.com").into();
        let url: Url = heroku.url().parse().unwrap();
        let url = HerokuUrl::try_from(url).unwrap();
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
            max_list_age: MAX_LIST_AGE,
            max_session: MAX_SESSION,
            ..SyncSettings::for_test(&clock)
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
        let other = UserId::from(self.heroku.accounts().id("other@example.com"));
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

    /// An add-on whose list at Heroku matches this case.
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

    pub(in crate::sync) async fn answer(&self, case: &Case, number: usize) -> Answer {
        let (id, session) = self.set_up(case, number).await;
        self.ask(case.at, &id, &session).await
    }

    /// How long a stream may stay open before it is checked again. None if it ends.
    pub(in crate::sync) async fn may_stay(&self, case: &Case, number: usize) -> Option<Duration> {
        let (id, session) = self.set_up(case, number).await;
        self.check_stream(&id, &session).await
    }

    /// Brings memory and Heroku into the state of the case. Returns its resource and session.
    async fn set_up(&self, case: &Case, number: usize) -> (ResourceId, SessionStart) {
        // All budgets are full again.
        self.clock.advance(Duration::from_secs(60 * 60));
        self.heroku.faults().clear_all();
        self.heroku
            .faults()
            .set(Endpoint::TeamMembers, Fault::Status(403));
        let (directory, clock) = (&self.directory, self.directory.clock());
        let addon = self.addon(case, number);
        let id = ResourceId::from(addon.id());
        let grant = OauthGrant::Code(SecretString::from(addon.grant_code()));
        if case.resource != Resource::Unknown {
            directory
                .lifecycle()
                .register(&id, Some(grant), None)
                .await
                .unwrap();
        }
        if case.heroku == Heroku::Fails {
            self.heroku.faults().set(Endpoint::Any, Fault::Status(503));
        }
        let began = match case.past_max_session {
            true => clock.now() - MAX_SESSION,
            false => clock.now(),
        };
        let mut sequences = Vec::new();
        for _ in 0..6 {
            sequences.push(directory.store().next_sequence().await.unwrap());
        }
        match case.resource {
            Resource::Active | Resource::Dormant => self.prepare(case, &id, &sequences).await,
            Resource::Ended => assert!(directory.lifecycle().end(&id).await.unwrap()),
            Resource::Unknown => {}
        }
        let session = SessionStart {
            began: began.into(),
            sequence: sequences[4],
            list: ListVersion {
                own: sequences[1],
                members: None,
                attached: None,
            },
        };
        (id, session)
    }

    /// Brings memory into the state of the case.
    async fn prepare(&self, case: &Case, id: &ResourceId, sequences: &[Sequence]) {
        let [early, own, late, revoked_early, _signed_in, revoked_late] = *sequences else {
            panic!("six sequences");
        };
        let (directory, clock) = (&self.directory, self.directory.clock());
        let moment = |sequence: Sequence| AsOf::now(clock, sequence);
        let mut entry = directory
            .authorizer()
            .coordinator()
            .entry(id)
            .await
            .unwrap();
        if case.list != List::None {
            let (list, asked_at) = (self.list(case), moment(own));
            if let Some(team) = &list.team {
                let team = directory.authorizer().lists.teams().join(&team.id, &entry);
                team.state().refused(asked_at);
            }
            let stored = asked_at.date(list.clone(), clock);
            directory.store().set_list(id, stored).await.unwrap();
            let own = OwnList {
                list,
                etags: None,
                asked_at,
            };
            directory
                .authorizer()
                .lists
                .replace(&entry, own, Source::Heroku)
                .unwrap();
        }
        self.clock.advance(match case.list {
            List::Young | List::Partial | List::None => SECOND,
            List::Old => REFRESH + SECOND,
            List::TooOld => MAX_LIST_AGE + SECOND,
        });
        if case.last == Last::Unknown {
            // As after a restart.
            directory.authorizer().lists.drop_entry(id);
            entry = directory
                .authorizer()
                .coordinator()
                .entry(id)
                .await
                .unwrap();
        }
        match case.pending_removal {
            When::Never => {}
            When::Before => entry.note_pending_removal(email(), moment(early)),
            When::After => entry.note_pending_removal(email(), moment(late)),
        }
        let revoked = match case.revoked {
            When::Never => None,
            When::Before => Some(revoked_early),
            When::After => Some(revoked_late),
        };
        if let Some(sequence) = revoked {
            let revocation = Revocation::new(email(), sequence, clock.now());
            entry.note_revocation(revocation, clock.now() - MAX_SESSION);
        }
        match case.last {
            Last::Unwanted | Last::Unknown => {}
            Last::Due => entry.streams.begin(clock.elapsed() + MAX_SESSION),
            Last::Failing => {
                let error = crate::sync::SyncError::Interrupted;
                entry.progress().note_failure(clock.elapsed(), &error);
            }
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
    fn principal<'a>(&'a self, email: &'a Email) -> Principal<'a> {
        Principal {
            email,
            user_id: Some(&self.ann),
            is_account_proved: true,
        }
    }

    async fn check_stream(&self, id: &ResourceId, session: &SessionStart) -> Option<Duration> {
        let watch = Watch::start(self.directory.authorizer(), id).await.ok()?;
        watch.may_stay(self.principal(&email()), session).await
    }

    async fn ask(&self, at: At, id: &ResourceId, session: &SessionStart) -> Answer {
        let (directory, email) = (&self.directory, &email());
        let who = self.principal(email);
        let left = SECOND * 15;
        let denial = match at {
            At::SignIn => directory
                .authorizer()
                .admit(id, email, Some(&self.ann), left)
                .await
                .err(),
            At::Request => {
                let strictness = Strictness::REQUEST;
                let access =
                    directory
                        .authorizer()
                        .authorize(id, who, Some(session), strictness, left);
                access.await.err()
            }
            At::Stream => {
                return match self.check_stream(id, session).await {
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
            Some(Denial::Removed) => panic!("no case removes a person"),
            Some(Denial::SessionOver(End::LongestLife)) => Answer::MaxSession,
            Some(Denial::SessionOver(End::Unused)) => Answer::Unused,
            Some(Denial::Dormant) => Answer::Dormant,
            Some(Denial::Gone) => Answer::Gone,
            Some(Denial::UnknownResource) => Answer::Unknown,
            Some(Denial::Unavailable(_)) => Answer::Unavailable,
        }
    }
}
