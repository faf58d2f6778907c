//! The time until a sign-out, a revocation or a removal applies everywhere, from the answer of one process:
//! three processes on one Postgres, called over their sockets.

use std::time::{Duration, Instant};

use heroku_addon_simulator::{AddOn, Simulator};
use support::ids::AddOnExt as _;

use crate::gates::database;
use crate::process::Process;
use crate::{Goal, Result, row};

const SAMPLES: usize = 150;
/// Fewer, because a process makes 150 calls at most for refreshes of young lists. Each is at another resource,
/// because one resource has five of them.
const REMOVALS: usize = 30;

pub async fn across_three() -> Result<()> {
    let heroku = Simulator::start().await?;
    let url = database("delay").await?;
    let mut processes = Vec::new();
    for _ in 0..3 {
        processes.push(Process::start(&heroku, &url)?);
    }
    heroku.settings().set_partner_url(processes[0].origin());
    let addon = provisioned(&heroku, "shop").await?;
    let resource = addon.resource_id();

    let (mut sign_outs, mut revocations, mut removals) = (Vec::new(), Vec::new(), Vec::new());
    let emails = (0..SAMPLES).map(|number| format!("person-{number}@example.com"));
    let emails: Vec<_> = emails.collect();
    for email in &emails {
        addon.app().collaborator(email);
    }
    let refresh = format!("/refresh/{resource}");
    processes[0].post(&refresh, "").await?;
    for email in &emails {
        let cookie = enter(&processes, &addon, email).await?;
        processes[0].post("/logout", &cookie).await?;
        sign_outs.push(until_all_refuse(&processes, &cookie).await?);
    }
    for email in &emails {
        let cookie = enter(&processes, &addon, email).await?;
        let revoke = format!("/revoke/{resource}/{email}");
        processes[0].post(&revoke, "").await?;
        revocations.push(until_all_refuse(&processes, &cookie).await?);
    }
    for email in &emails[..REMOVALS] {
        let addon = provisioned(&heroku, &format!("shop-of-{}", removals.len())).await?;
        addon.app().collaborator(email);
        let refresh = format!("/refresh/{}", addon.resource_id());
        processes[0].post(&refresh, "").await?;
        let cookie = enter(&processes, &addon, email).await?;
        addon.app().remove(email);
        processes[0].post(&refresh, "").await?;
        removals.push(until_all_refuse(&processes, &cookie).await?);
    }
    for (what, delays) in [
        ("sign-out", &mut sign_outs),
        ("revocation", &mut revocations),
        ("removal that one has fetched", &mut removals),
    ] {
        delays.sort();
        let at = |share: f64| delays[(delays.len() as f64 * share) as usize].as_secs_f64() * 1e3;
        row(
            &format!("ms until a {what} counts at all of three processes, p50 / p99"),
            format!("{:.1} / {:.1}", at(0.5), at(0.99)),
            at(0.99),
            Goal::Below(1000.0),
        );
    }
    Ok(())
}

async fn provisioned(heroku: &Simulator, app: &str) -> Result<AddOn> {
    let addon = heroku.app(app).addon();
    match addon.provision().await?.status {
        200 => Ok(addon),
        status => Err(format!("provisioning was answered with {status}").into()),
    }
}

/// Signs in at the first process and sends a request to all. Retries with a form of another second if this
/// one is used.
async fn enter(processes: &[Process], addon: &AddOn, email: &str) -> Result<String> {
    let start = Instant::now();
    let cookie = loop {
        match processes[0].sign_in(addon, email).await {
            Ok(cookie) => break cookie,
            Err(error) if start.elapsed() > Duration::from_secs(5) => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    };
    for process in processes {
        while process.visit(&cookie).await? != 200 {
            if start.elapsed() > Duration::from_secs(5) {
                return Err(format!("{email} is not in").into());
            }
        }
    }
    Ok(cookie)
}

/// From the answer of the first process until the last of the others applies the change.
async fn until_all_refuse(processes: &[Process], cookie: &str) -> Result<Duration> {
    let start = Instant::now();
    for process in &processes[1..] {
        while process.visit(cookie).await? == 200 {
            if start.elapsed() > Duration::from_secs(30) {
                return Err("it never counts".into());
            }
        }
    }
    Ok(start.elapsed())
}
