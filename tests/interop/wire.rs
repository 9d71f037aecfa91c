//! SIP by hand over each stream: TCP, TLS, WebSocket.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use exchange::sip::digest::Algorithm;
use exchange::sip::{Frame, StreamFramer};
use socket2::{Domain, Socket, Type};
use tokio_rustls::rustls::client::Resumption;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::version::TLS12;
use tokio_rustls::rustls::{
    ALL_VERSIONS, ClientConfig, ClientConnection, RootCertStore, ServerConfig, StreamOwned,
    SupportedProtocolVersion, crypto::ring,
};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

use crate::digest::{REGISTRAR, proof};
use crate::ports::free_port;
use crate::server::{LISTENS, SIP, Server};
use crate::{PATIENCE, eventually};

static BRANCH: AtomicU32 = AtomicU32::new(0);

/// A certificate on disk, for this machine and `carrier.test`.
pub(crate) struct Certificate {
    pub(crate) folder: PathBuf,
}

impl Certificate {
    pub(crate) fn new(name: &str) -> Self {
        let name = format!("centrale-tls-{}-{name}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        let certificate = Self { folder };
        certificate.renew();
        certificate
    }

    /// Another one in the same files.
    pub(crate) fn renew(&self) {
        let names = ["localhost", "127.0.0.1", "::1", "carrier.test"].map(String::from);
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        fs::write(self.file("key.pem"), made.signing_key.serialize_pem()).unwrap();
        fs::write(self.file("certificate.pem"), made.cert.pem()).unwrap();
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// What the configuration says of it.
    pub(crate) fn configured(&self) -> String {
        let file = |name| self.file(name).display().to_string();
        format!(
            "{SIP}tls: {{ certificate: {}, key: {}, ca: {} }}\n",
            file("certificate.pem"),
            file("key.pem"),
            file("certificate.pem"),
        )
    }

    /// Shows it as it stands on disk.
    pub(crate) fn shown(&self) -> Arc<ServerConfig> {
        let chain = CertificateDer::from_pem_file(self.file("certificate.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_file(self.file("key.pem")).unwrap();
        let config = ServerConfig::builder_with_provider(ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![chain], key);
        Arc::new(config.unwrap())
    }

    /// Believes it as it stands on disk.
    pub(crate) fn believer(&self) -> Arc<ClientConfig> {
        believer(&self.file("certificate.pem"), ALL_VERSIONS)
    }

    /// The same, and speaks TLS 1.2 alone.
    pub(crate) fn old_believer(&self) -> Arc<ClientConfig> {
        believer(&self.file("certificate.pem"), &[&TLS12])
    }
}

impl Drop for Certificate {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.folder).ok();
    }
}

fn believer(path: &Path, versions: &[&'static SupportedProtocolVersion]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(path).unwrap())
        .unwrap();
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap();
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    // Who comes again shows nothing: each is to be looked at.
    config.resumption = Resumption::disabled();
    Arc::new(config)
}

/// A server that listens on everything.
pub(crate) struct Secure {
    pub(crate) server: Server,
    pub(crate) certificate: Certificate,
    pub(crate) tls: u16,
    pub(crate) ws: u16,
    pub(crate) wss: u16,
}

impl Secure {
    pub(crate) fn start(name: &str, more: &str) -> Self {
        let certificate = Certificate::new(name);
        let (tls, ws, wss) = (free_port(), free_port(), free_port());
        let mut all = certificate.configured();
        for (scheme, port) in [("tls", tls), ("ws", ws), ("wss", wss)] {
            writeln!(all, "{LISTENS}{scheme}://127.0.0.1:{port}").unwrap();
        }
        all.push_str(more);
        Self {
            server: Server::start(&all),
            certificate,
            tls,
            ws,
            wss,
        }
    }

    /// A connection by `TCP`, `TLS`, `WS` or `WSS`.
    pub(crate) fn connect(&self, transport: &'static str) -> Peer {
        let port = match transport {
            "TCP" => self.server.sip,
            "TLS" => self.tls,
            "WS" => self.ws,
            _ => self.wss,
        };
        let stream = connect(SocketAddr::from(([127, 0, 0, 1], port)));
        let wire: Box<dyn Wire> = match transport {
            "TCP" => Box::new(Plain::over(stream)),
            "TLS" => Box::new(Plain::over(self.encrypted(stream))),
            "WS" => Box::new(upgrade(stream, "sip").unwrap()),
            _ => Box::new(upgrade(self.encrypted(stream), "sip").unwrap()),
        };
        Peer::over(wire, transport, format!("127.0.0.1:{port}"))
    }

    pub(crate) fn encrypted(&self, stream: TcpStream) -> StreamOwned<ClientConnection, TcpStream> {
        encrypted(stream, self.certificate.believer())
    }
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    dress(TcpStream::connect_timeout(&address, PATIENCE).unwrap())
}

/// The same from another address of this machine.
pub(crate) fn connect_from(local: IpAddr, address: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::new(local, 0).into()).unwrap();
    socket.connect_timeout(&address.into(), PATIENCE).unwrap();
    dress(socket.into())
}

/// What comes to a line that is dialled.
pub(crate) fn accepted(line: &TcpListener) -> TcpStream {
    line.set_nonblocking(true).unwrap();
    let mut accepted = None;
    eventually("the line is dialled", 5, || {
        accepted = line.accept().ok();
        accepted.is_some()
    });
    let (stream, _) = accepted.unwrap();
    stream.set_nonblocking(false).unwrap();
    dress(stream)
}

fn dress(stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

pub(crate) fn encrypted(
    stream: TcpStream,
    config: Arc<ClientConfig>,
) -> StreamOwned<ClientConnection, TcpStream> {
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(config, name).unwrap();
    StreamOwned::new(connection, stream)
}

/// Asks for a WebSocket; the refusal's status if there is one.
pub(crate) fn upgrade<S: Read + Write>(stream: S, protocol: &str) -> Result<WebSocket<S>, u16> {
    let request = asks_for(protocol);
    match tungstenite::client(request, stream) {
        Ok((socket, _)) => Ok(socket),
        Err(tungstenite::HandshakeError::Failure(tungstenite::Error::Http(response))) => {
            Err(response.status().as_u16())
        }
        Err(other) => panic!("{other}"),
    }
}

fn asks_for(protocol: &str) -> tungstenite::handshake::client::Request {
    let mut request = "ws://localhost/".into_client_request().unwrap();
    let protocol = protocol.parse().unwrap();
    let headers = request.headers_mut();
    headers.insert("Sec-WebSocket-Protocol", protocol);
    request
}

/// Whole messages over whatever carries them.
pub(crate) trait Wire {
    fn send(&mut self, text: &str);
    fn next(&mut self) -> String;
}

/// TCP and TLS.
pub(crate) struct Plain<S> {
    pub(crate) stream: S,
    framer: StreamFramer,
}

impl<S: Read> Plain<S> {
    pub(crate) fn over(stream: S) -> Self {
        Self {
            stream,
            framer: StreamFramer::default(),
        }
    }

    /// The next message; `None` when the other side is gone.
    pub(crate) fn read(&mut self) -> io::Result<Option<Bytes>> {
        let mut buffer = [0; 4096];
        loop {
            match self.framer.next_frame().map_err(io::Error::other)? {
                Some(Frame::Message(bytes)) => return Ok(Some(bytes)),
                Some(Frame::Ping) => continue,
                None => {}
            }
            let length = self.stream.read(&mut buffer)?;
            if length == 0 {
                return Ok(None);
            }
            self.framer.push(&buffer[..length]);
        }
    }
}

impl<S: Read + Write> Wire for Plain<S> {
    fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).unwrap();
        self.stream.flush().unwrap();
    }

    fn next(&mut self) -> String {
        let bytes = self.read().unwrap().expect("the stream is open");
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Wire for UdpSocket {
    fn send(&mut self, text: &str) {
        Self::send(self, text.as_bytes()).unwrap();
    }

    fn next(&mut self) -> String {
        self.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut buffer = [0; 4096];
        let length = loop {
            match self.recv(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read.unwrap(),
            }
        };
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }
}

impl<S: Read + Write> Wire for WebSocket<S> {
    fn send(&mut self, text: &str) {
        Self::send(self, Message::text(text)).unwrap();
    }

    fn next(&mut self) -> String {
        loop {
            match self.read().unwrap() {
                Message::Text(text) => return text.to_string(),
                Message::Binary(bytes) => return String::from_utf8_lossy(&bytes).into_owned(),
                Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_) => {}
            }
        }
    }
}

/// A header's value, the first if there are several.
pub(crate) fn header(message: &str, name: &str) -> Option<String> {
    let mut lines = message.lines();
    let line = lines.find(|line| {
        line.split_once(':')
            .is_some_and(|(known, _)| known.eq_ignore_ascii_case(name))
    })?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// One end of a stream.
pub(crate) struct Peer {
    pub(crate) wire: Box<dyn Wire>,
    pub(crate) transport: &'static str,
    pub(crate) to: String,
    /// All that came, so that what is sent again is known.
    known: HashSet<String>,
}

impl Peer {
    pub(crate) fn over(wire: Box<dyn Wire>, transport: &'static str, to: String) -> Self {
        Self {
            wire,
            transport,
            to,
            known: HashSet::new(),
        }
    }

    /// A request of ours; `more` are headers, each with its end.
    pub(crate) fn request(&mut self, method: &str, target: &str, more: &str, body: &str) {
        let transport = self.transport;
        let length = body.len();
        self.wire.send(&format!(
            "{method} {target} SIP/2.0\r\nVia: SIP/2.0/{transport} w.invalid;rport;branch=z9hG4bK{}\r\nMax-Forwards: 70\r\n{more}Content-Length: {length}\r\n\r\n{body}",
            BRANCH.fetch_add(1, Ordering::Relaxed),
        ));
    }

    pub(crate) fn options(&mut self) -> String {
        let more = "From: <sip:o@w.invalid>;tag=1\r\nTo: <sip:o@localhost>\r\nCall-ID: o\r\nCSeq: 1 OPTIONS\r\n";
        self.request("OPTIONS", "sip:localhost", more, "");
        self.wire.next()
    }

    /// The next message that did not come before, which begins so.
    pub(crate) fn expect(&mut self, start: &str) -> String {
        loop {
            let message = self.wire.next();
            // A busy server may say 100 first, or again what was answered too late.
            if message.starts_with("SIP/2.0 100 ") || !self.known.insert(message.clone()) {
                continue;
            }
            assert!(message.starts_with(start), "{start}: {message}");
            return message;
        }
    }

    /// Answers a request.
    pub(crate) fn answer(&mut self, request: &str, status: &str, more: &str, body: &str) {
        let mut text = format!("SIP/2.0 {status}\r\n");
        for line in request.lines() {
            let name = line.split(':').next().unwrap_or_default();
            match name {
                "To" if !line.contains("tag=") => write!(text, "{line};tag=phone\r\n").unwrap(),
                "Via" | "From" | "To" | "Call-ID" | "CSeq" => {
                    write!(text, "{line}\r\n").unwrap();
                }
                _ => {}
            }
        }
        let length = body.len();
        write!(text, "{more}Content-Length: {length}\r\n\r\n{body}").unwrap();
        self.wire.send(&text);
    }

    /// Registers an operator, whose password is the name.
    pub(crate) fn register(&mut self, user: &str, scheme: &str) -> String {
        let target = "sip:centrale.localhost";
        let param = self.transport.to_ascii_lowercase();
        let base = |number| {
            format!(
                "From: <sip:{user}@centrale.localhost>;tag=r\r\nTo: <sip:{user}@centrale.localhost>\r\nCall-ID: r{user}\r\nCSeq: {number} REGISTER\r\nContact: <{scheme}:{user}@w.invalid;transport={param}>;expires=600\r\n"
            )
        };
        self.request("REGISTER", target, &base(1), "");
        let challenge = self.expect("SIP/2.0 401 ");
        let Ok(exchange::sip::Message::Response(challenge)) =
            exchange::sip::Message::parse(&challenge.into())
        else {
            panic!("no response");
        };
        let proof = proof(&challenge, user, Algorithm::Md5, REGISTRAR);
        let proof = format!("Authorization: {proof}\r\n");
        self.request("REGISTER", target, &(base(2) + &proof), "");
        self.expect("SIP/2.0 200 ")
    }
}

/// A description at a port where nobody listens.
pub(crate) const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 7900 RTP/AVP 0 8\r\n";
