//! How long a sign-out and a removal take to count everywhere.

use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use http::Request;
use tower::ServiceExt;
use tower_heroku_sso::HerokuSso;
use tower_heroku_sso::simulator::{AddOn, Simulator};
use tower_heroku_sso::sync::SyncHandle;
use tower_sessions_sqlx_store::PostgresStore as PostgresSessions;
use tower_sessions_sqlx_store::sqlx::PgPool;

use crate::gates::{builder, database, router, sign_in, store, visit};
use crate::{Goal, Result, row};

const SAMPLES: usize = 150;

struct Replica {
    sso: HerokuSso,
    router: Router,
    _sync: SyncHandle,
}

pub async fn across_three() -> Result<()> {
    let heroku = Simulator::start().await?;
    let url = database("delay").await?;
    let mut replicas = Vec::new();
    for _ in 0..3 {
        let sessions = PostgresSessions::new(PgPool::connect(&url).await?);
        sessions.migrate().await?;
        let builder = builder(&heroku)?.store(store(&url).await?);
        let sso = builder.session_store(sessions).build()?;
        replicas.push(Replica {
            router: router(&sso),
            _sync: sso.spawn_sync(),
            sso,
        });
    }
    let addon = heroku.app("shop").addon();
    let grant = tower_heroku_sso::OauthGrant::Code(addon.grant_code().into());
    replicas[0]
        .sso
        .register(&addon.resource_id(), grant)
        .await?;
    addon.mark_provisioned();

    let (mut sign_outs, mut revocations, mut removals) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..SAMPLES {
        let email = format!("person-{number}@example.com");
        addon.app().collaborator(&email);
        replicas[0].sso.refresh_now(&addon.resource_id()).await?;
        sign_outs.push(sign_out(&replicas, &addon, &email).await?);
    }
    for number in 0..SAMPLES {
        let email = format!("person-{number}@example.com");
        // A form of another second: that of the sign-out is used up.
        let cookie = enter_again(&replicas, &addon, &email).await?;
        revocations.push(revoke(&replicas, &addon, &email, &cookie).await?);
    }
    for number in 0..SAMPLES {
        let email = format!("person-{number}@example.com");
        let cookie = enter_again(&replicas, &addon, &email).await?;
        removals.push(remove(&replicas, &addon, &email, &cookie).await?);
    }
    for (what, delays) in [
        ("sign-out", &mut sign_outs),
        ("revocation", &mut revocations),
        ("removal that one has fetched", &mut removals),
    ] {
        delays.sort();
        let at = |share: f64| delays[(delays.len() as f64 * share) as usize].as_secs_f64() * 1e3;
        row(
            &format!("ms until a {what} counts at all of three, p50 / p99"),
            format!("{:.1} / {:.1}", at(0.5), at(0.99)),
            at(0.99),
            Goal::Below(1000.0),
        );
    }
    Ok(())
}

/// Signs in at the first, and looks in at all.
async fn enter(replicas: &[Replica], addon: &AddOn, email: &str) -> Result<String> {
    let cookie = sign_in(&replicas[0].router, addon, email).await?;
    for replica in replicas {
        let status = visit(&replica.router, &cookie).await?.status();
        if status != 200 {
            return Err(format!("{email} is not in: {status}").into());
        }
    }
    Ok(cookie)
}

async fn enter_again(replicas: &[Replica], addon: &AddOn, email: &str) -> Result<String> {
    let start = Instant::now();
    loop {
        match enter(replicas, addon, email).await {
            Ok(cookie) => return Ok(cookie),
            Err(error) if start.elapsed() > Duration::from_secs(5) => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// From when the first one has done it until the last of the others obeys.
async fn until_all_refuse(replicas: &[Replica], cookie: &str) -> Result<Duration> {
    let start = Instant::now();
    for replica in &replicas[1..] {
        while visit(&replica.router, cookie).await?.status() == 200 {
            tokio::task::yield_now().await;
            if start.elapsed() > Duration::from_secs(30) {
                return Err("it never counts".into());
            }
        }
    }
    Ok(start.elapsed())
}

async fn sign_out(replicas: &[Replica], addon: &AddOn, email: &str) -> Result<Duration> {
    let cookie = enter_again(replicas, addon, email).await?;
    let request = Request::post("/logout").header("cookie", &cookie);
    let request = request.body(Body::empty())?;
    replicas[0].router.clone().oneshot(request).await?;
    until_all_refuse(replicas, &cookie).await
}

async fn revoke(
    replicas: &[Replica],
    addon: &AddOn,
    email: &str,
    cookie: &str,
) -> Result<Duration> {
    let sso = &replicas[0].sso;
    sso.revoke(&addon.resource_id(), &email.parse()?).await?;
    until_all_refuse(replicas, cookie).await
}

async fn remove(
    replicas: &[Replica],
    addon: &AddOn,
    email: &str,
    cookie: &str,
) -> Result<Duration> {
    addon.app().remove(email);
    replicas[0].sso.refresh_now(&addon.resource_id()).await?;
    until_all_refuse(replicas, cookie).await
}
