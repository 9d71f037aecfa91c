//! What a shard has to do with the world outside beside calls: registrations, probes, names.

use std::time::{Duration, Instant};

use crate::call::{self, call_of};
use crate::model::{LegId, TrunkName};
use crate::registrar::CarrierInput;
use crate::shard::reach::Watched;
use crate::shard::shard::Shard;
use crate::shard::words::Output;
use crate::sip::Peer;

/// Who answers to a name that is configured, or has proven who it is, is a friend of the
/// guard's for so long.
pub(super) const FRIENDSHIP: Duration = Duration::from_secs(3600);

/// Who wants addresses looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asker {
    /// A call that dials a line, by the stream that is to be.
    Leg(LegId),
    /// Our registration with a trunk.
    Carrier(TrunkName),
    /// The probe of a trunk or line.
    Reach(Watched),
}

impl Shard {
    /// Begins what is done with the world outside beside calls.
    pub(super) fn begin_outside(&mut self, now: Instant) {
        self.enrol(now);
        self.watch_outside(now);
    }

    pub(super) fn drain(&mut self, now: Instant) {
        self.draining = true;
        self.leave_carriers(now);
    }

    pub(super) fn resolved(
        &mut self,
        asker: Asker,
        routes: Vec<Vec<Peer>>,
        now: Instant,
        out: &mut Vec<Output>,
    ) {
        for peer in routes.iter().flatten() {
            self.doors
                .sources
                .befriend(peer.remote.ip(), now + FRIENDSHIP);
        }
        match asker {
            Asker::Leg(leg) => {
                let input = call::Input::Resolved { leg, routes };
                self.tell(call_of(leg), input, now, out);
            }
            Asker::Carrier(trunk) => {
                let peers = routes.into_iter().flatten().collect::<Vec<_>>();
                self.carrier(&trunk, CarrierInput::Resolved(&peers), now);
            }
            Asker::Reach(watched) => self.reach_resolved(&watched, &routes, now),
        }
    }
}
