//! Datagrams many at a time: one system call takes or sends a batch of them.
//!
//! # Why
//! A call that is refused is three datagrams and hardly any work besides, so that what it
//! costs is mostly the way into the kernel and back. Of that the way through the kernel's
//! own layers is the longest: datagrams of one length to one address go it together, and
//! are cut apart at its end (UDP_SEGMENT, udp(7)).

use std::array;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd as _;
use std::sync::Arc;

use bytes::Bytes;
use exchange::model::limits;
use mio::net::UdpSocket;
use nix::errno::Errno;
use nix::sys::socket::{
    ControlMessage, MsgFlags, MultiHeaders, SockaddrStorage, getsockopt, recvmmsg, sendmmsg,
    sendmsg, sockopt,
};

/// Datagrams that one system call takes or sends.
pub(crate) const BATCH: usize = 64;

/// From one datagram's place to the next: an odd number of cache lines, as places that are
/// a power of two apart would share a few lines of every cache.
const PLACE: usize = 64 * 1041;
const _: () = assert!(PLACE >= limits::DATAGRAM_BYTES, "the longest fits");

/// Where the datagrams of a batch are put; memory is taken up by what was once written.
#[derive(Debug)]
pub(crate) struct Room(Box<[u8]>);

impl Room {
    /// For one thread.
    pub(crate) fn new() -> Self {
        Self(vec![0; BATCH * PLACE].into())
    }
}

/// Where datagrams come in.
#[derive(Debug)]
pub(crate) struct Inlet {
    socket: Arc<UdpSocket>,
    // The kernel notes in them how long an address is: they are for one family.
    headers: MultiHeaders<SockaddrStorage>,
}

impl Inlet {
    /// Of a socket that does not block.
    pub(crate) fn new(socket: &Arc<UdpSocket>) -> Self {
        Self {
            socket: Arc::clone(socket),
            headers: MultiHeaders::preallocate(BATCH, None),
        }
    }

    /// Takes up to a batch of datagrams, and shows each with its sender.
    ///
    /// # Errors
    /// `WouldBlock` when there is none; else what the system says, which may be about an
    /// earlier datagram of ours and nothing to stop for.
    pub(crate) fn receive(
        &mut self,
        room: &mut Room,
        mut show: impl FnMut(&[u8], SocketAddr),
    ) -> io::Result<()> {
        let mut places = room.0.chunks_exact_mut(PLACE);
        let mut slices: [[IoSliceMut<'_>; 1]; BATCH] =
            array::from_fn(|_| [IoSliceMut::new(places.next().unwrap_or_default())]);
        let received = recvmmsg(
            self.socket.as_raw_fd(),
            &mut self.headers,
            slices.iter_mut(),
            MsgFlags::MSG_DONTWAIT,
            None,
        )?;
        for message in received {
            if let Some(from) = message.address.and_then(|from| address(&from)) {
                show(message.iovs().next().unwrap_or_default(), from);
            }
        }
        Ok(())
    }
}

fn address(storage: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = storage
        .as_sockaddr_in()
        .map(|v4| SocketAddr::V4((*v4).into()));
    v4.or_else(|| Some(SocketAddr::V6((*storage.as_sockaddr_in6()?).into())))
}

/// Datagrams that go through the kernel as one, at most: what Linux 4.18 takes.
const JOINED: usize = 64;
/// And their bytes: they are one datagram until they are cut apart.
const JOINED_BYTES: usize = 60_000;
/// A longer datagram may not fit the network, for which only a single one is split up.
const JOINED_EACH: usize = 1_200;
/// Datagrams in any order that wait for others of their length.
const LOOSE: usize = 4 * BATCH;
/// So many batches go out one by one after a way that could not take joined ones: what
/// one peer's network cannot do costs the others little.
const PARTED: u32 = 1_000;

/// A datagram that others may overtake.
#[derive(Debug)]
struct Loose {
    /// The same for one length and address, and hardly ever for others: a number is
    /// sorted by faster than an address.
    kind: u64,
    bytes: Bytes,
    to: SocketAddr,
}

impl Loose {
    fn new(bytes: Bytes, to: SocketAddr) -> Self {
        let ip = match to.ip() {
            IpAddr::V4(v4) => u64::from(v4.to_bits()),
            IpAddr::V6(v6) => {
                let bits = v6.to_bits();
                u64::try_from((bits ^ (bits >> 64)) & u128::from(u64::MAX)).unwrap_or(0)
            }
        };
        let rest = u64::from(to.port()) ^ (u64::try_from(bytes.len()).unwrap_or(0) << 16);
        Self {
            kind: ip.rotate_left(32) ^ rest,
            bytes,
            to,
        }
    }

    fn is_like(&self, other: &Self) -> bool {
        self.to == other.to && self.bytes.len() == other.bytes.len()
    }
}

/// How many of some that are alike go together.
fn joined_at_most(alike: &[Loose]) -> usize {
    match alike.first().map_or(0, |one| one.bytes.len()) {
        length @ 1..=JOINED_EACH => JOINED.min(JOINED_BYTES / length),
        _ => 1,
    }
}

/// What a failure to send joined datagrams means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// There is no room for any datagram now.
    Lost,
    /// This way cannot take them; another may.
    NotNow,
    /// This machine cannot part them.
    NotHere,
}

fn verdict(error: Errno) -> Verdict {
    if matches!(error, Errno::EAGAIN | Errno::ENOBUFS | Errno::ENOMEM) {
        Verdict::Lost
    } else if matches!(error, Errno::EIO | Errno::EOPNOTSUPP) {
        // The card makes no checksums.
        Verdict::NotHere
    } else {
        Verdict::NotNow
    }
}

/// Where datagrams go out, a batch at a time.
#[derive(Debug)]
pub(crate) struct Outlet {
    socket: Arc<UdpSocket>,
    is_ipv4: bool,
    /// Whether the kernel cuts apart what is joined; one that does not know how would send
    /// it as it is.
    joins: bool,
    /// Batches that are not joined yet.
    parted: u32,
    headers: MultiHeaders<SockaddrStorage>,
    waiting: Vec<Bytes>,
    to: Vec<Option<SockaddrStorage>>,
    loose: Vec<Loose>,
}

impl Outlet {
    /// Of a socket that is bound and does not block.
    pub(crate) fn new(socket: &Arc<UdpSocket>) -> Self {
        Self {
            is_ipv4: socket.local_addr().is_ok_and(|own| own.is_ipv4()),
            joins: getsockopt(socket, sockopt::UdpGsoSegment).is_ok(),
            parted: 0,
            socket: Arc::clone(socket),
            headers: MultiHeaders::preallocate(BATCH, None),
            waiting: Vec::with_capacity(BATCH),
            to: Vec::with_capacity(BATCH),
            loose: Vec::new(),
        }
    }

    /// Whether the address is of its family.
    pub(crate) fn reaches(&self, to: SocketAddr) -> bool {
        self.is_ipv4 == to.is_ipv4()
    }

    /// Sends with those that wait, at the latest when [`Self::flush`] is called.
    pub(crate) fn send(&mut self, bytes: Bytes, to: SocketAddr) {
        self.waiting.push(bytes);
        self.to.push(Some(to.into()));
        if self.waiting.len() == BATCH {
            self.flush_waiting();
        }
    }

    /// As [`Self::send`]; others may overtake it.
    pub(crate) fn send_in_any_order(&mut self, bytes: Bytes, to: SocketAddr) {
        if !self.joins {
            return self.send(bytes, to);
        }
        self.loose.push(Loose::new(bytes, to));
        if self.loose.len() == LOOSE {
            self.flush_loose();
        }
    }

    /// Sends what waits. A datagram that cannot leave is lost like one on the way: its
    /// transaction's timer sends it again, or the peer's copy of what it answers.
    pub(crate) fn flush(&mut self) {
        self.flush_loose();
        self.flush_waiting();
    }

    fn flush_loose(&mut self) {
        // Most turns of a shard refuse nobody, and are no batch of `parted`.
        if self.loose.is_empty() {
            return;
        }
        let mut loose = std::mem::take(&mut self.loose);
        loose.sort_unstable_by_key(|one| one.kind);
        let alike = loose.chunk_by(Loose::is_like);
        for some in alike.flat_map(|alike| alike.chunks(joined_at_most(alike))) {
            if !self.send_joined(some) {
                some.iter()
                    .for_each(|one| self.send(one.bytes.clone(), one.to));
            }
        }
        loose.clear();
        self.loose = loose;
        self.parted = self.parted.saturating_sub(1);
    }

    /// Sends datagrams of one length to one address; whether they are dealt with.
    fn send_joined(&mut self, alike: &[Loose]) -> bool {
        let Some(Loose { to, bytes, .. }) = alike.first().filter(|_| alike.len() > 1) else {
            return false;
        };
        let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
        if !self.joins || self.parted > 0 {
            return false;
        }
        let slices: [IoSlice<'_>; JOINED] =
            array::from_fn(|n| IoSlice::new(alike.get(n).map_or(&[], |one| &one.bytes)));
        let sent = sendmsg(
            self.socket.as_raw_fd(),
            slices.get(..alike.len()).unwrap_or_default(),
            &[ControlMessage::UdpGsoSegments(&length)],
            MsgFlags::MSG_DONTWAIT,
            Some(&SockaddrStorage::from(*to)),
        );
        match sent.map_err(verdict) {
            Ok(_) | Err(Verdict::Lost) => true,
            Err(Verdict::NotHere) => {
                self.joins = false;
                tracing::info!("datagrams go out one by one: the network card cannot part them");
                false
            }
            Err(Verdict::NotNow) => {
                self.parted = PARTED;
                false
            }
        }
    }

    fn flush_waiting(&mut self) {
        let mut done = 0;
        while let Some(waiting) = self.waiting.get(done..).filter(|rest| !rest.is_empty()) {
            let slices: [[IoSlice<'_>; 1]; BATCH] =
                array::from_fn(|n| [IoSlice::new(waiting.get(n).map_or(&[], |b| b))]);
            let sent = sendmmsg(
                self.socket.as_raw_fd(),
                &mut self.headers,
                slices.iter(),
                self.to.get(done..).unwrap_or_default(),
                [],
                MsgFlags::MSG_DONTWAIT,
            );
            done += match sent.map(Iterator::count) {
                Err(Errno::EINTR) => 0,
                // It is about the first of them.
                Err(_) | Ok(0) => 1,
                Ok(sent) => sent,
            };
        }
        self.waiting.clear();
        self.to.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket as StdUdp;
    use std::time::Duration;

    use super::*;
    use crate::server::clock;

    fn socket(address: &str) -> (Arc<UdpSocket>, SocketAddr) {
        let socket = UdpSocket::bind(address.parse().unwrap()).unwrap();
        let own = socket.local_addr().unwrap();
        (Arc::new(socket), own)
    }

    fn phone(address: &str) -> (StdUdp, SocketAddr) {
        let phone = StdUdp::bind(address).unwrap();
        phone
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        let own = phone.local_addr().unwrap();
        (phone, own)
    }

    /// What came, on a socket of this host to which so many were sent before. A busy system
    /// may take a moment to hand them over.
    fn taken(inlet: &mut Inlet, room: &mut Room, count: usize) -> Vec<(Vec<u8>, SocketAddr)> {
        let mut taken = Vec::new();
        let until = clock::now() + Duration::from_secs(10);
        while taken.len() < count && clock::now() < until {
            let show = |bytes: &[u8], from| taken.push((bytes.to_vec(), from));
            if inlet.receive(room, show).is_err() {
                std::thread::yield_now();
            }
        }
        taken
    }

    #[test]
    fn what_is_sent_comes_in_order_whole_and_with_its_sender() {
        for any in ["127.0.0.1:0", "[::1]:0"] {
            let (socket, own) = socket(any);
            let (mut inlet, mut room) = (Inlet::new(&socket), Room::new());
            // Twice, as headers and room are used again.
            for round in [0_u8, 1] {
                let phones = [phone(any), phone(any)];
                let mut sent = Vec::new();
                for (n, length) in [0, 1, 1200, 60_000, 7].into_iter().enumerate() {
                    let (phone, from) = &phones[n % 2];
                    let bytes = vec![b'a' + round; length];
                    phone.send_to(&bytes, own).unwrap();
                    sent.push((bytes, *from));
                }
                for _ in 0..BATCH {
                    phones[0].0.send_to(b"many", own).unwrap();
                    sent.push((b"many".to_vec(), phones[0].1));
                }
                assert_eq!(taken(&mut inlet, &mut room, sent.len()), sent);
            }
            let empty = inlet.receive(&mut room, |_, _| {}).unwrap_err();
            assert_eq!(empty.kind(), io::ErrorKind::WouldBlock);
        }
    }

    #[test]
    fn what_goes_in_any_order_comes_whole_and_each_by_itself() {
        for any in ["127.0.0.1:0", "[::1]:0"] {
            let (socket, own) = socket(any);
            // Enough of them that what waits for each is not more than the system keeps.
            let phones: [_; 4] = array::from_fn(|_| phone(any));
            let mut outlet = Outlet::new(&socket);
            let can_join = outlet.joins;
            for (joins, count) in [(can_join, LOOSE), (can_join, 50), (false, LOOSE)] {
                outlet.joins = joins;
                let mut sent: [Vec<Vec<u8>>; 4] = Default::default();
                for n in 0..count {
                    // Lengths that are joined, two that are not, and few of one.
                    let length = [300, 300, 301, 300, 1_200, 1_201, 0][n / 4 % 7];
                    let mut bytes = format!("{n}-").into_bytes();
                    bytes.resize(length, b'x');
                    sent[n % 4].push(bytes.clone());
                    outlet.send_in_any_order(bytes.into(), phones[n % 4].1);
                }
                // So many are not kept waiting.
                assert!(outlet.loose.len() < LOOSE);
                outlet.flush();
                assert_eq!((outlet.joins, outlet.parted), (joins, 0));
                for (phone, sent) in phones.iter().zip(sent) {
                    assert!(all(&phone.0, sent.len(), own) == sorted(sent), "{joins}");
                }
            }
        }
    }

    fn sorted(mut all: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
        all.sort();
        all
    }

    /// What comes, in an order of its own.
    fn all(phone: &StdUdp, count: usize, from: SocketAddr) -> Vec<Vec<u8>> {
        let mut buffer = [0; 2000];
        let came = (0..count).map(|_| {
            let (length, sender) = phone.recv_from(&mut buffer).unwrap();
            assert_eq!(sender, from);
            buffer[..length].to_vec()
        });
        sorted(came.collect())
    }

    #[test]
    fn as_many_are_joined_as_make_one_datagram() {
        let to = "127.0.0.1:9".parse().unwrap();
        for (length, count) in [
            (0, 1),
            (1, 64),
            (937, 64),
            (938, 63),
            (1_200, 50),
            (1_201, 1),
        ] {
            let one = Loose::new(Bytes::from(vec![0; length]), to);
            assert_eq!(joined_at_most(&[one]), count, "{length}");
        }
    }

    #[test]
    fn joined_ones_that_cannot_leave_go_one_by_one_or_are_lost() {
        let (socket, own) = socket("127.0.0.1:0");
        let (phone, to) = phone("127.0.0.1:0");
        let mut outlet = Outlet::new(&socket);
        // As after a way that could not take them.
        outlet.parted = 2;
        for left in [1, 0, 0] {
            let sent: Vec<Vec<u8>> = (0..10).map(|n| vec![n; 40]).collect();
            for bytes in &sent {
                outlet.send_in_any_order(bytes.clone().into(), to);
            }
            outlet.flush();
            assert_eq!(outlet.parted, left);
            assert_eq!(all(&phone, sent.len(), own), sent);
        }
        for (error, means) in [
            (Errno::EAGAIN, Verdict::Lost),
            (Errno::EIO, Verdict::NotHere),
            (Errno::EINVAL, Verdict::NotNow),
            (Errno::EMSGSIZE, Verdict::NotNow),
            (Errno::ENETUNREACH, Verdict::NotNow),
        ] {
            assert_eq!(verdict(error), means);
        }
    }

    #[test]
    fn one_that_cannot_leave_does_not_hold_up_the_others() {
        let (socket, own) = socket("127.0.0.1:0");
        let (phone, to) = phone("127.0.0.1:0");
        let mut outlet = Outlet::new(&socket);
        assert!(outlet.reaches(to) && !outlet.reaches("[::1]:1".parse().unwrap()));
        let count = 2 * BATCH + 5;
        for n in 0..count {
            // No datagram is as long as that.
            let length = if n % 3 == 1 { 70_000 } else { n };
            outlet.send(Bytes::from(vec![0; length]), to);
        }
        outlet.flush();
        outlet.flush();
        let mut buffer = [0; 2000];
        for n in (0..count).filter(|n| n % 3 != 1) {
            assert_eq!(phone.recv_from(&mut buffer).unwrap(), (n, own));
        }
    }
}
