//! SSO forms, signed as Heroku signs them.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;
use time::OffsetDateTime;
use url::form_urlencoded;
use uuid::Uuid;

use super::shared::Shared;
use super::{App, token};

/// The form that a browser posts to the add-on's SSO endpoint, to be sent as it is or tampered with.
/// Changes do not update the signature.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SignInForm {
    action: String,
    fields: Vec<(String, String)>,
}

impl SignInForm {
    /// The URL to post to.
    pub fn action(&self) -> String {
        self.action.clone()
    }

    /// The fields in the order they are sent.
    pub fn fields(&self) -> &[(String, String)] {
        &self.fields
    }

    /// The value of a field.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|field| field.0 == name);
        found.map(|field| &*field.1)
    }

    /// Replaces a field, or adds it at the end.
    pub fn set(&mut self, name: &str, value: impl Into<String>) -> &mut Self {
        let value = value.into();
        match self.fields.iter_mut().find(|field| field.0 == name) {
            Some(field) => field.1 = value,
            None => self.fields.push((name.to_owned(), value)),
        }
        self
    }

    /// Removes a field.
    pub fn remove(&mut self, name: &str) -> &mut Self {
        self.fields.retain(|field| field.0 != name);
        self
    }

    /// The form as command-line plugins send it: the value of an `x-addon-sso` header.
    pub fn addon_sso_header(&self) -> String {
        let params: serde_json::Map<_, _> = self
            .fields
            .iter()
            .map(|(name, value)| (name.clone(), value.clone().into()))
            .collect();
        let answer = json!({ "action": self.action, "method": "post", "params": params });
        STANDARD.encode(answer.to_string())
    }

    /// The body, as `application/x-www-form-urlencoded`.
    pub fn body(&self) -> String {
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(&self.fields);
        body.finish()
    }
}

/// A sign-in of one user to an add-on, from [`AddOn::sign_in`](crate::AddOn::sign_in): now and from the
/// add-on's own app, unless [`at`](Self::at) or [`through`](Self::through) changes that.
#[derive(Clone, Copy, Debug)]
#[must_use = "a sign-in does nothing until its form is made"]
pub struct SignIn<'a> {
    shared: &'a Shared,
    addon: Uuid,
    email: &'a str,
    at: Option<OffsetDateTime>,
    through: Option<Uuid>,
}

impl<'a> SignIn<'a> {
    pub(super) fn new(shared: &'a Shared, addon: Uuid, email: &'a str) -> Self {
        Self {
            shared,
            addon,
            email,
            at: None,
            through: None,
        }
    }

    /// Signs the form at another time: a `SystemTime`, or an `OffsetDateTime` of the crate `time`.
    pub fn at(mut self, at: impl Into<OffsetDateTime>) -> Self {
        self.at = Some(at.into());
        self
    }

    /// The user opens the add-on from this app: its name is the `context_app`, and `app` is the add-on's own
    /// app. Whether it is attached there is not checked.
    pub fn through(mut self, app: &App) -> Self {
        self.through = Some(app.id);
        self
    }

    /// The form, with both tokens of version 3.
    pub fn form(self) -> SignInForm {
        let at = self.at.unwrap_or_else(|| self.shared.clock.now());
        version_3(self.shared, self.addon, self.through, self.email, at)
    }

    /// The form of version 1: `id` (the partner's own) and `token`, nothing that version 3 added.
    pub fn legacy_form(self) -> SignInForm {
        let at = self.at.unwrap_or_else(|| self.shared.clock.now());
        version_1(self.shared, self.addon, self.email, at)
    }
}

/// The form of a user who opens the add-on from the app `through`, or from the add-on's own app without it.
pub(super) fn version_3(
    shared: &Shared,
    addon: Uuid,
    through: Option<Uuid>,
    email: &str,
    at: OffsetDateTime,
) -> SignInForm {
    let signing = Signing::new(shared, addon, through, email, at);
    let (resource, salt) = (addon.to_string(), &shared.sso_salt);
    let (timestamp, user) = (&signing.timestamp, &signing.user);
    let plain = token::resource_token(&resource, salt, timestamp);
    let scoped = token::user_scoped_resource_token(&resource, salt, timestamp, user, email);
    signing.form(vec![
        ("resource_id", resource.clone()),
        ("resource_token", plain),
        ("user_scoped_resource_token", scoped),
        ("timestamp", timestamp.clone()),
        ("user_id", user.clone()),
        ("email", email.to_owned()),
        ("app", signing.app.clone()),
        ("context_app", signing.context_app.clone()),
        ("nav-data", signing.nav_data()),
    ])
}

fn version_1(shared: &Shared, addon: Uuid, email: &str, at: OffsetDateTime) -> SignInForm {
    let signing = Signing::new(shared, addon, None, email, at);
    let digest = token::token(&signing.provider_id, &shared.sso_salt, &signing.timestamp);
    signing.form(vec![
        ("id", signing.provider_id.clone()),
        ("token", digest),
        ("timestamp", signing.timestamp.clone()),
        ("email", email.to_owned()),
        ("app", signing.app.clone()),
        ("nav-data", signing.nav_data()),
    ])
}

/// The common fields of both versions.
struct Signing {
    action: String,
    timestamp: String,
    user: String,
    app: String,
    context_app: String,
    slug: String,
    provider_id: String,
}

impl Signing {
    fn new(
        shared: &Shared,
        addon: Uuid,
        through: Option<Uuid>,
        email: &str,
        at: OffsetDateTime,
    ) -> Self {
        let action = shared.sso_url();
        let world = &mut shared.state().world;
        let user = world.people.account(email).to_string();
        let addon = world.addons.known(addon);
        let app = world.apps.known(addon.app);
        let context = through.and_then(|id| world.apps.get(id)).unwrap_or(app);
        Self {
            action,
            timestamp: at.unix_timestamp().to_string(),
            user,
            app: app.name.clone(),
            context_app: context.name.clone(),
            slug: shared.slug.clone(),
            provider_id: addon.provider_id.clone(),
        }
    }

    fn nav_data(&self) -> String {
        let current = json!({ "slug": self.slug, "name": self.slug, "current": true });
        let data = json!({ "addon": self.slug, "appname": self.app, "addons": [current] });
        URL_SAFE_NO_PAD.encode(data.to_string())
    }

    fn form(&self, fields: Vec<(&str, String)>) -> SignInForm {
        let fields = fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        SignInForm {
            action: self.action.clone(),
            fields: fields.collect(),
        }
    }
}
