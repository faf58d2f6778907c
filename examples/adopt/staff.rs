//! Pages for the add-on's own staff: the report, and the import.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use tower_heroku_sso::{HerokuSso, ImportRecord, ImportReport};

#[derive(Clone)]
struct Staff {
    sso: HerokuSso,
    /// The table of tokens, as JSON lines.
    tokens: String,
}

#[derive(Deserialize)]
struct Options {
    #[serde(default)]
    dry_run: bool,
}

pub(crate) fn router(sso: HerokuSso, tokens: String) -> Router {
    Router::new()
        .route("/staff/readiness", get(readiness))
        .route("/staff/import", post(import))
        .with_state(Staff { sso, tokens })
}

async fn readiness(State(staff): State<Staff>) -> Json<Value> {
    let readiness = staff.sso.readiness();
    let mut report = json!(readiness);
    report["sentence"] = readiness.to_string().into();
    Json(report)
}

async fn import(
    State(staff): State<Staff>,
    Query(options): Query<Options>,
) -> Result<Json<ImportReport>, (StatusCode, String)> {
    let rows = staff
        .tokens
        .lines()
        .map(serde_json::from_str::<ImportRecord>);
    let import = staff.sso.resources().import(rows.collect::<Vec<_>>());
    let import = match options.dry_run {
        true => import.dry_run(),
        false => import,
    };
    let report = import.run().await;
    let report = report.map_err(|error| (StatusCode::SERVICE_UNAVAILABLE, error.to_string()))?;
    println!("import: {report}");
    Ok(Json(report))
}
