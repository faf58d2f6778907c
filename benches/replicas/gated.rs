//! Requests per second through the gate, by session store.

use std::time::{Duration, Instant};

use axum::Router;
use heroku_addon_simulator::Simulator;
use support::ids::AddOnExt as _;
use tower_heroku_sso::HerokuSsoBuilder;
use tower_sessions_redis_store::RedisStore;
use tower_sessions_redis_store::fred::prelude::{ClientLike, Config, Pool};

use crate::gates::{builder, database, router, sign_in, store, visit};
use crate::{Goal, Result, row};

const PEOPLE: usize = 200;
/// Odd, so that one of them is the median.
const ROUNDS: usize = 75;
/// The requests in a round of one store, with and without the cache: about a tenth of a second, so that other
/// load of the machine is the same for all stores of a round.
const REQUESTS: [usize; 2] = [30_000, 1_000];

struct Gate {
    name: &'static str,
    router: Router,
    cookies: Vec<String>,
    rates: Vec<f64>,
}

pub async fn throughput() -> Result<()> {
    let heroku = Simulator::start().await?;
    let url = database("sessions").await?;
    let (postgres, not_cached) = (store(&url).await?, store(&url).await?);
    let redis = std::env::var("TEST_REDIS_URL")?;
    let redis = Pool::new(Config::from_url(&redis)?, None, None, None, 4)?;
    redis.init().await?;
    let redis = RedisStore::new(redis);
    let never = Duration::ZERO;
    let mut gates = [
        gate(&heroku, "memory", |builder| builder).await?,
        gate(&heroku, "Postgres", |b| b.store(postgres)).await?,
        gate(&heroku, "Redis", |b| b.session_store(redis.clone())).await?,
        gate(&heroku, "Postgres, not cached", |b| {
            b.store(not_cached).session_cache(never)
        })
        .await?,
        gate(&heroku, "Redis, not cached", |b| {
            b.session_store(redis.clone()).session_cache(never)
        })
        .await?,
    ];
    let (cached, not_cached) = gates.split_at_mut(3);
    for (gates, requests) in [cached, not_cached].into_iter().zip(REQUESTS) {
        for round in 0..=ROUNDS {
            for place in 0..gates.len() {
                // Another one is the first of each round.
                let place = (round + place) % gates.len();
                let gate = &mut gates[place];
                let rate = measure(gate, requests).await?;
                // The first round is warm-up.
                if round > 0 {
                    gate.rates.push(rate);
                }
            }
        }
    }
    let memory = gates[0].rates.clone();
    for gate in &mut gates[1..] {
        let rounds = gate.rates.iter().zip(&memory);
        let mut ratios: Vec<f64> = rounds.map(|(rate, memory)| rate / memory).collect();
        let (ratio, rate) = (median(&mut ratios), median(&mut gate.rates));
        let goal = match gate.name {
            "Postgres" => Goal::AtLeast(0.95),
            "Redis" => Goal::AtLeast(0.8),
            _ => Goal::None,
        };
        row(
            &format!("requests a second, sessions in {} / in memory", gate.name),
            format!("{ratio:.2} (median of {ROUNDS} rounds; {rate:.0} requests a second)"),
            ratio,
            goal,
        );
    }
    Ok(())
}

async fn gate(
    heroku: &Simulator,
    name: &'static str,
    set_up: impl FnOnce(HerokuSsoBuilder) -> HerokuSsoBuilder,
) -> Result<Gate> {
    let app = heroku.app(name);
    for number in 0..PEOPLE {
        app.collaborator(&format!("person-{number}@example.com"));
    }
    let addon = app.addon();
    let sso = set_up(builder(heroku)?).build().await?;
    let grant = tower_heroku_sso::OauthGrant::Code(addon.grant_code().into());
    sso.resources()
        .register(&addon.resource_id(), grant)
        .await?;
    addon.mark_provisioned();
    let router = router(&sso);
    let mut cookies = Vec::new();
    for number in 0..PEOPLE {
        let email = format!("person-{number}@example.com");
        cookies.push(sign_in(&router, &addon, &email).await?);
    }
    Ok(Gate {
        name,
        router,
        cookies,
        rates: Vec::new(),
    })
}

async fn measure(gate: &Gate, requests: usize) -> Result<f64> {
    let start = Instant::now();
    for number in 0..requests {
        let cookie = &gate.cookies[number % gate.cookies.len()];
        let answer = visit(&gate.router, cookie).await?;
        if answer.status() != 200 {
            return Err(format!("{}: {}", gate.name, answer.status()).into());
        }
        // As a server does between requests.
        if number % 64 == 0 {
            tokio::task::yield_now().await;
        }
    }
    Ok(requests as f64 / start.elapsed().as_secs_f64())
}

pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
