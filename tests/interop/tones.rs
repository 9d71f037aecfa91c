//! What callers hear, and hear it by: prompts that are tones, each named by its height.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use crate::server::PROMPTS;
use crate::sound::write_tone_of;

/// What the caller says.
pub(super) const CALLER: u32 = 3_000;
/// A prompt in Dutch is so much higher.
pub(super) const DUTCH: u32 = 25;

/// A folder of tones: one for each that flows name, and one for each in Dutch.
pub(super) struct Prompts(PathBuf);

static NEXT: AtomicU32 = AtomicU32::new(0);

impl Prompts {
    pub(super) fn of(tones: &[u32]) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("centrale-interop-{}-tones-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        for (language, higher) in [("en", 0), ("nl", DUTCH), ("music", 0)] {
            let of_language = folder.join(language);
            fs::create_dir_all(&of_language).unwrap();
            for tone in tones {
                let file = of_language.join(format!("t{tone}.wav"));
                let length = Duration::from_millis(200);
                write_tone_of(&file, f64::from(tone + higher), length);
            }
        }
        Self(folder)
    }

    /// In what is added to the configuration.
    pub(super) fn configured(&self) -> String {
        format!("{PROMPTS}{}", self.0.display())
    }
}

impl Drop for Prompts {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

/// The tones that texts name, as they are written.
pub(super) fn tones(texts: &[&str]) -> Vec<u32> {
    let words = texts
        .iter()
        .flat_map(|text| text.split([' ', '[', ']', ',']));
    let tones = words.filter_map(|word| word.strip_prefix('t')?.parse().ok());
    tones.collect::<BTreeSet<u32>>().into_iter().collect()
}

/// One calendar that is always open, one that never is, and one with a feast today.
pub(super) fn hours() -> String {
    let now = jiff::Timestamp::try_from(SystemTime::now()).unwrap();
    let day = |hours: i64| {
        let at = now + jiff::SignedDuration::from_hours(hours);
        at.strftime("%Y-%m-%d").to_string()
    };
    format!(
        "hours:
  always: {{ zone: UTC, open: {{ mon-sun: \"00:00-24:00\" }} }}
  shut: {{ zone: UTC, open: {{ }} }}
  feast: {{ zone: UTC, open: {{ mon-sun: \"00:00-24:00\" }}, holidays: [{}, {}] }}",
        day(0),
        day(24)
    )
}
