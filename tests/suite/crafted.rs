//! Forms with valid tokens over arbitrary field values: only the grammar can reject them.

use heroku_addon_simulator::AddOn;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use support::ids::AddOnExt as _;
use tower_heroku_sso::Clock as _;

use support::world::World;

pub const STRONG: &str = "user_scoped_resource_token";
pub const WEAK: &str = "resource_token";

/// Names and values in sending order; values are raw bytes.
#[derive(Clone, Debug)]
pub struct Crafted(Vec<(String, Vec<u8>)>);

impl Crafted {
    /// The form that Heroku sends for this user now.
    pub fn of(world: &World, addon: &AddOn, email: &str) -> Self {
        let timestamp = world.clock.now().unix_timestamp().to_string();
        let user = world.heroku.accounts().id(email).to_string();
        Self(Vec::new())
            .with("resource_id", addon.resource_id().to_string())
            .with("timestamp", timestamp)
            .with("user_id", user)
            .with("email", email)
            .signed(&world.heroku.sso_salt())
    }

    pub fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref().to_vec();
        match self.0.iter_mut().find(|field| field.0 == name) {
            Some(field) => field.1 = value,
            None => self.0.push((name.to_owned(), value)),
        }
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.0.retain(|field| field.0 != name);
        self
    }

    pub fn get(&self, name: &str) -> &[u8] {
        let found = self.0.iter().find(|field| field.0 == name);
        found.map_or(&[], |field| &field.1)
    }

    /// With both tokens of version 3, made with this salt.
    pub fn signed(self, salt: &str) -> Self {
        let [resource, timestamp, user, email] =
            ["resource_id", "timestamp", "user_id", "email"].map(|name| self.get(name).to_vec());
        let weak = [&*resource, salt.as_bytes(), &*timestamp].join(&b':');
        let strong = [&*weak, &*user, &*email].join(&b':');
        self.with(WEAK, hex::encode(Sha1::digest(weak)))
            .with(STRONG, hex::encode(Sha256::digest(strong)))
    }

    /// As `application/x-www-form-urlencoded`, every byte of a value escaped.
    pub fn body(&self) -> String {
        let pairs = self.0.iter().map(|(name, value)| {
            let value: String = value.iter().map(|byte| format!("%{byte:02x}")).collect();
            format!("{name}={value}")
        });
        pairs.collect::<Vec<_>>().join("&")
    }
}
