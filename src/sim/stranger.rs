//! Those who are no phone of the world: they send what they like, once, and say no more.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use crate::shard::{Arrival, Parcel, Shard};
use crate::sim::world::Packet;
use crate::sim::{PhoneId, World};
use crate::sip::{Message, Peer, Request, Response};

impl World {
    /// Somebody sends a datagram, line by line, and is not heard of again.
    pub fn stranger(&mut self, from: SocketAddr, text: &str) {
        let text = text.replace('\n', "\r\n");
        self.post(Packet::ToServer(from, Bytes::from(text)));
    }

    /// Somebody sends datagrams, line by line, all of which are there before the first is
    /// dealt with, which takes so long; how many are heard.
    pub fn at_once(&mut self, from: SocketAddr, texts: &[String], wait: Duration) -> usize {
        let mut heard = 0;
        let shards = u8::try_from(self.shards.len()).unwrap_or(1);
        let (now, peer) = (self.now, Peer::udp(from));
        for text in texts {
            let bytes = Bytes::from(text.replace('\n', "\r\n"));
            let judged = self.shards.first_mut();
            let judged = judged.map(|shard| shard.judge(&bytes, peer, shards, now));
            let Some(Arrival::For(owner, mark)) = judged else {
                continue;
            };
            let home = owner.map_or(0, |shard| usize::from(shard.0));
            if let Some(shard) = self.shards.get_mut(home) {
                heard += usize::from(shard.accept(Parcel { bytes, peer, mark }, now));
            }
        }
        self.run(wait);
        for index in 0..self.shards.len() {
            self.work(index);
        }
        self.go_on();
        heard
    }

    fn work(&mut self, index: usize) {
        let now = self.now;
        let mut out = Vec::new();
        while let Some(shard) = self.shards.get_mut(index)
            && shard.work(now, &mut out)
        {
            self.perform(std::mem::take(&mut out));
        }
    }

    /// The answers that went to an address where there is no phone.
    #[must_use]
    pub fn astray(&self, to: SocketAddr) -> Vec<Response> {
        let responses = self.messages_to(to).filter_map(|message| match message {
            Message::Response(response) => Some(response),
            Message::Request(_) => None,
        });
        responses.collect()
    }

    /// The requests that did.
    #[must_use]
    pub fn asked_astray(&self, to: SocketAddr) -> Vec<Request> {
        let requests = self.messages_to(to).filter_map(|message| match message {
            Message::Request(request) => Some(request),
            Message::Response(_) => None,
        });
        requests.collect()
    }

    fn messages_to(&self, to: SocketAddr) -> impl Iterator<Item = Message> {
        let bytes = self
            .astray
            .iter()
            .filter(move |(address, _)| *address == to);
        bytes.filter_map(|(_, bytes)| Message::parse(bytes).ok())
    }

    /// The tag that the server gave the phone's dialog.
    #[must_use]
    pub fn tag_told(&self, phone: PhoneId) -> Option<String> {
        let dialog = self.phones.get(phone.0)?.dialog.as_ref()?;
        Some(dialog.id().remote_tag.clone())
    }

    /// How many transactions the shards have.
    #[must_use]
    pub fn transactions(&self) -> usize {
        self.shards.iter().map(Shard::transactions).sum()
    }

    /// How often addresses were looked up.
    #[must_use]
    pub fn look_ups(&self) -> usize {
        self.look_ups
    }
}
