//! What outlives the process of a registration.

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::binding::Binding;
use crate::model::Epoch;
use crate::sip::{Peer, Transport, Uri};

/// A refresh that lengthens a registration by less is not written.
const COARSE: Duration = Duration::from_secs(60);

/// A phone that can be reached without the connection that it registered by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    contact: String,
    key: String,
    instance: Option<String>,
    reg_id: Option<u32>,
    path: Vec<String>,
    transport: String,
    address: SocketAddr,
    call_id: String,
    cseq: u32,
    /// Seconds since 1970; it may last [`COARSE`] longer than this says.
    expires_at: u64,
}

impl Kept {
    /// `None` for one that is gone with its connection.
    #[must_use]
    pub fn of(binding: &Binding, epoch: Epoch) -> Option<Self> {
        if binding.peer.connection.is_some() {
            return None;
        }
        let wall = epoch.wall_at(binding.expires_at);
        Some(Self {
            contact: binding.uri.to_string(),
            key: binding.key.clone(),
            instance: binding.instance.clone(),
            reg_id: binding.reg_id,
            path: binding.path.clone(),
            transport: binding.peer.transport.label().to_owned(),
            address: binding.peer.remote,
            call_id: binding.call_id.clone(),
            cseq: binding.cseq,
            expires_at: wall
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default()
                .as_secs(),
        })
    }

    /// The registration, if it is still good and can be read.
    #[must_use]
    pub fn binding(self, epoch: Epoch) -> Option<Binding> {
        let wall = UNIX_EPOCH + Duration::from_secs(self.expires_at) + COARSE;
        let transport = match self.transport.as_str() {
            "udp" => Transport::Udp,
            "tcp" => Transport::Tcp,
            _ => return None,
        };
        Some(Binding {
            key: self.key,
            uri: Uri::parse(&self.contact).ok()?,
            peer: Peer {
                transport,
                remote: self.address,
                connection: None,
            },
            path: self.path,
            expires_at: instant_at(epoch, wall)?,
            call_id: self.call_id,
            cseq: self.cseq,
            instance: self.instance,
            reg_id: self.reg_id,
        })
    }

    /// Whether this says nothing that `written` did not say, or only that the phone stays a
    /// little longer.
    #[must_use]
    pub fn is_no_news_after(&self, written: &Self) -> bool {
        let longer = self.expires_at.checked_sub(written.expires_at);
        let rest = Self {
            expires_at: written.expires_at,
            cseq: written.cseq,
            ..self.clone()
        };
        longer.is_some_and(|longer| longer < COARSE.as_secs()) && rest == *written
    }
}

/// `None` for what is over.
fn instant_at(epoch: Epoch, wall: SystemTime) -> Option<Instant> {
    let later = wall.duration_since(epoch.wall).ok()?;
    epoch.instant.checked_add(later)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "any instant will do")]
mod tests {
    use super::*;
    use crate::sip::ConnectionId;

    #[test]
    fn a_phone_is_remembered_as_it_was_until_it_is_over() {
        let epoch = Epoch {
            instant: Instant::now(),
            wall: UNIX_EPOCH + Duration::from_secs(1_000_000),
        };
        let address: SocketAddr = "[2001:db8::7]:5070".parse().unwrap();
        let mut binding = Binding {
            key: "k".to_owned(),
            uri: Uri::parse("sip:a@h1").unwrap(),
            peer: Peer::udp(address),
            path: vec!["<sip:p;lr>".to_owned()],
            expires_at: epoch.instant + Duration::from_secs(100),
            call_id: "c".to_owned(),
            cseq: 7,
            instance: Some("<urn:uuid:1>".to_owned()),
            reg_id: Some(2),
        };
        let kept = Kept::of(&binding, epoch).unwrap();
        let text = serde_json::to_string(&kept).unwrap();
        assert_eq!(serde_json::from_str::<Kept>(&text).unwrap(), kept);
        let again = kept.clone().binding(epoch).unwrap();
        binding.expires_at += COARSE;
        assert_eq!(format!("{again:?}"), format!("{binding:?}"));
        let late = |seconds| Epoch {
            wall: epoch.wall + Duration::from_secs(seconds),
            ..epoch
        };
        assert!(kept.clone().binding(late(159)).is_some());
        assert!(kept.clone().binding(late(161)).is_none());

        let after = |seconds: u64| Kept {
            expires_at: kept.expires_at + seconds,
            cseq: 9,
            ..kept.clone()
        };
        assert!(after(59).is_no_news_after(&kept));
        assert!(!after(60).is_no_news_after(&kept));
        assert!(!kept.is_no_news_after(&after(1)));
        binding.peer = Peer::udp("192.0.2.1:1".parse().unwrap());
        assert!(!Kept::of(&binding, epoch).unwrap().is_no_news_after(&kept));
        binding.peer = Peer::tcp(address, ConnectionId(1));
        assert_eq!(Kept::of(&binding, epoch), None);
    }
}
