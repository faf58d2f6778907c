//! A proxy between a gate and Heroku that can replace answers byte by byte. It simulates faults of networks
//! and broken servers, which the simulator does not have.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower_heroku_sso::HerokuSsoBuilder;

use support::world::World;

/// A replacement for Heroku's answer.
#[derive(Clone, Debug)]
pub enum Script {
    /// These bytes, then the end of the connection.
    Bytes(Vec<u8>),
    /// These bytes, then a reset.
    Reset(Vec<u8>),
    /// These bytes one by one, with this pause after each.
    Drip(Vec<u8>, Duration),
    /// These bytes, then the others repeatedly.
    Endless(Vec<u8>, Vec<u8>),
    /// Heroku's answer with one text replaced.
    Edited(&'static str, String),
    /// Heroku's answer, on a connection that closes when it is reused.
    Forgetful,
}

type Scripts = dyn Fn(&str) -> Option<Script> + Send + Sync;

struct State {
    heroku: Option<SocketAddr>,
    scripts: Arc<Scripts>,
    /// The request lines.
    asked: Vec<String>,
    /// The bytes that were sent by scripts.
    sent: usize,
    /// The requests without an answer, as they came on a reused connection.
    forgotten: usize,
}

#[derive(Clone)]
pub struct Wire {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Wire {
    async fn lay() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let wire = Self {
            address: listener.local_addr().unwrap(),
            state: Arc::new(Mutex::new(State {
                heroku: None,
                scripts: Arc::new(|_| None),
                asked: Vec::new(),
                sent: 0,
                forgotten: 0,
            })),
        };
        let laid = wire.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let wire = laid.clone();
                tokio::spawn(async move { drop(wire.carry(client).await) });
            }
        });
        wire
    }

    /// A world whose gate calls Heroku through such a proxy.
    pub async fn world(set_up: impl FnOnce(HerokuSsoBuilder) -> HerokuSsoBuilder) -> (World, Self) {
        let wire = Self::lay().await;
        let url = format!("http://{}", wire.address);
        let world = World::with(|builder| {
            let builder = builder.api_url(url.parse().unwrap());
            set_up(builder.id_url(url.parse().unwrap()))
        })
        .await;
        let heroku = world.heroku.url();
        let heroku = heroku.strip_prefix("http://").unwrap().parse().unwrap();
        wire.state.lock().unwrap().heroku = Some(heroku);
        (world, wire)
    }

    /// Sets the replacement by request line; `None` forwards Heroku's answer.
    pub fn script(&self, scripts: impl Fn(&str) -> Option<Script> + Send + Sync + 'static) {
        self.state.lock().unwrap().scripts = Arc::new(scripts);
    }

    /// Replaces the answers to requests with `part` in their request line.
    pub fn replace(&self, part: &'static str, script: Script) {
        self.script(move |line| line.contains(part).then(|| script.clone()));
    }

    pub fn mend(&self) {
        self.script(|_| None);
    }

    pub fn asked(&self, part: &str) -> usize {
        let state = self.state.lock().unwrap();
        state
            .asked
            .iter()
            .filter(|line| line.contains(part))
            .count()
    }

    pub fn sent(&self) -> usize {
        self.state.lock().unwrap().sent
    }

    pub fn forgotten(&self) -> usize {
        self.state.lock().unwrap().forgotten
    }

    /// Serves one request per connection.
    async fn carry(&self, mut client: TcpStream) -> io::Result<()> {
        let request = read_request(&mut client).await?;
        let line = request.lines().next().unwrap_or_default().to_owned();
        let (heroku, scripts) = {
            let mut state = self.state.lock().unwrap();
            state.asked.push(line.clone());
            (state.heroku, Arc::clone(&state.scripts))
        };
        let script = scripts(&line);
        match script {
            None => client.write_all(&forward(heroku, &request).await?).await?,
            Some(Script::Edited(from, to)) => {
                let answer = forward(heroku, &request).await?;
                let answer = String::from_utf8(answer).unwrap();
                let (head, body) = answer.split_once("\r\n\r\n").unwrap();
                assert!(body.contains(from), "{body}");
                let head = head.lines().filter(|line| {
                    let line = line.to_ascii_lowercase();
                    !line.starts_with("content-length:") && !line.starts_with("etag:")
                });
                let head: Vec<_> = head.collect();
                let edited = format!("{}\r\n\r\n{}", head.join("\r\n"), body.replace(from, &to));
                client.write_all(edited.as_bytes()).await?;
            }
            Some(Script::Forgetful) => {
                let answer = String::from_utf8(forward(heroku, &request).await?).unwrap();
                let answer = answer.replacen("connection: close\r\n", "", 1);
                client.write_all(answer.as_bytes()).await?;
                read_request(&mut client).await?;
                self.state.lock().unwrap().forgotten += 1;
            }
            Some(Script::Bytes(bytes)) => self.send(&mut client, &bytes).await?,
            Some(Script::Reset(bytes)) => {
                self.send(&mut client, &bytes).await?;
                // The client has read by then; zero linger makes the close send RST instead of FIN.
                tokio::time::sleep(Duration::from_millis(20)).await;
                client.set_zero_linger()?;
            }
            Some(Script::Drip(bytes, pause)) => {
                for byte in bytes {
                    self.send(&mut client, &[byte]).await?;
                    tokio::time::sleep(pause).await;
                }
            }
            Some(Script::Endless(bytes, piece)) => {
                self.send(&mut client, &bytes).await?;
                loop {
                    self.send(&mut client, &piece).await?;
                }
            }
        }
        client.shutdown().await
    }

    async fn send(&self, client: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
        client.write_all(bytes).await?;
        self.state.lock().unwrap().sent += bytes.len();
        Ok(())
    }
}

/// Reads a request with its body, and adds `Connection: close`.
async fn read_request(client: &mut TcpStream) -> io::Result<String> {
    let mut bytes = Vec::new();
    let mut rest = usize::MAX;
    while rest > 0 {
        let mut piece = [0; 4096];
        let read = client.read(&mut piece).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&piece[..read]);
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                let is_length = name.eq_ignore_ascii_case("content-length");
                is_length.then(|| value.trim().parse::<usize>().unwrap())
            });
            rest = length.unwrap_or(0).saturating_sub(body.len());
        }
    }
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.replacen("\r\n", "\r\nConnection: close\r\n", 1))
}

async fn forward(heroku: Option<SocketAddr>, request: &str) -> io::Result<Vec<u8>> {
    let heroku = heroku.ok_or(io::ErrorKind::NotConnected)?;
    let mut stream = TcpStream::connect(heroku).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer)
}

/// 200 with this JSON body and these header lines, each with its line end.
pub fn json(headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let length = body.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
         {headers}\r\n"
    );
    [head.as_bytes(), body].concat()
}
