//! The duration of requests while Heroku is down or hangs, compared with normal operation.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower_heroku_sso::{HerokuSso, ResourceId};

use crate::Result;
use crate::heroku::{Heroku, World};
use crate::scenarios::Report;

const CONNECTIONS: usize = 16;
const ROUND: Duration = Duration::from_secs(1);
const ROUNDS: usize = 15;
/// The lists that are refreshed meanwhile, as by a button.
const REFRESHES_A_SECOND: u64 = 50;
const PAGE: &str = "the page";
/// The time limit of calls that began before the outage.
const SETTLED: Duration = Duration::from_secs(10);

/// A gate with signed-in users, and its Heroku, running or ended.
struct Gate {
    address: SocketAddr,
    /// The cookie header of a signed-in user.
    cookie: String,
    heroku: Heroku,
    _sync: tower_heroku_sso::sync::SyncHandle,
}

/// Three equal gates in turn, so that other load of the machine affects all of them.
pub async fn compare(report: &mut Report) -> Result<()> {
    let mut gates = Vec::new();
    for _ in 0..3 {
        gates.push(Gate::start().await?);
    }
    gates[1].heroku.kill()?;
    gates[2].heroku.hang()?;
    tokio::time::sleep(SETTLED).await;
    let mut p99 = [Vec::new(), Vec::new(), Vec::new()];
    // The first round is warm-up.
    for number in 0..=ROUNDS {
        for (gate, p99) in gates.iter().zip(&mut p99) {
            let measured = gate.round().await?;
            if number > 0 {
                p99.push(measured);
            }
        }
    }
    let [healthy, dead, hanging] = &p99;
    for (what, those) in [("dead", dead), ("hanging", hanging)] {
        let ratios = those.iter().zip(healthy).map(|(it, well)| it / well);
        let value = format!(
            "{:.2} ({:.0} / {:.0} us)",
            median(ratios.collect()),
            median(those.clone()),
            median(healthy.clone())
        );
        let what = format!("p99 of a gated request, Heroku {what} / healthy");
        report.row(&what, value, "<= 1.2");
    }
    Ok(())
}

impl Gate {
    async fn start() -> Result<Self> {
        let heroku = Heroku::start(World {
            apps: 200,
            teams: 0,
            people: 10,
            latency: Duration::ZERO,
        })?;
        let sso = heroku.builder()?.build().await?;
        heroku.register_all(&sso).await?;
        let sync = sso.spawn_sync();
        while sso.lists().health().await.without_list > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let page = Router::new().route("/", get(|| async { PAGE }));
        let app = page.layer(sso.layer());
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        tokio::spawn(async move { axum::serve(listener, app).await });
        let cookie = sign_in(address, &heroku).await?;
        let resources = heroku.resources.iter().map(|resource| resource.id);
        tokio::spawn(refresh(sso, resources.collect()));
        Ok(Self {
            address,
            cookie,
            heroku,
            _sync: sync,
        })
    }

    /// The 99th percentile of one round, in microseconds.
    async fn round(&self) -> Result<f64> {
        let until = Instant::now() + ROUND;
        let mut connections = tokio::task::JoinSet::new();
        for _ in 0..CONNECTIONS {
            connections.spawn(one_connection(self.address, self.cookie.clone(), until));
        }
        let mut times = Vec::new();
        while let Some(done) = connections.join_next().await {
            times.extend(done??);
        }
        times.sort();
        Ok(times[times.len() * 99 / 100].as_secs_f64() * 1e6)
    }
}

/// Refreshes one list after another, ignoring the results.
async fn refresh(sso: HerokuSso, resources: Vec<ResourceId>) {
    let mut tick = tokio::time::interval(Duration::from_secs(1) / REFRESHES_A_SECOND as u32);
    for id in resources.iter().cycle() {
        tick.tick().await;
        let (sso, id) = (sso.clone(), *id);
        tokio::spawn(async move { sso.lists().refresh(&id).await.is_ok() });
    }
}

/// The cookie of the owner of the first app.
async fn sign_in(address: SocketAddr, heroku: &Heroku) -> Result<String> {
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    let request = http.no_proxy().build()?;
    let request = request.post(format!("http://{address}/heroku/sso"));
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let answer = request.body(heroku.owner_s_form()).send().await?;
    if answer.status() != 303 {
        return Err(format!("a sign-in was answered with {}", answer.status()).into());
    }
    let cookie = answer.headers()["set-cookie"].to_str()?;
    Ok(cookie.split(';').next().unwrap_or_default().to_owned())
}

/// Sequential requests, each read to the end of its body.
async fn one_connection(
    address: SocketAddr,
    cookie: String,
    until: Instant,
) -> Result<Vec<Duration>> {
    let request = format!("GET / HTTP/1.1\r\nhost: localhost\r\ncookie: {cookie}\r\n\r\n");
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut buffer = [0; 2048];
    let mut times = Vec::new();
    while Instant::now() < until {
        let started = Instant::now();
        stream.write_all(request.as_bytes()).await?;
        let mut read = 0;
        while !buffer[..read].ends_with(PAGE.as_bytes()) {
            let more = stream.read(&mut buffer[read..]).await?;
            if more == 0 {
                return Err("the server ended the connection".into());
            }
            read += more;
            if read > 12 && !buffer.starts_with(b"HTTP/1.1 200 ") {
                return Err("a known person was not let in".into());
            }
        }
        times.push(started.elapsed());
    }
    Ok(times)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
