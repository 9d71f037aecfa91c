//! Who speaks what was not recorded.

use std::path::Path;

use super::tests::shipped;
use super::*;

#[test]
fn a_voice_is_named_by_language_and_speaks_what_was_not_recorded() {
    let mut files = shipped();
    let speech = "speech: { command: [say, -v, \"{voice}\"], voices: { en: en-gb } }";
    files.config.push(("config/x.yaml".into(), speech.into()));
    let flow = "version: 1\nflow: f\nstart: a\nlanguages: [en, ru]\nnodes:\n  a: { type: hangup, prompt: [{ say: Centrale }, { number: 3 }] }\n";
    files.flows.push(("ivr-flows/f.yaml".into(), flow.into()));
    let (config, diags) = load(&files, &|_| None, Path::new("config"));
    assert!(diags.is_empty(), "{diags:?}");
    let config = config.unwrap();
    let speech = config.speech.as_ref().unwrap();
    assert_eq!(speech.command("en"), ["say", "-v", "en-gb"]);
    assert_eq!(speech.command("nl"), ["say", "-v", "nl"]);
    assert_eq!(speech.cache, Path::new("config/../var/speech"));
    let texts = config.texts();
    let text = |language: &str, name: &str| {
        let key = (language.to_owned(), name.to_owned());
        texts.get(&key).map(String::as_str)
    };
    assert_eq!(text("ru", "number/3"), Some("три"));
    assert_eq!(text("en", "queue/in-line"), Some("in line."));
    let said = texts
        .iter()
        .filter(|((_, name), _)| name.starts_with("say/"));
    let said: Vec<_> = said
        .map(|((language, _), text)| (language.as_str(), text.as_str()))
        .collect();
    assert_eq!(said, [("en", "Centrale"), ("ru", "Centrale")]);
    files.config.pop();
    let (config, diags) = load(&files, &|_| None, Path::new("config"));
    assert!(config.is_none());
    assert_eq!(diags.len(), 3, "{diags:?}");
}

#[test]
fn announcements_need_sounds_in_every_language_of_the_flows() {
    let flow =
        "version: 1\nflow: f\nstart: a\nlanguages: [fr, ru]\nnodes:\n  a: { type: hangup }\n";
    let mut files = shipped();
    files.flows.push(("ivr-flows/f.yaml".into(), flow.into()));
    let told = |files: &Files| {
        let (config, diags) = load(files, &|_| None, Path::new("config"));
        assert!(config.is_some());
        let told = diags.iter().map(|diag| diag.message.clone());
        told.collect::<Vec<_>>()
    };
    assert_eq!(
        told(&files),
        [
            "a queue cannot announce anything in `fr`",
            "57 sounds that announcements need are missing in `ru`",
        ]
    );
    let speech = "speech: { command: [say] }";
    files.config.push(("config/x.yaml".into(), speech.into()));
    assert_eq!(told(&files), ["a queue cannot announce anything in `fr`"]);
}
