//! The world outside: names, callers with strange wishes, and who was called.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use crate::sim::{Manner, PhoneId, World};
use crate::sip::{Peer, Request, Uri, Way, way};

impl World {
    /// A name leads to these phones from now on, the first of them first.
    pub fn name(&mut self, name: &str, phones: &[PhoneId]) {
        let phones = phones.iter().filter_map(|phone| self.phones.get(phone.0));
        let addresses = phones.map(|phone| phone.address).collect();
        self.names.insert(name.to_owned(), addresses);
    }

    /// A phone that is there dials a number.
    pub fn dials(&mut self, phone: PhoneId, number: &str) {
        self.act(phone, |phone, now| phone.dial(number, now));
    }

    /// Adds a caller who sends an INVITE for any address.
    pub fn caller_to(&mut self, address: &str, talks: Option<Duration>) -> PhoneId {
        let name = format!("06{:04}", self.phones.len());
        let phone = self.phone(&name, Manner::Refuses(486), talks);
        self.act(phone, |phone, now| phone.invite(address, now));
        phone
    }

    /// Adds a caller of this manner, who dials a number.
    pub fn caller_who(&mut self, manner: Manner, number: &str) -> PhoneId {
        let name = format!("06{:04}", self.phones.len());
        let phone = self.phone(&name, manner, None);
        self.dial(phone, number);
        phone
    }

    /// A phone dials a number.
    pub fn dial(&mut self, phone: PhoneId, number: &str) {
        self.act(phone, |phone, now| phone.dial(number, now));
    }

    /// How many provisional answers above 100 a phone got.
    #[must_use]
    pub fn told(&self, phone: PhoneId) -> usize {
        self.phones.get(phone.0).map_or(0, |phone| phone.told)
    }

    /// Where a phone is.
    #[must_use]
    pub fn address(&self, phone: PhoneId) -> Option<SocketAddr> {
        self.phones.get(phone.0).map(|phone| phone.address)
    }

    /// The first requests that a phone heard.
    #[must_use]
    pub fn heard(&self, phone: PhoneId) -> &[Request] {
        self.phones.get(phone.0).map_or(&[], |phone| &phone.heard)
    }

    /// The SIP code in the Reason of each CANCEL that stopped a phone's ringing.
    #[must_use]
    pub fn stopped(&self, phone: PhoneId) -> &[Option<u16>] {
        self.phones.get(phone.0).map_or(&[], |phone| &phone.stopped)
    }

    /// How much was played to a phone that was no loop.
    #[must_use]
    pub fn said(&self, phone: PhoneId) -> usize {
        let phone = self.phones.get(phone.0);
        phone.map_or(0, |phone| self.booth.said(phone.sound()))
    }

    /// Wherever the server sent an INVITE.
    #[must_use]
    pub fn invited(&self) -> &BTreeSet<SocketAddr> {
        &self.invited
    }

    /// The made-up DNS: a name has the addresses that it was given, by UDP.
    pub(super) fn route(&self, uri: &Uri) -> Vec<Peer> {
        match way(uri) {
            Some(Way::Straight(peer)) => vec![peer],
            Some(
                Way::Addresses { name, .. } | Way::Services { name, .. } | Way::Open { name, .. },
            ) => {
                let known = self.names.get(&name).into_iter().flatten();
                known.map(|address| Peer::udp(*address)).collect()
            }
            None => Vec::new(),
        }
    }
}
