//! Forms that sign no user in.

use std::time::Duration;

use heroku_addon_simulator::{AddOn, SignInForm};
use tower_heroku_sso::sso::token;

/// Signed like Heroku's, for an unknown resource.
pub fn made_up(addon: &AddOn, salt: &str, number: usize) -> String {
    let mut form = addon.sign_in_form("ann@example.com");
    let resource = format!("01234567-89ab-4def-8123-{number:012x}");
    let field = |name: &str| form.get(name).unwrap_or_default().to_owned();
    let (at, user, email) = (field("timestamp"), field("user_id"), field("email"));
    let plain = token::hex(&token::resource(&resource, salt, &at));
    let scoped = token::user_scoped_resource(&resource, salt, &at, &user, &email);
    form.set("resource_id", resource)
        .set("resource_token", plain)
        .set("user_scoped_resource_token", token::hex(&scoped));
    form.body()
}

/// Signed with another salt.
pub fn forged(addon: &AddOn, email: &str, number: usize) -> String {
    let mut form = addon.sign_in_form(email);
    form.set("user_scoped_resource_token", format!("{number:064x}"));
    form.body()
}

/// Signed correctly, but too long ago.
pub fn old(addon: &AddOn, email: &str) -> String {
    let at = time::OffsetDateTime::now_utc() - Duration::from_secs(400);
    addon.sign_in(email).at(at).form().body()
}

/// Larger than any form.
pub fn oversized(form: &SignInForm) -> String {
    let body = form.body();
    let padding = "y".repeat(64 * 1024);
    format!("{body}&x={padding}")
}
