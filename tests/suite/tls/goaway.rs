//! HTTP/2 servers that send GOAWAY or refuse streams: unprocessed requests are retried on another
//! connection.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use heroku_addon_simulator::Endpoint;
use support::ids::AddOnExt as _;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::server::TlsStream;

use crate::tls::front::{acceptor, gate, heroku};
use crate::tls::where_the_authority_is_trusted;

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const REFUSED_STREAM: u32 = 7;

/// The server's reaction to the first request of its first connection.
#[derive(Clone, Copy, Debug)]
enum Goodbye {
    /// GOAWAY with nothing processed, then close.
    GoAway,
    /// Refuses the stream and keeps the connection.
    Refuse,
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
    [head, payload.to_vec()].concat()
}

/// A connection without answers.
async fn say_goodbye(mut stream: TlsStream<TcpStream>, goodbye: Goodbye) -> io::Result<()> {
    // The client's preface, then frames.
    stream.read_exact(&mut [0; 24]).await?;
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).await?;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        stream.read_exact(&mut payload).await?;
        let id = u32::from_be_bytes(head[5..].try_into().unwrap());
        match (head[3], goodbye) {
            (SETTINGS, _) if head[4] == 0 => {
                stream.write_all(&frame(SETTINGS, 1, 0, &[])).await?;
            }
            (HEADERS, Goodbye::GoAway) => {
                stream.write_all(&frame(GOAWAY, 0, 0, &[0; 8])).await?;
                return stream.shutdown().await;
            }
            (HEADERS, Goodbye::Refuse) => {
                let reason = REFUSED_STREAM.to_be_bytes();
                stream.write_all(&frame(RST_STREAM, 0, id, &reason)).await?;
            }
            _ => {}
        }
    }
}

/// The first connection gets the goodbye, the others are forwarded to the simulator.
async fn before(heroku: String, goodbye: Goodbye, connections: Arc<AtomicUsize>) -> SocketAddr {
    let (leaving, staying) = (acceptor("good", &["h2"]), acceptor("good", &["http/1.1"]));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let first = connections.fetch_add(1, Ordering::SeqCst) == 0;
            let (leaving, staying, heroku) = (leaving.clone(), staying.clone(), heroku.clone());
            tokio::spawn(async move {
                if first {
                    return say_goodbye(leaving.accept(stream).await?, goodbye).await;
                }
                let mut stream = staying.accept(stream).await?;
                let mut heroku = TcpStream::connect(&*heroku).await?;
                tokio::io::copy_bidirectional(&mut stream, &mut heroku).await?;
                Ok(())
            });
        }
    });
    address
}

#[test]
fn u29_request_unprocessed_at_goaway_is_retried() {
    let test = "tls::goaway::u29_request_unprocessed_at_goaway_is_retried";
    where_the_authority_is_trusted(test, async {
        let (heroku, clock) = heroku().await;
        let connections = Arc::new(AtomicUsize::new(0));
        let address = heroku.url().replacen("http://", "", 1);
        let front = before(address, Goodbye::GoAway, Arc::clone(&connections)).await;
        let (sso, addon) = gate(&heroku, &clock, &format!("https://{front}")).await;
        let list = sso.lists().refresh(&addon.resource_id()).await.unwrap();
        assert_eq!(list.list.members().count(), 2);
        assert!(connections.load(Ordering::SeqCst) >= 2);
        assert_eq!(heroku.calls().count(Endpoint::AddOn), 1);
    });
}

#[test]
fn u29_server_refusing_every_stream_is_an_error() {
    let test = "tls::goaway::u29_server_refusing_every_stream_is_an_error";
    where_the_authority_is_trusted(test, async {
        let (heroku, clock) = heroku().await;
        let connections = Arc::new(AtomicUsize::new(0));
        let address = heroku.url().replacen("http://", "", 1);
        let front = before(address, Goodbye::Refuse, Arc::clone(&connections)).await;
        let (sso, addon) = gate(&heroku, &clock, &format!("https://{front}")).await;
        let begun = std::time::Instant::now();
        assert!(sso.lists().refresh(&addon.resource_id()).await.is_err());
        assert!(begun.elapsed() < std::time::Duration::from_secs(5));
    });
}
