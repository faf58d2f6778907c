//! A gated route and an ungated one over a real socket, with the same connections, compared with the
//! minimal middleware and axum-login.
//!
//! `cargo bench -p benches --bench socket`. Server and load generator have a thread each. The generator
//! writes the same bytes and counts the received ones, which is cheaper than serving them.

mod drive;
mod peers;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::peers::{BARE, Peer};
use measured::Values;

const CONNECTIONS: usize = 32;
const ROUND: Duration = Duration::from_secs(1);
const ROUNDS: usize = 15;

/// The duration of one round.
struct Round {
    rate: f64,
    p99: f64,
}

fn main() {
    let runtime = drive::current_thread();
    let peers = runtime.block_on(peers::all());
    let peer = |name: &str| peers.iter().find(|peer| peer.name == name).expect("a peer");
    let gated = peer("gate, stored sessions");
    // The bare router and the minimal layer get the cookie too, and ignore it.
    let routes = [
        ("ungated", serve(peer(BARE)), request(gated)),
        (
            "from_fn",
            serve(peer("from_fn that passes")),
            request(gated),
        ),
        (
            "axum-login",
            serve(peer("axum-login")),
            request(peer("axum-login")),
        ),
        ("gated", serve(gated), request(gated)),
    ];
    let mut rounds: [Vec<Round>; 4] = Default::default();
    // In turn, so that other load affects all; the first round is warm-up.
    for number in 0..=ROUNDS {
        for ((_, address, request), rounds) in routes.iter().zip(&mut rounds) {
            let round = runtime.block_on(load(*address, request));
            if number > 0 {
                rounds.push(round);
            }
        }
    }
    let mut values = Values::new();
    for ((name, ..), of_route) in routes.iter().zip(&rounds) {
        let rate = median(of_route.iter().map(|round| round.rate));
        let p99 = median(of_route.iter().map(|round| round.p99));
        let pairs = || of_route.iter().zip(&rounds[0]);
        let rates = median(pairs().map(|(route, ungated)| route.rate / ungated.rate));
        let p99s = median(pairs().map(|(route, ungated)| route.p99 / ungated.p99));
        println!("| {name} | {rate:.0} a second, {rates:.3} | p99 {p99:.0} us, {p99s:.3} |");
        for (what, value) in [
            ("requests a second", rate),
            ("p99 in microseconds", p99),
            ("requests a second / ungated", rates),
            ("p99 / ungated", p99s),
        ] {
            values.insert(format!("{name}, {what}"), value);
        }
    }
    measured::keep("socket", &values);
}

fn request(peer: &Peer) -> String {
    let cookie = &peer.cookie;
    format!(
        "GET /page HTTP/1.1\r\nhost: localhost\r\naccept: text/html\r\ncookie: {cookie}\r\n\r\n"
    )
}

/// A server on its own thread, which runs until the program ends.
fn serve(peer: &Peer) -> SocketAddr {
    let app = peer.app.clone();
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        drive::current_thread().block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            tell.send(listener.local_addr())
                .expect("the receiver waits");
            axum::serve(listener, app).await.expect("a server");
        });
    });
    let address = told.recv().expect("a server");
    address.expect("an address")
}

async fn load(address: SocketAddr, request: &str) -> Round {
    let started = Instant::now();
    let until = started + ROUND;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..CONNECTIONS {
        tasks.spawn(one_connection(address, request.to_owned(), until));
    }
    let mut times = tasks.join_all().await.concat();
    times.sort_unstable();
    let p99 = times[times.len() * 99 / 100];
    Round {
        rate: times.len() as f64 / started.elapsed().as_secs_f64(),
        p99: p99.as_secs_f64() * 1e6,
    }
}

/// Sequential requests. All answers have the length of the first.
async fn one_connection(address: SocketAddr, request: String, until: Instant) -> Vec<Duration> {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.set_nodelay(true).expect("a socket");
    let mut buffer = [0; 2048];
    let mut length = None;
    let mut times = Vec::new();
    while Instant::now() < until {
        let started = Instant::now();
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut read = 0;
        while read == 0 || length.is_some_and(|length| read < length) {
            let more = stream.read(&mut buffer[read..]).await.expect("an answer");
            assert!(more > 0, "the server ended the connection");
            read += more;
        }
        times.push(started.elapsed());
        if length.is_none() {
            assert!(buffer.starts_with(b"HTTP/1.1 200 "), "not let in");
            assert!(buffer[..read].ends_with(b"page"), "half an answer");
            length = Some(read);
        }
    }
    times
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
