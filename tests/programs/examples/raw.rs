//! Raw HTTP, for requests that clients do not send and details that servers do not expose.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Far longer than any step takes.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Connection {
    stream: TcpStream,
    /// All received bytes.
    pub(crate) came: String,
}

impl Connection {
    pub(crate) async fn to(address: SocketAddr) -> Self {
        Self::of(TcpStream::connect(address).await.unwrap())
    }

    pub(crate) fn of(stream: TcpStream) -> Self {
        let came = String::new();
        Self { stream, came }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Header lines with CRLF, and the final empty line.
    pub(crate) async fn send_head(&mut self, lines: &[&str]) {
        self.send(format!("{}\r\n\r\n", lines.join("\r\n"))).await;
    }

    /// A WebSocket message of up to 125 bytes, masked with zeros.
    pub(crate) async fn send_message(&mut self, text: &str) {
        let length = u8::try_from(text.len()).unwrap();
        assert!(length < 126);
        let frame = [&[0x81, 0x80 | length, 0, 0, 0, 0], text.as_bytes()];
        self.send(frame.concat()).await;
    }

    /// Reads until this text has arrived.
    pub(crate) async fn until(&mut self, text: &str) {
        while !self.came.contains(text) {
            assert!(self.read().await, "no `{text}` in {}", self.came);
        }
    }

    /// Reads until the other side closes.
    pub(crate) async fn rest(&mut self) -> &str {
        while self.read().await {}
        &self.came
    }

    async fn read(&mut self) -> bool {
        let mut bytes = [0; 16 * 1024];
        let read = timeout(PATIENCE, self.stream.read(&mut bytes)).await;
        let read = read.unwrap_or_else(|_| panic!("nothing more after {}", self.came));
        let read = read.unwrap();
        self.came.push_str(&String::from_utf8_lossy(&bytes[..read]));
        read > 0
    }
}

/// The values of a header in the head and the trailers.
pub(crate) fn values<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let fields = text.lines().filter_map(|line| line.split_once(':'));
    let fields = fields.filter(|(field, _)| field.eq_ignore_ascii_case(name));
    fields.map(|(_, value)| value.trim()).collect()
}
