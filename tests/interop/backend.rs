//! A server outside, as flows and webhooks meet them: a few lines of HTTP over a socket.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::wire::Certificate;

/// What it does with a request.
#[derive(Clone, Debug)]
pub(crate) enum Does {
    /// Answers with a status, more headers and a body.
    Answers(u16, String, String),
    /// Takes the request and says nothing.
    Nothing,
    /// Answers 200 with so many bytes.
    Floods(usize),
}

impl Does {
    pub(crate) fn says(status: u16, body: &str) -> Self {
        Self::Answers(status, String::new(), body.to_owned())
    }
}

/// One request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) target: String,
    head: String,
    pub(crate) body: String,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1);
        let (_, value) = lines.find_map(|line| {
            let split = line.split_once(": ")?;
            split.0.eq_ignore_ascii_case(name).then_some(split)
        })?;
        Some(value)
    }

    /// Whether the signature is that of the secret, as the manual says how it is made.
    pub(crate) fn is_signed(&self, secret: &str) -> bool {
        let header = self.header("X-Centrale-Signature").unwrap_or_default();
        let Some((time, signature)) = header
            .strip_prefix("t=")
            .and_then(|rest| rest.split_once(",v1="))
        else {
            return false;
        };
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        let (method, target, body) = (&self.method, &self.target, &self.body);
        mac.update(format!("{time}\n{method}\n{target}\n{body}").as_bytes());
        let bytes = mac.finalize().into_bytes();
        let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        text == signature
    }
}

/// A server that runs until the test ends.
pub(crate) struct Backend {
    pub(crate) port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Backend {
    /// `does` gets how many requests came before.
    pub(crate) fn start(does: impl Fn(usize, &Asked) -> Does + Send + Sync + 'static) -> Self {
        Self::at(0, does)
    }

    /// As [`Self::start`], at a port.
    pub(crate) fn at(
        port: u16,
        does: impl Fn(usize, &Asked) -> Does + Send + Sync + 'static,
    ) -> Self {
        Self::serve(TcpListener::bind(("127.0.0.1", port)).unwrap(), None, does)
    }

    /// As [`Self::start`], over TLS.
    pub(crate) fn secure(
        certificate: &Certificate,
        does: impl Fn(usize, &Asked) -> Does + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Self::serve(listener, Some(certificate.shown()), does)
    }

    fn serve(
        listener: TcpListener,
        tls: Option<Arc<ServerConfig>>,
        does: impl Fn(usize, &Asked) -> Does + Send + Sync + 'static,
    ) -> Self {
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (seen, does) = (Arc::clone(&asked), Arc::new(does));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, does, tls) = (Arc::clone(&seen), Arc::clone(&does), tls.clone());
                thread::spawn(move || meet(stream, tls, &seen, &*does));
            }
        });
        Self { port, asked }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

trait Wire: Read + Write {}
impl<T: Read + Write> Wire for T {}

fn meet(
    stream: TcpStream,
    tls: Option<Arc<ServerConfig>>,
    seen: &Mutex<Vec<Asked>>,
    does: &dyn Fn(usize, &Asked) -> Does,
) {
    // Longer than any flow waits.
    stream.set_read_timeout(Some(Duration::from_secs(30))).ok();
    let mut wire: Box<dyn Wire> = match tls {
        Some(tls) => Box::new(StreamOwned::new(
            ServerConnection::new(tls).unwrap(),
            stream,
        )),
        None => Box::new(stream),
    };
    let Some(request) = read(&mut *wire) else {
        return;
    };
    let before = {
        let mut all = seen.lock().unwrap();
        all.push(request.clone());
        all.len() - 1
    };
    serve(&mut *wire, &does(before, &request));
}

fn read(stream: &mut dyn Wire) -> Option<Asked> {
    let mut text = Vec::new();
    let mut buffer = [0; 4_096];
    loop {
        let length = stream.read(&mut buffer).ok().filter(|length| *length > 0)?;
        text.extend_from_slice(&buffer[..length]);
        let whole = String::from_utf8_lossy(&text).into_owned();
        let Some((head, body)) = whole.split_once("\r\n\r\n") else {
            continue;
        };
        let mut words = head.split(' ');
        let asked = Asked {
            method: words.next()?.to_owned(),
            target: words.next()?.to_owned(),
            head: head.to_owned(),
            body: body.to_owned(),
        };
        let length = asked
            .header("content-length")
            .map_or(0, |n| n.parse().unwrap());
        if body.len() >= length {
            return Some(asked);
        }
    }
}

fn serve(stream: &mut dyn Wire, does: &Does) {
    match does {
        Does::Answers(status, headers, body) => {
            let length = body.len();
            let text = format!(
                "HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n{body}"
            );
            stream.write_all(text.as_bytes()).ok();
        }
        Does::Nothing => {
            // Until the other side has had enough of it.
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).ok();
        }
        Does::Floods(bytes) => {
            let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
            stream.write_all(head.as_bytes()).ok();
            let piece = format!("2000\r\n{}\r\n", " ".repeat(0x2000));
            for _ in 0..bytes / 0x2000 {
                if stream.write_all(piece.as_bytes()).is_err() {
                    return;
                }
            }
            stream.write_all(b"0\r\n\r\n").ok();
        }
    }
}
