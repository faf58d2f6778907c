//! The Platform API's JSON objects, as full as the schema has them.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::{Uuid, uuid};

use super::state::{AddOnRecord, AppRecord, Owner, Presence, Standing, State, TeamRecord};

const REGION: Uuid = uuid!("59accabd-516d-4f0e-83e6-6e3757701145");
const STACK: Uuid = uuid!("69ca0d52-f0a1-4bd7-9f6b-2f7a4d3c8a10");
const GENERATION: Uuid = uuid!("d3b07384-d9a0-4c9b-8f2e-6a1c5e7f9b21");

/// `GET /addons/:id`
pub(super) fn addon(state: &mut State, slug: &str, addon: &AddOnRecord, web_url: &str) -> Value {
    let plan_id = state.plan_id(&addon.plan);
    let app_name = state.app(addon.app).map(|app| app.name.clone());
    let app_name = app_name.unwrap_or_default();
    json!({
        "actions": [],
        "addon_service": { "id": state.service_id, "name": slug },
        "app": { "id": addon.app, "name": app_name },
        "billed_price": { "cents": 0, "contract": false, "unit": "month" },
        "billing_entity": { "id": addon.app, "name": app_name, "type": "app" },
        "config_vars": [format!("{}_URL", shouted(slug))],
        "created_at": date(addon.created_at),
        "id": addon.id,
        "name": addon.name,
        "plan": { "id": plan_id, "name": format!("{slug}:{}", addon.plan) },
        "provider_id": addon.provider_id,
        "state": match addon.presence {
            Presence::Provisioning => "provisioning",
            Presence::Provisioned => "provisioned",
            Presence::Removed | Presence::Gone => "deprovisioned",
        },
        "updated_at": date(addon.updated_at),
        "web_url": web_url,
    })
}

/// `GET /apps/:id`
pub(super) fn app(state: &State, app: &AppRecord) -> Value {
    let (owner_id, owner_email) = owner(state, app);
    let team = state.team_of(app);
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

/// `GET /apps/:id/collaborators`, the owner's entry among them, each with its id.
pub(super) fn collaborators(state: &State, app: &AppRecord) -> Vec<(String, Value)> {
    let (user, email) = owner(state, app);
    let owner = Standing {
        id: app.owner_entry,
        user,
        email,
        role: "owner".into(),
        permissions: Vec::new(),
        created_at: app.created_at,
        updated_at: app.created_at,
    };
    let entries = std::iter::once(&owner).chain(&app.collaborators);
    let of_app = json!({ "id": app.id, "name": app.name });
    let to_body = |entry: &Standing| {
        let permissions = entry.permissions.iter();
        let permissions = permissions
            .map(|name| json!({ "name": name, "description": format!("Can {name} the app") }));
        let body = json!({
            "app": of_app,
            "created_at": date(entry.created_at),
            "id": entry.id,
            "permissions": permissions.collect::<Vec<_>>(),
            "role": entry.role,
            "updated_at": date(entry.updated_at),
            "user": { "email": entry.email, "federated": false, "id": entry.user },
        });
        (entry.id.to_string(), body)
    };
    entries.map(to_body).collect()
}

/// `GET /teams/:id/members`, each with the address.
pub(super) fn members(team: &TeamRecord) -> Vec<(String, Value)> {
    let to_body = |entry: &Standing| {
        let body = json!({
            "created_at": date(entry.created_at),
            "email": entry.email,
            "federated": false,
            "id": entry.id,
            "identity_provider": null,
            "role": entry.role,
            "two_factor_authentication": true,
            "updated_at": date(entry.updated_at),
            "user": { "email": entry.email, "id": entry.user, "name": null },
        });
        (entry.email.clone(), body)
    };
    team.members.iter().map(to_body).collect()
}

fn owner(state: &State, app: &AppRecord) -> (Uuid, String) {
    match &app.owner {
        Owner::Person { user, email } => (*user, email.clone()),
        Owner::Team(id) => {
            let team = state.team(*id).expect("teams are never deleted");
            (team.manager, team.manager_email())
        }
    }
}

fn shouted(slug: &str) -> String {
    slug.replace('-', "_").to_ascii_uppercase()
}

fn date(at: OffsetDateTime) -> String {
    // Fails only for years beyond 9999.
    at.to_offset(time::UtcOffset::UTC)
        .format(&Rfc3339)
        .unwrap_or_default()
}
