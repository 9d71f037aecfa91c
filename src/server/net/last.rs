//! Where names led when they were last found (RFC 8767).
//!
//! # Why
//! An address may have a caller's number before its `@`: what is kept is told by what is
//! looked up, which a caller has no say in, and there is an end to it all the same.

use std::collections::VecDeque;

use exchange::sip::{Peer, Way};

/// Names that are kept; a centre has some carriers and lines.
const NAMES: usize = 256;

/// The last good answers, the one that came longest ago first.
#[derive(Debug, Default)]
pub(super) struct Last(VecDeque<(Way, Vec<Peer>)>);

impl Last {
    /// An answer has come. When there is no room, that which came longest ago is forgotten.
    pub(super) fn note(&mut self, way: Way, hops: Vec<Peer>) {
        self.0.retain(|(known, _)| *known != way);
        if self.0.len() >= NAMES {
            self.0.pop_front();
        }
        self.0.push_back((way, hops));
    }

    /// What came when one last came.
    pub(super) fn of(&self, way: &Way) -> Option<Vec<Peer>> {
        let mut known = self.0.iter();
        let (_, hops) = known.find(|(known, _)| known == way)?;
        Some(hops.clone())
    }
}

#[cfg(test)]
mod tests {
    use exchange::sip::{Uri, way};

    use super::*;

    fn way_to(uri: &str) -> Way {
        way(&Uri::parse(uri).unwrap()).unwrap()
    }

    fn hop(last: u8) -> Vec<Peer> {
        vec![Peer::udp(([192, 0, 2, last], 5060).into())]
    }

    #[test]
    fn a_name_is_kept_once_whomever_is_dialled_there() {
        let mut last = Last::default();
        for number in 0..1000 {
            last.note(way_to(&format!("sip:{number}@carrier.example")), hop(1));
        }
        last.note(way_to("sip:1@CARRIER.example;user=phone"), hop(2));
        assert_eq!(last.0.len(), 1);
        assert_eq!(last.of(&way_to("sip:new@carrier.example")), Some(hop(2)));
        for other in [
            "sip:1@carrier.example:5070",
            "sip:1@carrier.example;transport=tcp",
            "sips:1@carrier.example",
            "sip:1@other.example",
        ] {
            assert_eq!(last.of(&way_to(other)), None, "{other}");
        }
    }

    #[test]
    fn the_name_that_was_found_longest_ago_is_forgotten_first() {
        let mut last = Last::default();
        let name = |number| way_to(&format!("sip:line@n{number}.example"));
        for number in 0..NAMES {
            last.note(name(number), hop(1));
        }
        last.note(name(0), hop(2));
        last.note(name(NAMES), hop(3));
        assert_eq!(last.0.len(), NAMES);
        assert_eq!(last.of(&name(1)), None);
        assert_eq!(last.of(&name(0)), Some(hop(2)));
        assert_eq!(last.of(&name(NAMES)), Some(hop(3)));
    }
}
