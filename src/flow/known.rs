//! The least that a flow can be read with, for whoever reads one alone.

use std::collections::{BTreeMap, BTreeSet};

use super::Known;

impl Known<'_> {
    /// A configuration with no name, no sound, no secret and no voice in it, whose house
    /// can dial any address. What a reader has of its own it writes over this.
    pub const fn nothing() -> Self {
        Self {
            queues: const { &BTreeSet::new() },
            callbacks: const { &BTreeSet::new() },
            fallbacks: const { &BTreeMap::new() },
            lines: const { &BTreeSet::new() },
            operators: const { &BTreeSet::new() },
            skills: const { &BTreeSet::new() },
            calendars: const { &BTreeSet::new() },
            projects: const { &BTreeSet::new() },
            sounds: &|_, _| false,
            origins: const { &BTreeSet::new() },
            signs: false,
            addresses: &|_| None,
            speaks: false,
        }
    }
}
