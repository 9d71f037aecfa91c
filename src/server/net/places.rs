//! Who has a place among the streams, and who has to leave for another.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use exchange::model::limits;
use exchange::sip::{ConnectionId, Transport};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

/// What the stream's task and its place both know.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) id: ConnectionId,
    pub(crate) transport: Transport,
    pub(crate) remote: SocketAddr,
    /// Whether we opened it.
    pub(crate) dialled: bool,
    /// Whether somebody registered or called on it, or we opened it.
    pub(crate) trusted: AtomicBool,
    /// Bytes that wait to be written.
    pub(crate) waiting: AtomicUsize,
}

impl Line {
    pub(crate) fn is_trusted(&self) -> bool {
        self.trusted.load(Ordering::Relaxed)
    }

    /// Gives a message to the task that writes; `false` when too much waits already. Whatever
    /// is written has come by here, for what waits is counted down again by it.
    pub(crate) fn hand(&self, sender: &mpsc::Sender<Bytes>, bytes: Bytes) -> bool {
        let length = bytes.len();
        let before = self.waiting.fetch_add(length, Ordering::Relaxed);
        // A first message goes whatever its size.
        let fits = before == 0 || before.saturating_add(length) <= self.room();
        let handed = fits && sender.try_send(bytes).is_ok();
        if !handed {
            self.waiting.fetch_sub(length, Ordering::Relaxed);
        }
        handed
    }

    /// Bytes that may wait to be written.
    fn room(&self) -> usize {
        if self.is_trusted() {
            limits::STREAM_BACKLOG_BYTES
        } else {
            limits::STRANGER_BACKLOG_BYTES
        }
    }
}

/// A stream's place.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) line: Arc<Line>,
    pub(crate) sender: mpsc::Sender<Bytes>,
    /// Ends its task.
    pub(crate) task: AbortHandle,
}

impl Place {
    /// Hands a message over; `false` when too much waits already.
    pub(crate) fn send(&self, bytes: Bytes) -> bool {
        self.line.hand(&self.sender, bytes)
    }
}

/// Between two lines in the log about the same.
const PAUSE: Duration = Duration::from_secs(60);

/// What is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// All places.
    All,
    /// Those that strangers of this address may have.
    Address,
}

/// Whether there is room for one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    Free,
    /// This stranger has to leave for it.
    Instead(ConnectionId, Full),
    /// All places are taken by those who may stay.
    No,
}

/// All streams.
#[derive(Debug)]
pub(crate) struct Places {
    /// As many as there may be.
    most: usize,
    by_id: HashMap<ConnectionId, Place>,
    /// Those that we opened.
    dialled: HashMap<(Transport, SocketAddr), ConnectionId>,
    sites: HashMap<IpAddr, BTreeSet<ConnectionId>>,
    /// Those who have not shown that they may stay, the oldest first; of each address, too.
    strangers: BTreeSet<ConnectionId>,
    counts: [usize; Transport::ALL.len()],
    said: [Said; 2],
}

/// What the log was told of a bound.
#[derive(Debug, Default)]
struct Said {
    at: Option<Instant>,
    since: u64,
}

/// What counts as one address: for IPv6 the network of 64 bits that one customer has.
fn site(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) if !ip.is_loopback() => {
            IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64))
        }
        own @ (IpAddr::V4(_) | IpAddr::V6(_)) => own,
    }
}

impl Places {
    /// None yet, and never more than `most`.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            by_id: HashMap::new(),
            dialled: HashMap::new(),
            sites: HashMap::new(),
            strangers: BTreeSet::new(),
            counts: [0; Transport::ALL.len()],
            said: Default::default(),
        }
    }

    /// Whether there is room for one more from `remote`. Who has shown who they are is not
    /// counted by address: behind one of them may be a house full of phones, or a proxy.
    pub(crate) fn room(&self, remote: SocketAddr) -> Room {
        let own = self.sites.get(&site(remote.ip()));
        if let Some(own) = own
            && own.len() >= limits::STRANGERS_PER_ADDRESS
            && let Some(oldest) = own.first()
        {
            return Room::Instead(*oldest, Full::Address);
        }
        if self.by_id.len() < self.most {
            return Room::Free;
        }
        let oldest = self.strangers.first();
        oldest.map_or(Room::No, |oldest| Room::Instead(*oldest, Full::All))
    }

    /// A bound was hit: how often since the log was told last, when it is time to tell it.
    pub(crate) fn hit(&mut self, full: Full, now: Instant) -> Option<u64> {
        let [all, address] = &mut self.said;
        let said = match full {
            Full::All => all,
            Full::Address => address,
        };
        said.since += 1;
        if said.at.is_some_and(|at| now < at + PAUSE) {
            return None;
        }
        said.at = Some(now);
        Some(std::mem::take(&mut said.since))
    }

    pub(crate) fn enter(&mut self, place: Place) {
        let line = Arc::clone(&place.line);
        if line.dialled {
            self.dialled.insert((line.transport, line.remote), line.id);
        }
        if !line.is_trusted() {
            let own = self.sites.entry(site(line.remote.ip())).or_default();
            own.insert(line.id);
            self.strangers.insert(line.id);
        }
        self.by_id.insert(line.id, place);
        self.count(line.transport, |count| count + 1);
    }

    /// The place that was taken, if it still was.
    pub(crate) fn leave(&mut self, id: ConnectionId) -> Option<Place> {
        let place = self.by_id.remove(&id)?;
        let line = &place.line;
        let way = (line.transport, line.remote);
        if self.dialled.get(&way) == Some(&id) {
            self.dialled.remove(&way);
        }
        self.know(id, line.remote);
        self.count(line.transport, |count| count.saturating_sub(1));
        Some(place)
    }

    /// Who is at the other end has shown that they may stay.
    pub(crate) fn trust(&mut self, id: ConnectionId) {
        let Some(line) = self.by_id.get(&id).map(|place| Arc::clone(&place.line)) else {
            return;
        };
        line.trusted.store(true, Ordering::Relaxed);
        self.know(id, line.remote);
    }

    /// It is no stranger's any more.
    fn know(&mut self, id: ConnectionId, remote: SocketAddr) {
        if !self.strangers.remove(&id) {
            return;
        }
        let key = site(remote.ip());
        if let Some(own) = self.sites.get_mut(&key) {
            own.remove(&id);
            if own.is_empty() {
                self.sites.remove(&key);
            }
        }
    }

    pub(crate) fn get(&self, id: ConnectionId) -> Option<&Place> {
        self.by_id.get(&id)
    }

    /// The stream that we opened to there.
    pub(crate) fn dialled(&self, transport: Transport, remote: SocketAddr) -> Option<&Place> {
        self.by_id.get(self.dialled.get(&(transport, remote))?)
    }

    fn count(&mut self, transport: Transport, change: impl Fn(usize) -> usize) {
        let at = Transport::ALL.iter().position(|known| *known == transport);
        if let Some(count) = at.and_then(|at| self.counts.get_mut(at)) {
            *count = change(*count);
            exchange::metric::sip::connections(transport.label(), *count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who had to leave, if anybody; or that there was no room.
    type Came = Result<Option<u64>, ()>;

    /// Streams of nobody, numbered from 1.
    struct Rig {
        places: Places,
        runtime: tokio::runtime::Runtime,
        next: u64,
    }

    impl Rig {
        fn new() -> Self {
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            Self {
                places: Places::new(limits::CONNECTIONS),
                runtime: runtime.unwrap(),
                next: 0,
            }
        }

        /// Somebody comes; who had to leave, or why they cannot.
        fn come(&mut self, remote: &str, dialled: bool) -> Came {
            let Ok(remote) = remote.parse() else {
                panic!("{remote}");
            };
            self.come_from(remote, dialled)
        }

        fn come_from(&mut self, remote: SocketAddr, dialled: bool) -> Came {
            let leaves = match self.places.room(remote) {
                Room::Free => None,
                Room::Instead(id, _) => Some(id),
                Room::No => return Err(()),
            };
            if let Some(id) = leaves {
                assert!(self.places.leave(id).is_some());
            }
            self.next += 1;
            let line = Line {
                id: ConnectionId(self.next),
                transport: Transport::Tcp,
                remote,
                dialled,
                trusted: AtomicBool::new(dialled),
                waiting: AtomicUsize::new(0),
            };
            self.places.enter(Place {
                line: Arc::new(line),
                sender: mpsc::channel(1).0,
                task: self.runtime.spawn(async {}).abort_handle(),
            });
            Ok(leaves.map(|id| id.0))
        }
    }

    #[test]
    fn the_oldest_stranger_of_a_full_address_leaves() {
        let mut rig = Rig::new();
        for port in 0..limits::STRANGERS_PER_ADDRESS {
            let remote = format!("192.0.2.1:{}", 1000 + port);
            assert_eq!(rig.come(&remote, false), Ok(None));
        }
        assert_eq!(rig.come("192.0.2.1:1", false), Ok(Some(1)));
        assert_eq!(rig.come("192.0.2.1:2", false), Ok(Some(2)));
        assert_eq!(rig.come("192.0.2.2:2", false), Ok(None), "another address");
        for id in 1..=rig.next {
            rig.places.leave(ConnectionId(id));
        }
        assert!(rig.places.by_id.is_empty() && rig.places.sites.is_empty());
        assert!(rig.places.strangers.is_empty() && rig.places.counts == [0; 5]);
    }

    #[test]
    fn who_has_shown_who_they_are_takes_no_place_of_a_stranger_at_the_address() {
        let mut rig = Rig::new();
        for phone in 1..=3 * limits::STRANGERS_PER_ADDRESS {
            let remote = format!("192.0.2.1:{phone}");
            assert_eq!(rig.come(&remote, false), Ok(None), "{phone}");
            rig.places.trust(ConnectionId(rig.next));
        }
        assert!(rig.places.sites.is_empty());
        let first = rig.next + 1;
        for stranger in 0..limits::STRANGERS_PER_ADDRESS {
            let remote = format!("192.0.2.1:{}", 2000 + stranger);
            assert_eq!(rig.come(&remote, false), Ok(None));
        }
        assert_eq!(rig.come("192.0.2.1:9", false), Ok(Some(first)));
    }

    #[test]
    fn a_bound_that_is_hit_again_and_again_is_a_line_a_minute() {
        let mut places = Places::new(1);
        let now = crate::server::clock::now();
        let mut hit = |full, second| places.hit(full, now + Duration::from_secs(second));
        assert_eq!(hit(Full::Address, 0), Some(1));
        assert_eq!(hit(Full::Address, 1), None);
        assert_eq!(hit(Full::All, 2), Some(1), "of another kind");
        assert_eq!(hit(Full::Address, 59), None);
        assert_eq!(hit(Full::Address, 60), Some(3));
    }

    #[test]
    fn a_customer_s_whole_network_is_one_address() {
        let mut rig = Rig::new();
        for host in 0..limits::STRANGERS_PER_ADDRESS {
            let remote = format!("[2001:db8:0:1:{host:x}::1]:5060");
            assert_eq!(rig.come(&remote, false), Ok(None));
        }
        assert_eq!(rig.come("[2001:db8:0:1::1]:1", false), Ok(Some(1)));
        assert_eq!(rig.come("[2001:db8:0:2::1]:1", false), Ok(None));
    }

    #[test]
    fn when_all_places_are_taken_the_oldest_stranger_leaves() {
        let mut rig = Rig::new();
        for at in 0..limits::CONNECTIONS {
            let remote = format!("10.0.{}.{}:1", at / 250, at % 250);
            assert_eq!(rig.come(&remote, at == 0), Ok(None));
        }
        assert_eq!(rig.come("192.0.2.1:1", false), Ok(Some(2)), "1 is ours");
        for id in 1..=rig.next {
            rig.places.trust(ConnectionId(id));
        }
        assert_eq!(rig.come("192.0.2.1:2", false), Err(()));
        let first = "10.0.0.0:1".parse().unwrap();
        let ours = rig.places.dialled(Transport::Tcp, first).unwrap();
        assert_eq!(ours.line.id, ConnectionId(1));
    }
}
