//! Those who are no phone of the world: they send what they like, once, and say no more.

use std::net::SocketAddr;

use bytes::Bytes;

use crate::shard::Shard;
use crate::sim::world::Packet;
use crate::sim::{PhoneId, World};
use crate::sip::{Message, Response};

impl World {
    /// Somebody sends a datagram, line by line, and is not heard of again.
    pub fn stranger(&mut self, from: SocketAddr, text: &str) {
        let text = text.replace('\n', "\r\n");
        self.post(Packet::ToServer(from, Bytes::from(text)));
    }

    /// What went to an address where there is no phone.
    #[must_use]
    pub fn astray(&self, to: SocketAddr) -> Vec<Response> {
        let bytes = self.astray.iter().filter(|(address, _)| *address == to);
        let messages = bytes.filter_map(|(_, bytes)| Message::parse(bytes).ok());
        let responses = messages.filter_map(|message| match message {
            Message::Response(response) => Some(response),
            Message::Request(_) => None,
        });
        responses.collect()
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
