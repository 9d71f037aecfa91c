//! Questions about how it was.

use super::*;

const SURVEY: &str = "
  a: { type: queue, queue: support, answered: rate, timeout: bye, full: bye, no_operators: bye, error: bye }
  rate: { type: survey, prompt: [rate-us], keys: { \"1\": 1, \"5\": 5, \"0\": never again }, save: csat, next: thanks }
  thanks: { type: branch, when: [{ if: 'vars.csat == 5', then: bye }], else: sorry }
  sorry: { type: hangup, prompt: [sorry] }
  bye: { type: hangup }
";

#[test]
fn an_answer_is_told_and_saved() {
    check(
        SURVEY,
        "begin up queue:answered 5",
        &expect![[r#"
            begin: answer
            up: [a] queue(support 0)
            queue:answered: [rate] play(en/rate-us)
            5: stop survey(csat 5) [thanks] [bye] hangup
        "#]],
    );
    check(
        SURVEY,
        "begin up queue:answered heard 0",
        &expect![[r#"
            begin: answer
            up: [a] queue(support 0)
            queue:answered: [rate] play(en/rate-us)
            heard:
            0: survey(csat never again) [thanks] [sorry] play(en/sorry)
        "#]],
    );
}

#[test]
fn who_does_not_answer_is_asked_once_more_and_let_go() {
    check(
        SURVEY,
        "begin up queue:answered heard +5s heard 7",
        &expect![[r#"
            begin: answer
            up: [a] queue(support 0)
            queue:answered: [rate] play(en/rate-us)
            heard:
            +5s: play(en/rate-us)
            heard:
            7: [thanks] [sorry] play(en/sorry)
        "#]],
    );
}

#[test]
fn keys_from_before_the_question_are_no_answer() {
    let nodes = "
  a: { type: play, prompt: [welcome], next: rate }
  rate: { type: survey, prompt: [rate-us], reprompt: [again], keys: { 1: 1 }, save: csat, retries: 2, timeout: 2s, barge_in: false, next: bye }
  bye: { type: hangup }
";
    check(
        nodes,
        "begin up 1 heard 2 heard heard +2s",
        &expect![[r#"
            begin: answer
            up: [a] play(en/welcome)
            1:
            heard: [rate] play(en/rate-us)
            2:
            heard: play(en/again)
            heard:
            +2s: play(en/again)
        "#]],
    );
}

#[test]
fn a_question_has_a_name_of_some_letters() {
    for (name, fits) in [("x", true), ("", false), ("a/b", false)] {
        let text = whole(
            &SURVEY
                .replace("save: csat", &format!("save: \"{name}\""))
                .replace("vars.csat == 5", "called == \"5\""),
        );
        assert_eq!(try_load(&text).is_ok(), fits, "{name}");
    }
}

#[test]
fn a_survey_that_cannot_be_asked_is_a_mistake() {
    mistakes(
        "
  a: { type: survey, prompt: [missing], keys: { \"1\": true, \"2\": \"${vars.x}\", \"x\": 1 }, save: a question much too long to be the name of one, next: b }
  b: { type: survey, prompt: [x], keys: {}, confirm: true }
",
        &expect![[r##"
            7:31 there is no sound `missing` in `en` (record prompts/en/missing.wav)
            7:31 there is no sound `missing` in `nl` (record prompts/nl/missing.wav)
            7:54 an answer is a whole number or a word (write "5": 5 or "1": good)
            7:65 `${vars.x}` cannot be an answer (letters, digits, spaces, `.`, `-` and `_`, at most 32)
            7:78 `x` is no key of a telephone (keys are 0 to 9, "*" and "#", in quotes)
            7:41 there are no keys to press
            7:94 `a question much too long to be the name of one` cannot be the name of a question (letters, digits, spaces, `.`, `-` and `_`, at most 32)
            8:45 unknown key `confirm` (known are prompt, reprompt, keys, save, timeout, retries, barge_in, next)
            8:35 there are no keys to press
            8:3 `b` has no `save` (add `save: …`)
            8:3 this survey has no exit `next` (add `next: <node>`)"##]],
    );
}
