//! A phone, a proxy or a caller down to its last byte: what no ready client can be made to
//! say.

use std::collections::HashSet;
use std::io::{ErrorKind, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use bytes::Bytes;
use exchange::sip::digest::Algorithm;
use exchange::sip::{Message, Method, Name, Request, Response};

use crate::digest::{REGISTRAR, proof};
use crate::wire::Plain;
use crate::{PATIENCE, eventually};

enum Socket {
    Udp(UdpSocket),
    Tcp(Plain<TcpStream>),
}

/// One end of a hop to the server.
pub(crate) struct Wire {
    socket: Socket,
    pub(crate) local: SocketAddr,
    server: SocketAddr,
    sent: u32,
    /// Of To, inside a call.
    tag: String,
    /// The Authorization that was sent last.
    pub(crate) proof: String,
    /// The operator in whose name it speaks; else it is somebody who calls.
    pub(crate) operator: Option<&'static str>,
    /// The message that came last, as it came.
    heard: Bytes,
    /// All that came, so that what is sent again is known.
    known: HashSet<Bytes>,
}

impl Wire {
    pub(crate) fn udp(server: SocketAddr) -> Self {
        Self::udp_from(server.ip(), server)
    }

    /// From an address of this machine.
    pub(crate) fn udp_from(ip: IpAddr, server: SocketAddr) -> Self {
        let socket = UdpSocket::bind((ip, 0)).unwrap();
        socket.connect(server).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let local = socket.local_addr().unwrap();
        Self::over(Socket::Udp(socket), local, server)
    }

    /// At this very address.
    pub(crate) fn at(local: SocketAddr, server: SocketAddr) -> Self {
        let socket = UdpSocket::bind(local).unwrap();
        socket.connect(server).unwrap();
        Self::over(Socket::Udp(socket), local, server)
    }

    pub(crate) fn tcp(server: SocketAddr) -> Self {
        let stream = TcpStream::connect(server).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let local = stream.local_addr().unwrap();
        Self::over(Socket::Tcp(Plain::over(stream)), local, server)
    }

    fn over(socket: Socket, local: SocketAddr, server: SocketAddr) -> Self {
        Self {
            socket,
            local,
            server,
            sent: 0,
            tag: String::new(),
            proof: String::new(),
            operator: None,
            heard: Bytes::new(),
            known: HashSet::new(),
        }
    }

    pub(crate) fn transport(&self) -> &'static str {
        match self.socket {
            Socket::Udp(_) => "UDP",
            Socket::Tcp(_) => "TCP",
        }
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        match &mut self.socket {
            Socket::Udp(socket) => drop(socket.send(bytes).unwrap()),
            Socket::Tcp(plain) => plain.stream.write_all(bytes).unwrap(),
        }
    }

    /// The next message that did not come before; `None` when nothing comes within so long.
    pub(crate) fn within(&mut self, patience: Duration) -> Option<Message> {
        loop {
            self.read(patience)?;
            // An answer that was late, here or there, makes the other side say it again.
            if self.known.insert(self.heard.clone()) {
                return Some(Message::parse(&self.heard).unwrap());
            }
        }
    }

    /// What came before counts when it comes again.
    pub(crate) fn forget(&mut self) {
        self.known.clear();
    }

    fn read(&mut self, patience: Duration) -> Option<()> {
        let read = match &mut self.socket {
            Socket::Udp(socket) => {
                socket.set_read_timeout(Some(patience)).unwrap();
                let mut buffer = vec![0; 65_535];
                let length = socket.recv(&mut buffer);
                length.map(|length| Some(Bytes::copy_from_slice(&buffer[..length])))
            }
            Socket::Tcp(plain) => {
                plain.stream.set_read_timeout(Some(patience)).unwrap();
                plain.read()
            }
        };
        match read {
            Ok(bytes) => self.heard = bytes?,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
            Err(error) if error.kind() == ErrorKind::Interrupted => return self.read(patience),
            Err(error) => panic!("{error}"),
        }
        Some(())
    }

    /// The message that came last, as it came.
    pub(crate) fn heard(&self) -> String {
        String::from_utf8_lossy(&self.heard).into_owned()
    }

    /// The next request that is no OPTIONS.
    pub(crate) fn request(&mut self) -> Request {
        loop {
            match self.within(PATIENCE) {
                Some(Message::Request(request)) if request.method != Method::Options => {
                    return request;
                }
                Some(Message::Request(_) | Message::Response(_)) => {}
                None => panic!("no request came to {}", self.local),
            }
        }
    }

    /// The next final response.
    pub(crate) fn response(&mut self) -> Response {
        let response = self.response_within(PATIENCE);
        response.unwrap_or_else(|| panic!("no response came to {}", self.local))
    }

    /// The same, if one comes before it is silent for so long.
    pub(crate) fn response_within(&mut self, patience: Duration) -> Option<Response> {
        loop {
            match self.within(patience)? {
                Message::Response(response) if response.code >= 200 => return Some(response),
                Message::Request(_) | Message::Response(_) => {}
            }
        }
    }

    pub(crate) fn respond(&mut self, request: &Request, code: u16) {
        let mut response = Response::to(request, code);
        response.headers.push(Name::ContentLength, "0");
        self.send(&response.write());
    }

    /// Rings, with a tag.
    pub(crate) fn ring(&mut self, request: &Request, tag: &str) {
        let mut response = Response::to(request, 180);
        response.set_to_tag(tag);
        response.headers.push(Name::ContentLength, "0");
        self.send(&response.write());
    }

    /// Asks, and the final answer. `to` is a user, or a whole address; `headers` are lines,
    /// each with its end.
    pub(crate) fn ask(&mut self, asked: (&str, &str), headers: &str, body: &str) -> Response {
        self.put(asked, headers, body);
        loop {
            let response = self.response();
            // What was refused before comes again until it is acknowledged.
            let number = response.headers.cseq().map(|cseq| cseq.number);
            if number == Ok(self.sent) {
                return response;
            }
        }
    }

    /// Asks, whatever comes of it.
    pub(crate) fn put(&mut self, (method, to): (&str, &str), headers: &str, body: &str) {
        self.sent += 1;
        let (local, sent, transport) = (self.local, self.sent, self.transport());
        let port = local.port();
        let to = if to.contains('@') {
            to.to_owned()
        } else {
            format!("{to}@centrale.localhost")
        };
        let target = match method {
            "REGISTER" => to.split('@').nth(1).unwrap().to_owned(),
            _ => format!("{}@{}", to.split('@').next().unwrap(), self.server),
        };
        let from = match self.operator {
            _ if method == "REGISTER" => to.clone(),
            Some(operator) => format!("{operator}@centrale.localhost"),
            None => format!("caller@{local}"),
        };
        let (length, tag) = (body.len(), &self.tag);
        let forwards = match headers.contains("Max-Forwards:") {
            true => "",
            false => "Max-Forwards: 70\n",
        };
        let text = format!(
            "{method} sip:{target} SIP/2.0
Via: SIP/2.0/{transport} {local};branch=z9hG4bK{port}-{sent};rport
{forwards}From: <sip:{from}>;tag=w{port}
To: <sip:{to}>{tag}
Call-ID: {port}@wire
CSeq: {sent} {method}
{headers}Content-Length: {length}

"
        );
        let head = text.replace("\r\n", "\n").replace('\n', "\r\n");
        self.send(format!("{head}{body}").as_bytes());
    }

    /// Registers an operator whose password is the name; the answer to the proof.
    pub(crate) fn register(&mut self, user: &str, headers: &str) -> Response {
        let challenge = self.ask(("REGISTER", user), headers, "");
        assert_eq!(challenge.code, 401);
        self.proof = proof(&challenge, user, Algorithm::Sha256, REGISTRAR);
        let headers = format!("Authorization: {}\n{headers}", self.proof);
        self.ask(("REGISTER", user), &headers, "")
    }

    /// The Contact of a phone that is reached here.
    pub(crate) fn contact(&self, user: &str) -> String {
        let transport = self.transport().to_lowercase();
        format!("<sip:{user}@{};transport={transport}>", self.local)
    }

    /// Calls a number with a stream of G.711, and is answered.
    pub(crate) fn call(&mut self, number: &str) -> Response {
        self.call_with(number, "")
    }

    /// The same with more headers.
    pub(crate) fn call_with(&mut self, number: &str, headers: &str) -> Response {
        let number = format!("{number}@{}", self.server);
        let mut taken = None;
        // A machine that does other things may have no time just then.
        eventually("there is time for a call", 5, || {
            let answer = self.invite(&number, headers);
            taken = (answer.code != 503).then_some(answer);
            taken.is_some()
        });
        let taken = taken.unwrap();
        assert_eq!(taken.code, 200);
        self.acknowledge(&taken);
        taken
    }

    /// Calls in the name of an operator, whose password is the name; the answer to the
    /// proof.
    pub(crate) fn call_as(&mut self, operator: &'static str, to: &str, headers: &str) -> Response {
        self.operator = Some(operator);
        let challenge = self.invite(to, headers);
        assert_eq!(challenge.code, 401);
        let uri = format!("sip:{}@{}", to.split('@').next().unwrap(), self.server);
        let own = (Method::Invite, uri.as_str());
        self.proof = proof(&challenge, operator, Algorithm::Sha256, own);
        let headers = format!("Authorization: {}\n{headers}", self.proof);
        let taken = self.invite(to, &headers);
        if taken.code == 200 {
            self.acknowledge(&taken);
        }
        taken
    }

    fn invite(&mut self, to: &str, headers: &str) -> Response {
        let ip = self.local.ip();
        let family = if ip.is_ipv6() { "IP6" } else { "IP4" };
        let body = format!(
            "v=0\r\no=- 1 1 IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\nm=audio 7900 RTP/AVP 8\r\n"
        );
        self.invite_with(to, headers, &body)
    }

    /// Calls with a description of one's own; what is answered is acknowledged.
    pub(crate) fn invited(&mut self, to: &str, headers: &str, body: &str) -> Response {
        let answer = self.invite_with(to, headers, body);
        if answer.code == 200 {
            self.acknowledge(&answer);
        }
        answer
    }

    /// Says something inside the call that was answered so.
    pub(crate) fn says_in(
        &mut self,
        answer: &Response,
        method: &str,
        kind: &str,
        body: &str,
    ) -> Response {
        let to = answer.headers.first(&Name::To).unwrap();
        let (address, tag) = to.split_once(">;tag=").unwrap();
        let address = address.split_once("sip:").unwrap().1;
        let headers = format!("Content-Type: {kind}\n");
        self.tag = format!(";tag={tag}");
        let answer = self.ask((method, address), &headers, body);
        self.tag.clear();
        answer
    }

    fn invite_with(&mut self, to: &str, headers: &str, body: &str) -> Response {
        let headers = format!(
            "Contact: {}\nContent-Type: application/sdp\n{headers}",
            self.contact(self.operator.unwrap_or("caller"))
        );
        self.ask(("INVITE", to), &headers, body)
    }

    /// The ACK of a 2xx that came last.
    pub(crate) fn acknowledge(&mut self, taken: &Response) {
        let header = |name| taken.headers.first(&name).unwrap().into_owned();
        let (local, sent, transport) = (self.local, self.sent, self.transport());
        let ack = format!(
            "ACK sip:{} SIP/2.0\r\nVia: SIP/2.0/{transport} {local};branch=z9hG4bKack{sent}\r\nFrom: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {sent} ACK\r\nContent-Length: 0\r\n\r\n",
            self.server,
            header(Name::From),
            header(Name::To),
            header(Name::CallId),
        );
        self.send(ack.as_bytes());
    }
}
