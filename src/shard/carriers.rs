//! The shard's hands for registrations with carriers. The first shard owns them all.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

use crate::call::{Pass, Permit};
use crate::model::{Event, TrunkName};
use crate::registrar::{Carrier, CarrierInput, CarrierOutput, Enrolment};
use crate::shard::deadlines::Slot;
use crate::shard::outside::Asker;
use crate::shard::shard::{Due, Shard};
use crate::shard::words::Output;
use crate::sip::{ClientTx, Peer, Response};

/// The gate that counts registrations which are not taken back yet.
pub const OUTSIDE: &str = "registrations outside";

/// One registration, and what is on its way for it.
#[derive(Debug)]
pub(super) struct Entry {
    carrier: Carrier,
    asked: Option<ClientTx>,
    slot: Option<Slot>,
    told: Option<(bool, Option<u16>)>,
    _permit: Option<Permit>,
}

/// What a shard says to carriers beside calls.
#[derive(Debug, Default)]
pub(super) struct Carriers {
    entries: BTreeMap<TrunkName, Entry>,
    /// What follows those that are being left.
    next: BTreeMap<TrunkName, Enrolment>,
    /// BYEs that a carrier may challenge. Each leaves with its answer or its failure, of
    /// which every request has one.
    partings: HashMap<ClientTx, Box<Pass>>,
}

impl Shard {
    /// Begins the registrations that are configured, and leaves those that are not any more.
    pub(super) fn enrol(&mut self, now: Instant) {
        if self.id.0 != 0 || self.draining {
            return;
        }
        let snapshot = Arc::clone(&self.snapshot);
        let mut wanted = BTreeMap::new();
        for (name, trunk) in &snapshot.config.sip.trunks {
            if let (Some(register), Some(account)) = (&trunk.register, &trunk.account) {
                let enrolment = Enrolment {
                    to: register.to.clone(),
                    expires: register.expires,
                    account: Arc::clone(account),
                };
                wanted.insert(name.clone(), enrolment);
            }
        }
        self.carriers.next.clear();
        let names: Vec<_> = self.carriers.entries.keys().cloned().collect();
        for name in names {
            let entry = self.carriers.entries.get(&name);
            let is = entry.map(|entry| entry.carrier.enrolment().clone());
            let next = wanted.remove(&name);
            if is != next {
                // The old one is taken back first; the new one follows.
                self.carriers
                    .next
                    .extend(next.map(|next| (name.clone(), next)));
                self.carrier(&name, CarrierInput::Leave, now);
            }
        }
        for (name, enrolment) in wanted {
            self.begin_carrier(name, enrolment, now);
        }
    }

    fn begin_carrier(&mut self, name: TrunkName, enrolment: Enrolment, now: Instant) {
        let ids = (self.endpoint.fresh_call_id(), self.endpoint.fresh_tag());
        let carrier = Carrier::new(enrolment, self.shared.advertise, ids, now);
        let entry = Entry {
            carrier,
            asked: None,
            slot: None,
            told: None,
            _permit: self.shared.gates.enter(OUTSIDE, usize::MAX),
        };
        self.carriers.entries.insert(name.clone(), entry);
        self.carrier(&name, CarrierInput::Tick, now);
    }

    /// Takes every registration back: no more calls are wanted.
    pub(super) fn leave_carriers(&mut self, now: Instant) {
        self.carriers.next.clear();
        let names: Vec<_> = self.carriers.entries.keys().cloned().collect();
        for name in names {
            self.carrier(&name, CarrierInput::Leave, now);
        }
    }

    /// Lets a registration take one step.
    pub(super) fn carrier(&mut self, name: &TrunkName, input: CarrierInput<'_>, now: Instant) {
        let word = self.endpoint.word();
        let Some(entry) = self.carriers.entries.get_mut(name) else {
            return;
        };
        let mut out = Vec::new();
        entry.carrier.handle(input, now, word, &mut out);
        let mut event = None;
        for output in out {
            match output {
                CarrierOutput::Resolve(uri) => {
                    let asker = Asker::Carrier(name.clone());
                    let uris = vec![uri];
                    self.wishes.push(Output::Resolve { asker, uris });
                }
                CarrierOutput::Send(request, hop) => {
                    let tx = self.endpoint.request(*request, hop, now, &mut self.sip);
                    entry.asked = Some(tx);
                }
                CarrierOutput::Changed(registered, code) => {
                    // A registration that fails again is told once.
                    if entry.told != Some((registered, code)) {
                        entry.told = Some((registered, code));
                        event = Some(Event::TrunkRegistered {
                            trunk: name.clone(),
                            registered,
                            code,
                        });
                    }
                }
            }
        }
        if let Some(slot) = entry.slot.take() {
            self.deadlines.remove(slot);
        }
        if entry.carrier.is_over() {
            self.carriers.entries.remove(name);
        } else if let Some(at) = entry.carrier.deadline() {
            entry.slot = Some(self.deadlines.add(at, Due::Carrier(name.clone())));
        }
        if let Some(event) = event {
            self.floor(now, |floor| floor.tell(event));
        }
        if !self.carriers.entries.contains_key(name)
            && let Some(next) = self.carriers.next.remove(name)
        {
            self.begin_carrier(name.clone(), next, now);
        }
    }

    /// Keeps what answers a BYE's challenge.
    pub(super) fn parting(&mut self, tx: ClientTx, pass: Box<Pass>) {
        self.carriers.partings.insert(tx, pass);
    }

    /// An answer from a carrier to the shard itself. `false` when it is none.
    pub(super) fn carrier_answered(
        &mut self,
        tx: ClientTx,
        response: &Response,
        peer: Peer,
        now: Instant,
    ) -> bool {
        if let Some(name) = self.carriers.asked(tx) {
            self.carrier(&name, CarrierInput::Response(response, peer), now);
            return true;
        }
        if !self.carriers.partings.contains_key(&tx) {
            return false;
        }
        if response.code < 200 {
            return true;
        }
        if let Some(mut pass) = self.carriers.partings.remove(&tx) {
            let word = self.endpoint.word();
            if let Some((request, hop)) = pass.again(response, peer, word) {
                let tx = self.endpoint.request(request, hop, now, &mut self.sip);
                self.carriers.partings.insert(tx, pass);
            }
        }
        true
    }

    /// No answer comes. `false` when none was waited for here.
    pub(super) fn carrier_unanswered(&mut self, tx: ClientTx, now: Instant) -> bool {
        if let Some(name) = self.carriers.asked(tx) {
            self.carrier(&name, CarrierInput::Failed, now);
            return true;
        }
        self.carriers.partings.remove(&tx).is_some()
    }
}

impl Carriers {
    fn asked(&self, tx: ClientTx) -> Option<TrunkName> {
        let mut entries = self.entries.iter();
        let (name, _) = entries.find(|(_, entry)| entry.asked == Some(tx))?;
        Some(name.clone())
    }

    /// Whether no BYE waits for its answer.
    pub(super) fn is_clean(&self) -> bool {
        self.partings.is_empty()
    }
}
