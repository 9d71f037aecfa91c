//! One question, or one command, to the running server.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// The server is on this machine.
const CONNECT: Duration = Duration::from_secs(2);
/// It gives an answer, or an error, within 10 seconds.
const ANSWER: Duration = Duration::from_secs(15);
/// A thousand rows have some 200 KiB.
const BYTES: u64 = 16 * 1024 * 1024;

#[derive(Deserialize)]
struct Problem {
    detail: String,
}

/// The running server of a configuration.
pub(super) struct Server(SocketAddr);

impl Server {
    /// The one that listens for HTTP there.
    pub(super) fn at(listen: SocketAddr) -> Self {
        let mut address = listen;
        // Who listens everywhere listens on loopback, where alone it answers.
        match listen.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
            IpAddr::V4(_) | IpAddr::V6(_) => {}
        }
        Self(address)
    }

    /// What stands at a path; `None` when the server knows nothing of it.
    ///
    /// # Errors
    /// One sentence: nobody answers, or why the server refuses.
    pub(super) fn ask<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<Option<T>> {
        let Self(address) = self;
        let stream = TcpStream::connect_timeout(address, CONNECT).with_context(|| {
            format!("no server answers at http://{address}; start it, or say with --config which one is meant")
        })?;
        self.told(talk(stream, *address, &Told::get(path)))
    }

    /// Whether anybody listens there.
    pub(super) fn is_running(&self) -> bool {
        let Self(address) = self;
        TcpStream::connect_timeout(address, CONNECT).is_ok()
    }

    /// What comes of a command with a body of some kind; `None` when the server knows
    /// nothing of the path.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub(super) fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        kind: &str,
        body: &[u8],
    ) -> anyhow::Result<Option<T>> {
        let Self(address) = self;
        let stream = TcpStream::connect_timeout(address, CONNECT)
            .with_context(|| format!("no server answers at http://{address}; start it, or say with --config which one is meant"))?;
        let told = Told {
            method: "POST",
            path,
            kind,
            body,
        };
        self.told(talk(stream, *address, &told))
    }

    fn told<T: DeserializeOwned>(
        &self,
        answer: std::io::Result<Vec<u8>>,
    ) -> anyhow::Result<Option<T>> {
        let Self(address) = self;
        let answer = answer.with_context(|| format!("http://{address} does not answer"))?;
        let stranger = || format!("what answers at http://{address} is not this server");
        let (code, body) = split(&answer).with_context(stranger)?;
        match code {
            200 => Ok(Some(serde_json::from_slice(body).with_context(stranger)?)),
            404 => Ok(None),
            _ => {
                let problem: Problem = serde_json::from_slice(body).with_context(stranger)?;
                bail!(problem.detail);
            }
        }
    }
}

/// What is said to the server.
struct Told<'a> {
    method: &'static str,
    path: &'a str,
    kind: &'a str,
    body: &'a [u8],
}

impl<'a> Told<'a> {
    fn get(path: &'a str) -> Self {
        Self {
            method: "GET",
            path,
            kind: "",
            body: b"",
        }
    }
}

/// By HTTP/1.0, whose answer is the head, the body and the end of the connection.
fn talk(mut stream: TcpStream, host: SocketAddr, told: &Told<'_>) -> std::io::Result<Vec<u8>> {
    stream.set_write_timeout(Some(ANSWER))?;
    stream.set_read_timeout(Some(ANSWER))?;
    let Told { method, path, .. } = told;
    let mut request = format!("{method} {path} HTTP/1.0\r\nHost: {host}\r\n");
    if !told.kind.is_empty() {
        let (kind, length) = (told.kind, told.body.len());
        let about = format!("Content-Type: {kind}\r\nContent-Length: {length}\r\n");
        request.push_str(&about);
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes())?;
    stream.write_all(told.body)?;
    let mut answer = Vec::new();
    stream.take(BYTES).read_to_end(&mut answer)?;
    Ok(answer)
}

/// The status and the body of an answer.
fn split(answer: &[u8]) -> Option<(u16, &[u8])> {
    let end = memchr::memmem::find(answer, b"\r\n\r\n")?;
    let (head, body) = answer.split_at_checked(end)?;
    let code = std::str::from_utf8(head.get(9..12)?).ok()?.parse().ok()?;
    Some((code, body.get(4..)?))
}

/// A name as a part of a path (RFC 3986 section 2.1).
pub(super) fn part(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
    text
}

fn digit(value: u8) -> char {
    char::from_digit(value.into(), 16).map_or('0', |digit| digit.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_its_status_and_its_body() {
        for (answer, expected) in [
            ("HTTP/1.0 200 OK\r\na: b\r\n\r\n{}", Some((200, "{}"))),
            ("HTTP/1.1 404 Not Found\r\n\r\n", Some((404, ""))),
            ("HTTP/1.1 2", None),
            ("HTTP/1.1 200 OK\r\n", None),
            ("SSH-2.0-OpenSSH_9.2\r\n\r\n", None),
            ("", None),
        ] {
            let expected = expected.map(|(code, body): (_, &str)| (code, body.as_bytes()));
            assert_eq!(split(answer.as_bytes()), expected, "{answer}");
        }
    }

    #[test]
    fn a_name_is_one_part_of_a_path() {
        assert_eq!(part("19a-0-1f"), "19a-0-1f");
        assert_eq!(part("a/b c?é"), "a%2Fb%20c%3F%C3%A9");
    }

    #[test]
    fn who_listens_everywhere_is_asked_on_loopback() {
        for (listen, asked) in [
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:80", "[::1]:80"),
            ("192.0.2.1:80", "192.0.2.1:80"),
        ] {
            let Server(address) = Server::at(listen.parse().unwrap());
            assert_eq!(address.to_string(), asked);
        }
    }
}
