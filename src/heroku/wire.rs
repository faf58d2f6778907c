//! Heroku's JSON, as far as the access list needs it. Unknown fields are ignored, as Heroku's
//! compatibility policy requires. If a known field has another type, the whole answer is rejected, so that
//! an incomplete list is never taken for a complete one.

use std::sync::Arc;

use heroku_sso_store::{AppId, ResourceId, Role, UserId};
use serde::Deserialize;
use url::Url;

use super::{Call, HerokuAnswer, HerokuError};
use crate::access::{App, Person, Team};

/// The data of `GET /addons/:id`.
#[derive(Clone, Debug)]
pub(crate) struct AddOn {
    pub(crate) name: String,
    pub(crate) app: App,
    /// A valid URL.
    pub(crate) web_url: Option<Box<str>>,
}

/// The data of `GET /apps/:id`.
#[derive(Clone, Debug)]
pub(crate) struct AppInfo {
    pub(crate) app: App,
    pub(crate) team: Option<Arc<Team>>,
}

#[derive(Deserialize)]
pub(super) struct AddOnJson {
    id: String,
    name: String,
    app: Option<Named>,
    billing_entity: Option<BillingEntity>,
    state: Option<String>,
    web_url: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct AppJson {
    id: String,
    name: String,
    team: Option<Named>,
    /// The name of `team` before 2017.
    organization: Option<Named>,
}

#[derive(Deserialize)]
pub(super) struct CollaboratorJson {
    app: Option<Named>,
    user: AccountJson,
    role: Option<String>,
    #[serde(default)]
    permissions: Vec<Permission>,
}

#[derive(Deserialize)]
pub(super) struct TeamMemberJson {
    email: String,
    role: Option<String>,
    user: Option<AccountJson>,
}

#[derive(Deserialize)]
pub(super) struct AttachmentJson {
    addon: Option<Named>,
    app: Named,
}

#[derive(Deserialize)]
struct AccountJson {
    id: Option<String>,
    email: String,
}

#[derive(Deserialize)]
struct BillingEntity {
    id: String,
    name: String,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct Named {
    id: String,
    name: Option<String>,
}

#[derive(Deserialize)]
struct Permission {
    name: String,
}

#[derive(Default, Deserialize)]
pub(super) struct ErrorJson {
    #[serde(default)]
    pub(super) id: String,
    #[serde(default)]
    pub(super) message: String,
}

impl AddOnJson {
    pub(super) fn read(self, asked: &ResourceId) -> Result<AddOn, HerokuError> {
        const ABOUT: &str = Call::AddOn.about();
        if self.id.parse::<ResourceId>().as_ref() != Ok(asked) {
            return Err(HerokuError::WrongSubject { about: ABOUT });
        }
        if self.state.as_deref() == Some("deprovisioned") {
            let gone = HerokuAnswer::new(200, "deprovisioned", "", None);
            return Err(HerokuError::Gone(gone));
        }
        let billed_app = || {
            let entity = self.billing_entity.filter(|entity| entity.kind == "app")?;
            Some(Named {
                id: entity.id,
                name: Some(entity.name),
            })
        };
        let app = self.app.or_else(billed_app);
        let app = app.ok_or(HerokuError::Malformed { about: ABOUT })?;
        Ok(AddOn {
            name: self.name,
            app: App::new(parse_id(&app.id, ABOUT)?, app.name.unwrap_or_default()),
            web_url: self
                .web_url
                .and_then(|url| Url::parse(&url).ok())
                .map(|url| url.as_str().into()),
        })
    }
}

impl AppJson {
    pub(super) fn read(self, asked: &AppId) -> Result<AppInfo, HerokuError> {
        const ABOUT: &str = Call::App.about();
        let id: AppId = parse_id(&self.id, ABOUT)?;
        if id != *asked {
            return Err(HerokuError::WrongSubject { about: ABOUT });
        }
        let team = self.team.or(self.organization);
        let team = team.map(|team| {
            let id = parse_id(&team.id, ABOUT)?;
            Ok(Arc::new(Team::new(id, team.name.unwrap_or_default())))
        });
        Ok(AppInfo {
            app: App::new(id, self.name),
            team: team.transpose()?,
        })
    }
}

impl CollaboratorJson {
    /// None for an entry that could never be admitted.
    pub(super) fn read(self, asked: &AppId) -> Result<Option<Person>, HerokuError> {
        let about_asked = |app: &Named| app.id.parse::<AppId>().as_ref() == Ok(asked);
        if !self.app.as_ref().is_none_or(about_asked) {
            return Err(HerokuError::WrongSubject {
                about: Call::Collaborators.about(),
            });
        }
        let permissions = self.permissions.into_iter().map(|p| p.name.into());
        let person = person(&self.user.email, self.user.id.as_deref(), self.role);
        Ok(person.map(|person| person.with_permissions(permissions)))
    }
}

impl TeamMemberJson {
    /// None for an entry that could never be admitted.
    pub(super) fn read(self) -> Option<Person> {
        let user_id = self.user.and_then(|user| user.id);
        person(&self.email, user_id.as_deref(), self.role)
    }
}

impl AttachmentJson {
    /// The app that uses the add-on.
    pub(super) fn read(self, asked: &ResourceId) -> Result<AppId, HerokuError> {
        const ABOUT: &str = Call::Attachments.about();
        let about_asked = |addon: &Named| addon.id.parse::<ResourceId>().as_ref() == Ok(asked);
        if !self.addon.as_ref().is_none_or(about_asked) {
            return Err(HerokuError::WrongSubject { about: ABOUT });
        }
        parse_id(&self.app.id, ABOUT)
    }
}

/// An entry with an email or an id outside the grammar cannot sign in, so it is omitted: a smaller list is
/// a safe one.
fn person(email: &str, user_id: Option<&str>, role: Option<String>) -> Option<Person> {
    let email = email.parse().ok()?;
    let user_id = user_id.map(str::parse::<UserId>).transpose().ok()?;
    Some(Person::new(email, user_id, role.map(Role::from)))
}

fn parse_id<T: std::str::FromStr>(text: &str, about: &'static str) -> Result<T, HerokuError> {
    text.parse().map_err(|_| HerokuError::Malformed { about })
}
