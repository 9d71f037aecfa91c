//! Strangers who send whatever they like, from many addresses, and do not listen.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use crate::crowd::socket;

/// Many addresses, each with a name that no scanner has.
pub(crate) struct Strangers {
    sockets: Vec<UdpSocket>,
    server: SocketAddr,
    /// When the first of them was sent.
    begun: Option<Instant>,
    rate: f64,
    pub(crate) sent: u64,
}

impl Strangers {
    /// So many addresses of 127.9.0.0/16.
    pub(crate) fn new(server: SocketAddr, count: u16, rate: f64) -> io::Result<Self> {
        let sockets = (0..count).map(|n| {
            let [high, low] = n.to_be_bytes();
            socket(Ipv4Addr::new(127, 9, high, low.max(1)))
        });
        Ok(Self {
            sockets: sockets.collect::<io::Result<_>>()?,
            server,
            begun: None,
            rate,
            sent: 0,
        })
    }

    /// Sends what is due.
    pub(crate) fn act(&mut self, now: Instant) {
        let since: Duration = now - *self.begun.get_or_insert(now);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "small"
        )]
        let wanted = (since.as_secs_f64() * self.rate) as u64;
        for _ in 0..64 {
            if self.sent >= wanted {
                return;
            }
            self.send();
        }
    }

    fn send(&mut self) {
        let number = self.sent;
        self.sent += 1;
        let count = u64::try_from(self.sockets.len()).unwrap_or(1);
        let place = usize::try_from(number % count).unwrap_or(0);
        let Some(socket) = self.sockets.get(place) else {
            return;
        };
        let Ok(own) = socket.local_addr() else { return };
        let method = ["REGISTER", "INVITE", "OPTIONS"][usize::try_from(number % 3).unwrap_or(0)];
        let text = format!(
            "{method} sip:10{}@{} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bKx{number}\r\nMax-Forwards: 70\r\nFrom: <sip:{number}@{own}>;tag=x\r\nTo: <sip:10{number}@example.com>\r\nCall-ID: x{number}\r\nCSeq: 1 {method}\r\nContact: <sip:x@{own}>\r\nContent-Length: 0\r\n\r\n",
            number % 100,
            self.server
        );
        socket.send_to(text.as_bytes(), self.server).ok();
    }
}
