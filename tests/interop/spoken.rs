//! What a caller hears of spoken values and texts.

use std::path::Path;

use crate::client::caller;
use crate::server::Server;
use crate::sound::{Stream, seconds_of, write_tone};

const FLOW: &str = "
version: 1
flow: account
start: facts
languages: [en, nl, de]
nodes:
  facts: { type: set, vars: { owed: \"12.50\", due: \"2026-03-02T14:05:00+01:00\" }, next: english }
  english:
    type: play
    prompt:
      - { say: { en: You owe, nl: U bent ons, de: Sie schulden uns } }
      - { money: vars.owed, currency: EUR }
      - { date: vars.due }
      - { time: vars.due }
    next: dutch
  dutch: { type: set, language: nl, next: in_dutch }
  in_dutch: { type: play, prompt: [{ money: vars.owed, currency: EUR }], next: german }
  german: { type: set, language: de, next: in_german }
  in_german: { type: hangup, prompt: [{ number: 21 }, { say: \"Nummer ${called}\" }, { say: { en: Bye, nl: Dag, de: Auf Wiederhören } }] }
";
/// What has a recording of all that.
const RECORDED: &str = "en: number/12 money/euros number/and number/50 money/cents
    date/the ordinal/2 date/of month/3 number/20 number/20 number/6
    number/2 number/oh number/5 time/pm
    nl: number/12 money/euro number/and number/50 money/cent";

/// Seconds of all recordings that are said.
fn recorded() -> f64 {
    let prompts = Path::new(env!("CARGO_MANIFEST_DIR")).join("ivr-flows/prompts");
    let mut language = "";
    let mut samples = 0;
    for word in RECORDED.split_whitespace() {
        match word.strip_suffix(':') {
            Some(name) => language = name,
            None => {
                let file = prompts.join(language).join(format!("{word}.wav"));
                samples += hound::WavReader::open(file).unwrap().duration();
            }
        }
    }
    f64::from(samples) / 8_000.0
}

#[test]
fn a_caller_hears_values_in_three_languages_and_a_voice() {
    let name = format!("centrale-interop-{}-voice.wav", std::process::id());
    let tone = std::env::temp_dir().join(name);
    write_tone(&tone, 1_200.0, 1);
    let command = format!("cat > /dev/null; cat '{}'", tone.display());
    let more = format!("speech: {{ command: [sh, -c, \"{command}\"], cache: ../speech }}");
    let server = Server::with_more("", &[("3000", "account", FLOW)], &more);
    let stream = Stream::start(700.0, None);
    let port = stream.port.to_string();
    let call = caller(&server, "caller_is_left", "3000", &["-key", "media", &port]);
    call.succeeds(40);
    let heard = stream.heard();
    // A number in German, which has no recordings, two texts that the flow knows, and one
    // that only the call knows: a second each.
    let voice = seconds_of(1_200.0, &heard);
    assert!(
        (3.6..=4.0).contains(&voice),
        "the voice spoke for {voice} s"
    );
    let length = f64::from(u32::try_from(heard.len()).unwrap()) / 8_000.0;
    let expected = recorded() + 4.0;
    assert!(
        (expected - 0.2..expected + 0.6).contains(&length),
        "{length} s were heard of {expected} s"
    );
    assert_eq!(server.metric("centrale_flow_errors_total"), 0.0);
    let kept = std::fs::read_dir(server.folder.join("speech")).unwrap();
    assert!(kept.count() > 100, "the German pieces are kept");
    // On a reload nothing is asked again: the program is gone, and nobody misses it.
    std::fs::remove_file(&tone).unwrap();
    server.signal("-HUP");
    crate::eventually("the server has reloaded", 10, || {
        server.log().contains("reloaded") && !server.log().contains("not reloaded")
    });
}
