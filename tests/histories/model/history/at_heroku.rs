//! Events at Heroku: changes of its lists, answers and add-ons.

use heroku_addon_simulator::{Endpoint, Fault};

use super::History;
use crate::model::reference::{Check, RESOURCES, has_team};
use crate::model::world::{EMAILS, OWNER};

impl History {
    /// Adds, removes or changes the role of a person, or gives an email to another account.
    pub(super) fn change_a_list(&mut self) {
        let person = self.rng.usize(..OWNER);
        let resource = self.rng.usize(..RESOURCES);
        let (app, team) = (self.world.addon(resource).app(), &self.world.team);
        let heroku = &mut self.model.heroku;
        let on_team = has_team(resource) && self.rng.bool();
        let list = match on_team {
            true => &mut heroku.members,
            false => &mut heroku.collaborators[resource],
        };
        let whose = if on_team {
            "the team".to_owned()
        } else {
            format!("app {resource}")
        };
        let what = match self.rng.u8(..10) {
            0..3 => {
                list.remove(&person);
                if on_team {
                    team.remove(EMAILS[person]);
                } else {
                    app.remove(EMAILS[person]);
                }
                format!("person {person} leaves {whose}")
            }
            3..9 => {
                let admin = self.rng.bool();
                // The previous account of the email is on no list any more.
                let account = self.accounts[person];
                list.insert(person, (account, admin));
                if on_team {
                    let role = if admin { "admin" } else { "member" };
                    team.remove(EMAILS[person]).member(EMAILS[person], role);
                } else {
                    let role = if admin { "admin" } else { "collaborator" };
                    let app = app.remove(EMAILS[person]);
                    app.collaborator_as(EMAILS[person], role, &["view"]);
                }
                format!("person {person} is on {whose} as {account}, admin: {admin}")
            }
            _ => {
                let account = self.world.heroku.accounts().replace(EMAILS[person]);
                self.accounts[person] = self.world.accounts.len();
                self.world.accounts.push(account.into());
                format!("person {person} is now account {}", self.accounts[person])
            }
        };
        self.model.heroku_has_changed();
        self.tell(what);
    }

    /// Starts or ends a fault of Heroku.
    pub(super) fn change_the_weather(&mut self) {
        let heroku = &mut self.model.heroku;
        if heroku.faults.is_empty() && self.rng.u8(..5) < 2 {
            let endpoints = [
                Endpoint::Any,
                Endpoint::AddOn,
                Endpoint::App,
                Endpoint::Collaborators,
                Endpoint::TeamMembers,
            ];
            let place = self.rng.usize(..endpoints.len());
            let is_list = place >= 3;
            let fault = match self.rng.u8(..if is_list { 7 } else { 4 }) {
                0 => Fault::Status(503),
                1 => Fault::RateLimited { retry_after: None },
                2 => Fault::Html503,
                3 => Fault::Reset,
                4 => Fault::Truncated,
                5 => Fault::PartialWithoutNextRange,
                _ => Fault::LoopingRange,
            };
            self.tell(format!("{:?} of {:?}", fault, endpoints[place]));
            self.world
                .heroku
                .faults()
                .set(endpoints[place], fault.clone());
            self.model.heroku.faults.push((endpoints[place], fault));
        } else {
            heroku.faults.clear();
            self.world.heroku.faults().clear_all();
            self.tell("Heroku recovers".to_owned());
        }
    }

    /// A webhook: current, repeated, outdated, or not signed by Heroku.
    pub(super) async fn webhook(&mut self, at: usize) -> Check {
        if self.world.is_in_a_file() {
            // The work that it starts does not run on this thread only.
            return Ok(());
        }
        let (event, is_signed) = match self.events.len() {
            count if count > 0 && self.rng.bool() => (self.rng.usize(..count), true),
            count => {
                let news = match self.rng.choice(self.model.living()) {
                    // The person may have left or not.
                    Some(id) if self.rng.u8(..4) > 0 => {
                        let session = &self.model.sessions[id];
                        (session.resource, Some(session.person))
                    }
                    _ => {
                        let person = self.rng.usize(..EMAILS.len());
                        let left = self.rng.bool().then_some(person);
                        (self.rng.usize(..RESOURCES), left)
                    }
                };
                self.events.push(news);
                (count, self.rng.u8(..5) > 0)
            }
        };
        let (resource, left) = self.events[event];
        let number = event as u64;
        let status = self
            .world
            .webhook(at, resource, number, left, is_signed)
            .await;
        let heard = self.heard();
        self.tell(format!(
            "{at}: event {event}, app {resource}, left {left:?}: {status}, {heard:?}"
        ));
        match (is_signed, status) {
            (true, 204) => self.model.webhook(at, resource, number, left, &heard),
            (false, 401) => heard.nothing(),
            (_, status) => Err(format!("a webhook was answered {status}")),
        }
    }

    /// Rarely deprovisions a resource by the partner's call, or removes it at Heroku, or restores it there.
    pub(super) async fn end_a_resource(&mut self, at: usize) -> Check {
        let resource = self.rng.usize(..RESOURCES);
        let addon = self.world.addon(resource);
        match self.rng.u8(..16) {
            0 => {
                addon.remove();
                self.world.forget(at, resource).await;
                self.model.forget(at, resource);
                self.tell(format!("{at}: deprovisions {resource}"));
            }
            1 => {
                if self.rng.bool() {
                    addon.remove();
                } else {
                    addon.gone();
                }
                self.model.heroku.gone[resource] = true;
                self.model.heroku_has_changed();
                self.tell(format!("{resource} is gone at Heroku"));
            }
            2..6 if self.model.heroku.gone[resource] && self.model.is_registered(resource) => {
                addon.mark_provisioned();
                self.model.heroku.gone[resource] = false;
                self.tell(format!("{resource} is back at Heroku"));
            }
            _ => {}
        }
        Ok(())
    }
}
