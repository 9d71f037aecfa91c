//! Whether phones are still there: OPTIONS (RFC 3261 section 11) to every contact.

use std::collections::{BTreeSet, HashMap};
use std::time::Instant;

use crate::model::OperatorName;
use crate::registrar::Binding;
use crate::shard::shard::{Due, Shard};
use crate::sip::{ClientTx, Method, Name, Request};

/// The phones that this shard looks after, by the keys of their bindings: those that
/// registered with it.
#[derive(Debug, Default)]
pub(super) struct Probes {
    watched: BTreeSet<(OperatorName, String)>,
    asked: HashMap<ClientTx, (OperatorName, String)>,
}

impl Shard {
    /// Looks after a phone from now on.
    pub(super) fn watch_phone(&mut self, operator: &OperatorName, key: String, now: Instant) {
        let entry = (operator.clone(), key);
        if self.probes.watched.insert(entry.clone()) {
            let at = now + self.snapshot.config.sip.probe_every;
            self.deadlines.add(at, Due::Probe(entry.0, entry.1));
        }
    }

    pub(super) fn probe(&mut self, operator: &OperatorName, key: String, now: Instant) {
        let phones = self.shared.registrar.contacts(operator, now);
        let phone = phones.into_iter().find(|phone| phone.key == key);
        let Some(Binding {
            uri, peer, path, ..
        }) = phone
        else {
            self.probes.watched.remove(&(operator.clone(), key));
            return;
        };
        let to = format!("<{uri}>");
        let mut request = Request::new(Method::Options, uri);
        let tag = self.endpoint.fresh_tag();
        let call_id = self.endpoint.fresh_call_id();
        let ours = self.shared.advertise.contact(peer);
        let headers = &mut request.headers;
        headers.push(Name::From, format!("<{ours}>;tag={tag}"));
        headers.push(Name::To, to);
        headers.push(Name::CallId, call_id);
        headers.push(Name::CSeq, "1 OPTIONS");
        headers.push(Name::Contact, format!("<{ours}>"));
        headers.push(Name::Accept, "application/sdp");
        for hop in path {
            headers.push(Name::Route, hop);
        }
        let tx = self.endpoint.request(request, peer, now, &mut self.sip);
        self.probes.asked.insert(tx, (operator.clone(), key));
    }

    /// Any final answer is a sign of life.
    pub(super) fn probe_answered(&mut self, tx: ClientTx, code: u16, now: Instant) {
        if code < 200 {
            return;
        }
        if let Some((operator, key)) = self.probes.asked.remove(&tx) {
            let at = now + self.snapshot.config.sip.probe_every;
            self.deadlines.add(at, Due::Probe(operator, key));
        }
    }

    /// A phone that does not answer is gone until it registers again.
    pub(super) fn probe_unanswered(&mut self, tx: ClientTx, now: Instant) {
        let Some((operator, key)) = self.probes.asked.remove(&tx) else {
            return;
        };
        let changes = self.shared.registrar.forget(&operator, &key);
        self.phones_changed(changes, now);
        self.probes.watched.remove(&(operator, key));
    }
}
