//! Corrupted, truncated and endless answers from Heroku: the last list stays intact, no unlisted user gets
//! in, and reads are bounded.

use std::time::{Duration, Instant};

use heroku_addon_simulator::{AddOn, Endpoint, Fault};
use serde_json::json;
use support::ids::AddOnExt as _;
use tower_heroku_sso::RefreshError;
use tower_heroku_sso::heroku::HerokuError;

use crate::wire::{self, Script, Wire};
use support::world::World;

const COLLABORATORS: &str = "/collaborators";
/// The most bytes of an answer that the client reads.
const CAP: usize = 4 * 1024 * 1024;

pub async fn people(world: &World, addon: &AddOn) -> Vec<String> {
    let snapshot = world.sso.lists().get(&addon.resource_id()).await.unwrap();
    let snapshot = snapshot.expect("a list");
    let members = snapshot.list.members();
    members.map(|member| member.email.to_string()).collect()
}

pub async fn refused(world: &World, addon: &AddOn) -> HerokuError {
    // A list is fetched on request at most every ten seconds.
    world.clock.advance(Duration::from_secs(10));
    match world.sso.lists().refresh(&addon.resource_id()).await {
        Err(RefreshError::Heroku(error)) => error,
        other => panic!("{other:?}"),
    }
}

/// A world behind a scripted wire, with a cached list and Ann signed in.
async fn known(timeout: Duration) -> (World, Wire, AddOn, support::browser::Browser) {
    let (world, wire) = Wire::world(|builder| builder.heroku_timeout(timeout)).await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    world.clock.advance(Duration::from_secs(1));
    (world, wire, addon, ann)
}

/// With this script a fetch fails, the list and its sessions stay, an unlisted user gets 503; afterwards
/// the next fetch succeeds.
async fn assert_list_stays(script: Script) {
    let (world, wire, addon, ann) = known(Duration::from_secs(10)).await;
    let about = format!("{script:.80?}");
    wire.replace(COLLABORATORS, script);
    refused(&world, &addon).await;
    let listed = ["ann@example.com", "owner@example.com"];
    assert_eq!(people(&world, &addon).await, listed, "{about}");
    assert_eq!(ann.fetch("/page").await.status, 200, "{about}");
    let stranger = addon.sign_in_form("bob@example.com");
    let answer = world.browser().submit(&stranger).await;
    assert_eq!(answer.status, 503, "{about}");
    assert!(answer.header("retry-after").is_some());
    wire.mend();
    world.refresh(&addon.resource_id()).await;
    assert_eq!(people(&world, &addon).await, listed, "{about}");
}

/// One collaborator in Heroku's JSON.
pub fn entry(world: &World, email: &str, id: Option<&str>) -> serde_json::Value {
    json!({
        "id": "c0000000-0000-4000-8000-000000000001",
        "app": { "id": world.heroku.app("shop").id().to_string(), "name": "shop" },
        "user": { "id": id, "email": email, "federated": false },
        "role": "collaborator", "permissions": [],
    })
}

#[tokio::test]
async fn u8_endless_pagination_stops_after_100_pages() {
    let (world, wire, addon, ann) = known(Duration::from_secs(10)).await;
    let shop = world.heroku.app("shop").id();
    let page = std::sync::atomic::AtomicUsize::new(0);
    wire.script(move |line| {
        let number = page.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let body = format!(
            r#"[{{"app":{{"id":"{shop}","name":"shop"}},"user":{{"email":"p{number}@example.com"}}}}]"#
        );
        let next = format!("Next-Range: id ]{number}..; max=1\r\n");
        let answer = String::from_utf8(wire::json(&next, body)).unwrap();
        let answer = answer.replacen("200 OK", "206 Partial Content", 1);
        line.contains(COLLABORATORS)
            .then(|| Script::Bytes(answer.into_bytes()))
    });
    let error = refused(&world, &addon).await;
    assert!(matches!(error, HerokuError::UnfinishedList { .. }));
    assert!(wire.asked(COLLABORATORS) <= 101 + 1);
    assert_eq!(people(&world, &addon).await.len(), 2);
    assert_eq!(ann.fetch("/page").await.status, 200);
}

#[tokio::test]
async fn u10_byte_at_a_time_response_hits_total_timeout() {
    let limit = Duration::from_millis(400);
    let (world, wire, addon, ann) = known(limit).await;
    let answer = wire::json("", "[]".to_owned() + &" ".repeat(10_000));
    // Each byte arrives well within the read timeout.
    wire.replace(COLLABORATORS, Script::Drip(answer, limit / 20));
    let begun = Instant::now();
    let error = refused(&world, &addon).await;
    assert!(matches!(error, HerokuError::Transport(_)), "{error:?}");
    assert!(begun.elapsed() < limit * 5, "{:?}", begun.elapsed());
    assert_eq!(ann.fetch("/page").await.status, 200);
    assert_eq!(people(&world, &addon).await.len(), 2);
}

#[tokio::test]
async fn u10_unaccepted_connection_times_out() {
    let limit = Duration::from_millis(400);
    // The listener never accepts and its queue is full, so further connections hang.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let full = socket.listen(1).unwrap();
    let address = full.local_addr().unwrap();
    let mut queue = Vec::new();
    for _ in 0..8 {
        let connect = tokio::net::TcpStream::connect(address);
        match tokio::time::timeout(Duration::from_millis(50), connect).await {
            Ok(connected) => queue.push(connected.unwrap()),
            Err(_) => break,
        }
    }
    let url = format!("http://{address}");
    let world = World::with(|builder| {
        let builder = builder.heroku_timeout(limit);
        builder.api_url(url.parse().unwrap())
    })
    .await;
    let addon = world.addon().await;
    let begun = Instant::now();
    let error = refused(&world, &addon).await;
    assert!(matches!(error, HerokuError::Transport(_)), "{error:?}");
    assert!(begun.elapsed() < limit * 5, "{:?}", begun.elapsed());
    let form = addon.sign_in_form("ann@example.com");
    let answer = world.browser().submit(&form).await;
    assert_eq!(answer.status, 503);
    assert!(answer.header("retry-after").is_some());
}

#[tokio::test]
async fn u11_truncated_or_mislabelled_response_is_rejected() {
    let world = World::start().await;
    let one = entry(&world, "bob@example.com", None);
    let whole = wire::json("", json!([one, one]).to_string());
    let head_end = whole
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap()
        + 4;
    let text = String::from_utf8(whole.clone()).unwrap();
    let length = format!("Content-Length: {}", whole.len() - head_end);
    let with_length = |length: &str| {
        let other = text.replace(&length_line(&text), length);
        Script::Bytes(other.into_bytes())
    };
    assert!(text.contains(&length));
    for script in [
        Script::Reset(whole[..head_end].to_vec()),
        Script::Reset(whole[..head_end + 10].to_vec()),
        Script::Reset(Vec::new()),
        Script::Reset(b"HTTP/1.1 200 OK\r\nContent-".to_vec()),
        Script::Bytes(whole[..whole.len() - 1].to_vec()),
        Script::Bytes(whole[..head_end].to_vec()),
        Script::Bytes(Vec::new()),
        Script::Bytes(b"what?".to_vec()),
        with_length(&format!("Content-Length: {}", whole.len() - head_end - 1)),
        with_length("Content-Length: 1000000"),
        with_length("Content-Length: 2\r\nContent-Length: 3"),
        with_length("Content-Length: many"),
        with_length("Transfer-Encoding: chunked"),
        Script::Bytes(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n[]".to_vec()),
    ] {
        assert_list_stays(script).await;
    }
}

fn length_line(answer: &str) -> String {
    let line = answer
        .lines()
        .find(|line| line.starts_with("Content-Length"));
    line.unwrap().to_owned()
}

#[tokio::test]
async fn u14_response_over_the_size_cap_is_rejected() {
    for (headers, piece) in [
        ("Content-Length: 104857600", b" ".repeat(64 * 1024)),
        ("X-To: the end of the connection", b" ".repeat(64 * 1024)),
        (
            "Transfer-Encoding: chunked",
            [
                b"10000\r\n".to_vec(),
                b" ".repeat(64 * 1024),
                b"\r\n".to_vec(),
            ]
            .concat(),
        ),
    ] {
        let (world, wire, addon, ann) = known(Duration::from_secs(10)).await;
        let head = format!("HTTP/1.1 200 OK\r\n{headers}\r\n\r\n");
        wire.replace(COLLABORATORS, Script::Endless(head.into_bytes(), piece));
        let error = refused(&world, &addon).await;
        assert!(matches!(error, HerokuError::TooLarge { .. }), "{error:?}");
        // Socket buffers hold some more bytes.
        assert!(wire.sent() < 4 * CAP, "{headers}: {}", wire.sent());
        assert_eq!(people(&world, &addon).await.len(), 2);
        assert_eq!(ann.fetch("/page").await.status, 200);
    }
}

/// Bits from the lowest up, as deflate has them.
#[derive(Default)]
struct Bits(Vec<u8>, u32);

impl Bits {
    fn push(&mut self, value: u32, count: u32) {
        for bit in 0..count {
            if self.1.is_multiple_of(8) {
                self.0.push(0);
            }
            let last = self.0.last_mut().unwrap();
            *last |= u8::from(value >> bit & 1 == 1) << (self.1 % 8);
            self.1 += 1;
        }
    }

    /// Huffman codes stand with their highest bit first.
    fn push_code(&mut self, code: u32, count: u32) {
        for bit in (0..count).rev() {
            self.push(code >> bit, 1);
        }
    }
}

/// `[`, so many runs of 258 spaces, `]`, compressed: 13 bits a run (RFC 1951, 3.2.6).
fn bomb(runs: usize) -> Vec<u8> {
    let literal = |byte: u8| 0x30 + u32::from(byte);
    let mut bits = Bits::default();
    bits.push(0b011, 3); // The last block, by the fixed codes.
    bits.push_code(literal(b'['), 8);
    bits.push_code(literal(b' '), 8);
    for _ in 0..runs {
        bits.push_code(0b1100_0101, 8); // 258 bytes
        bits.push_code(0, 5); // of the byte before.
    }
    bits.push_code(literal(b']'), 8);
    bits.push_code(0, 7);
    let gzip = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    [&gzip[..], &bits.0, &[0; 8]].concat()
}

#[tokio::test]
async fn u15_compressed_response_is_not_decompressed() {
    // 600 kB that would decompress to 100 MB.
    let bomb = bomb(400_000);
    assert!(bomb.len() < CAP);
    for encoding in ["gzip", "deflate", "br", "gzip, gzip"] {
        let header = format!("Content-Encoding: {encoding}\r\n");
        assert_list_stays(Script::Bytes(wire::json(&header, &bomb))).await;
    }
}

#[tokio::test]
async fn u20_redirect_of_any_status_and_target_is_not_followed() {
    let (world, wire, addon, _) = known(Duration::from_secs(10)).await;
    let elsewhere = World::start().await;
    let path = format!("/addons/{}", addon.resource_id());
    for status in [301, 302, 303, 307, 308] {
        for target in [
            format!("{}{path}", elsewhere.heroku.url()),
            format!("{}{path}", world.heroku.url()),
            format!("https://evil.example{path}"),
            format!("http://api.heroku.com{path}"),
            format!("https://api.heroku.com{path}"),
            format!("//evil.example{path}"),
            "file:///etc/passwd".to_owned(),
            path.clone(),
        ] {
            let answer = format!(
                "HTTP/1.1 {status} Elsewhere\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n"
            );
            wire.replace("/addons/", Script::Bytes(answer.into_bytes()));
            let asked = wire.asked("/addons/");
            let error = refused(&world, &addon).await;
            assert!(matches!(error, HerokuError::Redirected), "{error:?}");
            assert_eq!(wire.asked("/addons/"), asked + 1, "{status} {target}");
        }
    }
    assert!(elsewhere.heroku.calls().requests().is_empty());
    assert_eq!(people(&world, &addon).await.len(), 2);
}

#[tokio::test]
async fn u20_token_request_does_not_follow_redirects() {
    let world = World::start().await;
    let addon = world.addon().await;
    let elsewhere = World::start().await;
    world.heroku.tokens().expire_access();
    let target = format!("{}/oauth/token", elsewhere.heroku.url());
    world
        .heroku
        .faults()
        .set(Endpoint::Token, Fault::Redirect(target));
    let error = refused(&world, &addon).await;
    assert!(matches!(error, HerokuError::Redirected), "{error:?}");
    assert!(elsewhere.heroku.calls().requests().is_empty());
    world.heroku.faults().clear_all();
    world.refresh(&addon.resource_id()).await;
}

#[tokio::test]
async fn u26_token_that_expires_immediately_causes_no_loop() {
    let (world, wire, addon, _) = known(Duration::from_secs(10)).await;
    let sync = world.sso.spawn_sync();
    world.quiet().await;
    for life in ["1", "0", "-28800", "null", "9223372036854775807"] {
        wire.script(move |line| {
            let edit = Script::Edited("\"expires_in\":28800", format!("\"expires_in\":{life}"));
            line.contains("/oauth/token").then_some(edit)
        });
        world.clock.advance(Duration::from_secs(20));
        world.heroku.tokens().expire_access();
        world.heroku.calls().clear();
        world.refresh(&addon.resource_id()).await;
        assert_eq!(world.heroku.calls().count(Endpoint::Token), 1, "{life}");
        // Renewed at most once per fetch, never in a loop.
        world.quiet().await;
        world.refresh(&addon.resource_id()).await;
        world.quiet().await;
        assert!(world.heroku.calls().count(Endpoint::Token) <= 4, "{life}");
    }
    // Without `expires_in`.
    wire.script(|line| {
        let edit = Script::Edited("\"expires_in\":28800,", String::new());
        line.contains("/oauth/token").then_some(edit)
    });
    world.heroku.tokens().expire_access();
    world.heroku.calls().clear();
    world.refresh(&addon.resource_id()).await;
    assert_eq!(world.heroku.calls().count(Endpoint::Token), 1);
    sync.shutdown().await;
}

/// A server may close an idle connection just when the client reuses it. Whether it processed the request
/// is unknown, but a read can safely be repeated.
#[tokio::test]
async fn u29_read_is_retried_when_a_reused_connection_closes() {
    let (world, wire, addon, _) = known(Duration::from_secs(10)).await;
    wire.script(|_| Some(Script::Forgetful));
    for _ in 0..3 {
        world.heroku.calls().clear();
        world.refresh(&addon.resource_id()).await;
    }
    assert!(wire.forgotten() > 0, "connections are reused");
    assert_eq!(people(&world, &addon).await.len(), 2);
}

/// A read is retried once, not for ever. A call that changes state is never sent twice.
#[tokio::test]
async fn u29_only_reads_are_retried_and_only_once() {
    let (world, wire, addon, _) = known(Duration::from_secs(10)).await;
    wire.replace("/addons/", Script::Reset(Vec::new()));
    let asked = wire.asked("/addons/");
    refused(&world, &addon).await;
    assert_eq!(wire.asked("/addons/"), asked + 2);
    world.heroku.tokens().expire_access();
    wire.replace("/oauth/token", Script::Reset(Vec::new()));
    let asked = wire.asked("/oauth/token");
    refused(&world, &addon).await;
    assert_eq!(wire.asked("/oauth/token"), asked + 1);
}
