//! The Platform API's JSON objects, with all fields of the schema.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::{Uuid, uuid};

use super::world::{AddOnRecord, AppRecord, Attachment, ListEntry, World};

const REGION: Uuid = uuid!("59accabd-516d-4f0e-83e6-6e3757701145");
const STACK: Uuid = uuid!("69ca0d52-f0a1-4bd7-9f6b-2f7a4d3c8a10");
const GENERATION: Uuid = uuid!("d3b07384-d9a0-4c9b-8f2e-6a1c5e7f9b21");

/// `GET /addons/:id`
pub(super) fn addon_info(world: &World, addon: &AddOnRecord) -> Value {
    let slug = &world.slug;
    let mut billing_entity = app_identity(world, addon.app);
    billing_entity["type"] = "app".into();
    json!({
        "actions": [],
        "addon_service": { "id": world.service_id, "name": slug },
        "app": app_identity(world, addon.app),
        "billed_price": { "cents": 0, "contract": false, "unit": "month" },
        "billing_entity": billing_entity,
        "config_vars": [format!("{}_URL", upper_snake(slug))],
        "created_at": date(addon.created_at),
        "id": addon.id,
        "name": addon.name,
        "plan": plan(world, addon),
        "provider_id": addon.provider_id,
        "state": addon.presence.name(),
        "updated_at": date(addon.updated_at),
        "web_url": addon_web_url(world, addon, addon.app),
    })
}

/// One entry of `GET /addons/:id/addon-attachments`.
pub(super) fn attachment_entry(
    world: &World,
    addon: &AddOnRecord,
    attachment: &Attachment,
) -> Value {
    json!({
        "addon": {
            "app": app_identity(world, addon.app),
            "id": addon.id,
            "name": addon.name,
        },
        "app": app_identity(world, attachment.app),
        "created_at": date(attachment.created_at),
        "id": attachment.id,
        "log_input_url": null,
        "name": upper_snake(&world.slug),
        "namespace": null,
        "updated_at": date(attachment.created_at),
        "web_url": addon_web_url(world, addon, attachment.app),
    })
}

/// The page of the dashboard where Heroku signs users in to this add-on, who come from one of its apps.
pub(super) fn addon_web_url(world: &World, addon: &AddOnRecord, from: Uuid) -> String {
    let (host, id) = (&world.dashboard_url, addon.id);
    format!("{host}/apps/{from}/addons/{id}")
}

/// The plan of an add-on, as other objects name it.
pub(super) fn plan(world: &World, addon: &AddOnRecord) -> Value {
    json!({ "id": addon.plan_id, "name": format!("{}:{}", world.slug, addon.plan) })
}

/// An app as other objects name it.
pub(super) fn app_identity(world: &World, app: Uuid) -> Value {
    let name = world.apps.get(app).map_or("", |app| &*app.name);
    json!({ "id": app, "name": name })
}

/// `GET /apps/:id`
pub(super) fn app_info(world: &World, app: &AppRecord) -> Value {
    let (owner_id, owner_email) = world.owner_of(app);
    let team = world.team_of(app);
    let team = team.map(|team| json!({ "id": team.id, "name": team.name }));
    let stack = json!({ "id": STACK, "name": "heroku-24" });
    let host = &app.id.simple().to_string()[..12];
    json!({
        "acm": false,
        "archived_at": null,
        "build_stack": stack,
        "buildpack_provided_description": null,
        "created_at": date(app.created_at),
        "generation": { "id": GENERATION, "name": "cedar" },
        "git_url": format!("https://git.heroku.com/{}.git", app.name),
        "id": app.id,
        "internal_routing": null,
        "maintenance": false,
        "name": app.name,
        "organization": team,
        "owner": { "email": owner_email, "id": owner_id },
        "region": { "id": REGION, "name": "us" },
        "released_at": date(app.created_at),
        "repo_size": 0,
        "slug_size": 0,
        "space": null,
        "stack": stack,
        "team": team,
        "updated_at": date(app.updated_at),
        "web_url": format!("https://{}-{host}.herokuapp.com/", app.name),
    })
}

/// The owner's own entry in the list of an app's collaborators.
pub(super) fn owner_entry(world: &World, app: &AppRecord) -> ListEntry {
    let (user, email) = world.owner_of(app);
    ListEntry {
        id: app.owner_entry,
        user,
        email,
        role: "owner".into(),
        permissions: Vec::new(),
        created_at: app.created_at,
        updated_at: app.created_at,
    }
}

/// One entry of `GET /apps/:id/collaborators`.
pub(super) fn collaborator_entry(app: &AppRecord, entry: &ListEntry) -> Value {
    let permissions = entry.permissions.iter();
    let permissions = permissions
        .map(|name| json!({ "name": name, "description": format!("Can {name} the app") }));
    json!({
        "app": { "id": app.id, "name": app.name },
        "created_at": date(entry.created_at),
        "id": entry.id,
        "permissions": permissions.collect::<Vec<_>>(),
        "role": entry.role,
        "updated_at": date(entry.updated_at),
        "user": { "email": entry.email, "federated": false, "id": entry.user },
    })
}

/// One entry of `GET /teams/:id/members`.
pub(super) fn member_entry(entry: &ListEntry) -> Value {
    json!({
        "created_at": date(entry.created_at),
        "email": entry.email,
        "federated": false,
        "id": entry.id,
        "identity_provider": null,
        "role": entry.role,
        "two_factor_authentication": true,
        "updated_at": date(entry.updated_at),
        "user": { "email": entry.email, "id": entry.user, "name": null },
    })
}

fn upper_snake(slug: &str) -> String {
    slug.replace('-', "_").to_ascii_uppercase()
}

pub(super) fn date(at: OffsetDateTime) -> String {
    // Fails only for years beyond 9999.
    at.to_offset(time::UtcOffset::UTC)
        .format(&Rfc3339)
        .unwrap_or_default()
}
