//! Messages, recordings, and what is kept out of them.

use super::*;

const MESSAGE: &str = "
  a: { type: voicemail, prompt: [leave-message], mailbox: office, max: 2m, silence: 4s, ok: thanks, error: sorry }
  thanks: { type: hangup, prompt: [thanks] }
  sorry: { type: hangup }
";

#[test]
fn a_message_is_left_after_the_tone_and_ends_by_a_key() {
    check(
        MESSAGE,
        "begin up heard 5 # message:kept heard",
        &expect![[r#"
            begin: answer
            up: [a] play(en/leave-message tone)
            heard: message(office 2m 4s)
            5:
            #: end
            message:kept: [thanks] play(en/thanks)
            heard: hangup
        "#]],
    );
}

#[test]
fn a_key_skips_the_prompt_and_not_the_tone() {
    check(
        MESSAGE,
        "begin up # 3 heard message:empty",
        &expect![[r#"
            begin: answer
            up: [a] play(en/leave-message tone)
            #: stop play(tone)
            3:
            heard: message(office 2m 4s)
            message:empty: [sorry] hangup
        "#]],
    );
}

#[test]
fn a_message_that_nobody_hears_of_again_comes_to_an_end() {
    check(
        MESSAGE,
        "begin up heard +124s +1s +4s +1s",
        &expect![[r#"
            begin: answer
            up: [a] play(en/leave-message tone)
            heard: message(office 2m 4s)
            +124s:
            +1s: end
            +4s:
            +1s: fault(a recording) [sorry] hangup
        "#]],
    );
    check(
        MESSAGE,
        "begin up heard message:failed",
        &expect![[r#"
            begin: answer
            up: [a] play(en/leave-message tone)
            heard: message(office 2m 4s)
            message:failed: fault(a recording) [sorry] hangup
        "#]],
    );
}

#[test]
fn a_long_message_does_not_use_up_the_minutes_of_the_flow() {
    let nodes = "version: 1\nflow: f\nstart: a\nlimits: { max_minutes: 1 }\nnodes:\n  a: { type: voicemail, prompt: [x], mailbox: m, max: 30m, end_key: none, ok: b, error: b }\n  b: { type: play, prompt: [y], next: c }\n  c: { type: hangup }\n";
    check(
        nodes,
        "begin up heard # +29m message:kept +59s heard",
        &expect![[r#"
            begin: answer
            up: [a] play(en/x tone)
            heard: message(m 30m 5s)
            #:
            +29m:
            message:kept: [b] play(en/y)
            +59s:
            heard: [c] hangup
        "#]],
    );
}

#[test]
fn a_recording_begins_and_ends_where_the_flow_says() {
    let nodes = "
  a: { type: recording, action: start, next: b }
  b: { type: recording, action: pause, next: c }
  c: { type: recording, action: resume, next: d }
  d: { type: recording, action: stop, next: e }
  e: { type: hangup }
";
    check(
        nodes,
        "begin up",
        &expect![[r#"
            begin: answer
            up: [a] recording(start) [b] recording(pause) [c] recording(resume) [d] recording(stop) [e] hangup
        "#]],
    );
}

#[test]
fn a_secret_is_told_from_its_prompt_to_its_last_digit() {
    let nodes = "
  a: { type: collect, prompt: [pin], digits: { min: 4, max: 4 }, save: pin, sensitive: true, check: 'vars.pin == \"1234\"', retries: 1, ok: card, on_failure: z }
  card: { type: collect, prompt: [card], digits: { max: 2 }, save: card, sensitive: true, ok: open, on_failure: z }
  open: { type: collect, prompt: [number], digits: { max: 2 }, save: number, ok: z, on_failure: z }
  z: { type: hangup }
";
    check(
        nodes,
        "begin up heard 99 99 heard 1234 56 78",
        &expect![[r#"
            begin: answer
            up: [a] play(en/pin) secret
            heard:
            99:
            99:
            99:
            99: play(en/pin)
            heard:
            1234:
            1234:
            1234:
            1234: [card] play(en/card)
            56: stop
            56: [open] play(en/number) open
            78: stop
            78: [z] hangup
        "#]],
    );
}

#[test]
fn a_prompt_before_a_message_may_have_to_be_heard() {
    let nodes = MESSAGE.replace("max: 2m", "max: 2m, barge_in: false");
    assert_eq!(ends(&nodes, "begin up 5"), "");
    assert_eq!(ends(&nodes, "begin up 5 heard"), "message(office 2m 4s)");
    let long = |length: usize| whole(&MESSAGE.replace("office", &"m".repeat(length)));
    assert!(try_load(&long(64)).is_ok());
    assert!(try_load(&long(65)).is_err());
    assert!(try_load(&whole(&MESSAGE.replace("office", "\"\""))).is_err());
}

#[test]
fn messages_and_recordings_have_their_mistakes() {
    mistakes(
        "
  a: { type: voicemail, prompt: [x], mailbox: my box, max: 31m, silence: 1s, end_key: \"5\", ok: b }
  b: { type: recording, action: strat, next: c }
  c: { type: voicemail, prompt: [x], max: soon, beep: false, ok: b, error: b }
",
        &expect![[r##"
            7:47 `my box` is no name of a mailbox (letters, digits and -, at most 64 of them)
            7:60 `max` is from 1s to 30m
            7:74 `silence` is from 2s to 1m
            7:87 `end_key` is "#", "*" or none
            7:3 this voicemail has no exit `error` (add `error: <node>` here or in `defaults`)
            8:33 `strat` is nothing to do with a recording (did you mean `start`?)
            9:49 unknown key `beep` (known are prompt, mailbox, max, silence, end_key, barge_in, ok, error)
            9:3 `c` has no `mailbox` (add `mailbox: …`)
            9:43 `soon` is no duration (a duration is a whole number with ms, s, m, h or d, such as 1500ms, 15s, 2m, 1h or 30d)"##]],
    );
}
