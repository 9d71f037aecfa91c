//! What a waiting caller hears between the music, and may press.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::kind::NodeIndex;
use super::menu;
use super::queue::ANNOUNCE_EVERY;
use crate::flow::port::Comfort;
use crate::flow::prompt::{Prompt, Spoken};
use crate::flow::read::Reader;
use crate::flow::source::Cursor;
use crate::flow::turn::Turn;

/// Messages of one wait.
const MESSAGES: usize = 16;

/// One of `waiting.comfort`.
#[derive(Debug)]
pub(super) struct Message {
    prompt: Prompt,
    after: Duration,
    every: Option<Duration>,
}

/// `waiting.keys`.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// Those that leave the queue.
    pub(super) leave: BTreeMap<char, NodeIndex>,
    /// Those that play something to a caller who stays.
    stay: BTreeMap<char, Prompt>,
}

impl Message {
    /// `[{prompt, after, every}]`.
    pub(super) fn read_all(cursor: Cursor<'_>, reader: &mut Reader<'_>) -> Vec<Self> {
        let items = cursor.one_or_many();
        if items.len() > MESSAGES {
            let problem = cursor.error(format!("a wait has at most {MESSAGES} messages"));
            reader.diags.push(problem);
        }
        let items = items.into_iter().take(MESSAGES);
        items.filter_map(|item| Self::read(item, reader)).collect()
    }

    fn read(item: Cursor<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        item.map(reader.diags)?;
        reader.fields(item, &["prompt", "after", "every"]);
        let prompt = item
            .require("prompt", reader.diags)
            .map(|cursor| Prompt::read_fixed(cursor, reader));
        let after = item
            .require("after", reader.diags)
            .and_then(|cursor| cursor.duration(reader.diags));
        let every = item.get("every").and_then(|cursor| {
            let period = cursor.duration(reader.diags)?;
            if period < ANNOUNCE_EVERY {
                let problem = cursor.error("messages come at most every 10s");
                reader.diags.push(problem);
            }
            Some(period)
        });
        Some(Self {
            prompt: prompt?,
            after: after?,
            every,
        })
    }

    pub(super) fn prompt(&self) -> &Prompt {
        &self.prompt
    }

    pub(super) fn speak_all(messages: &[Self], turn: &mut Turn<'_>) -> Arc<[Comfort]> {
        let spoken = messages.iter().map(|message| Comfort {
            sounds: turn.speak(&message.prompt),
            after: message.after,
            every: message.every,
        });
        spoken.collect()
    }
}

impl Keys {
    /// `{key: node}`, `{key: {play: prompt}}`.
    pub(super) fn read(cursor: Cursor<'_>, reader: &mut Reader<'_>) -> Self {
        let mut keys = Self::default();
        for (text, value) in cursor.map(reader.diags).unwrap_or_default() {
            let Some(key) = menu::key(text, value, reader) else {
                continue;
            };
            if !value.is_map() {
                keys.leave.extend(reader.target(value).map(|to| (key, to)));
                continue;
            }
            reader.fields(value, &["play"]);
            if let Some(play) = value.require("play", reader.diags) {
                keys.stay.insert(key, Prompt::read_fixed(play, reader));
            }
        }
        keys
    }

    pub(super) fn prompts(&self) -> impl Iterator<Item = &Prompt> {
        self.stay.values()
    }

    pub(super) fn speak(&self, turn: &mut Turn<'_>) -> BTreeMap<char, Vec<Spoken>> {
        let spoken = self.stay.iter();
        spoken
            .map(|(key, prompt)| (*key, turn.speak(prompt)))
            .collect()
    }
}
