//! What callers type: ahead, wrongly, too little, during a prompt.

use super::*;

#[test]
fn no_key_and_a_wrong_key_may_lead_elsewhere() {
    let nodes = "
  a: { type: menu, prompt: [ask], keys: { \"1\": z }, no_input: silent, no_match: wrong }
  silent: { type: hangup, cause: 18 }
  wrong: { type: hangup, cause: 21 }
  z: { type: hangup }
";
    assert_eq!(ends(nodes, "begin up heard +4s +1s"), "[silent] hangup(18)");
    assert_eq!(ends(nodes, "begin up heard 7"), "[wrong] hangup(21)");
    let digits = "digits: { min: 2, max: 2 }, save: x, ok: z";
    let nodes = nodes
        .replace("menu,", "collect,")
        .replace("keys: { \"1\": z }", digits);
    assert_eq!(
        ends(&nodes, "begin up heard +4s +1s"),
        "[silent] hangup(18)"
    );
    assert_eq!(ends(&nodes, "begin up heard 7#"), "[wrong] hangup(21)");
}

/// A play, so that keys can be typed ahead; then what is asked.
fn after_a_play(asks: &str) -> String {
    format!(
        "
  a: {{ type: play, prompt: [welcome], next: ask }}
  ask: {{ type: {asks} }}
  more: {{ type: menu, prompt: [more], keys: {{ \"1\": z }}, no_input: z, no_match: z }}
  z: {{ type: hangup }}
"
    )
}

#[test]
fn keys_after_a_wrong_one_were_meant_for_somewhere_else() {
    let menu = after_a_play(
        "menu, prompt: [ask], reprompt: [again], keys: { \"1\": more }, on_failure: more",
    );
    assert_eq!(ends(&menu, "begin up 71 heard"), "[ask] play(en/again)");
    assert_eq!(ends(&menu, "begin up 11 heard"), "[ask] [more] [z] hangup");
    let collect = after_a_play(
        "collect, prompt: [ask], reprompt: [again], digits: { min: 2, max: 3 }, save: x, ok: more, on_failure: more",
    );
    assert_eq!(
        ends(&collect, "begin up 1#123 heard"),
        "[ask] play(en/again)"
    );
    assert_eq!(
        ends(&collect, "begin up 1231 heard"),
        "[ask] [more] [z] hangup"
    );
    let survey = after_a_play(
        "survey, prompt: [ask], keys: { \"5\": 5 }, save: x, retries: 0, barge_in: false, next: more",
    );
    assert_eq!(
        ends(&survey, "begin up heard 71 heard"),
        "[more] play(en/more)"
    );
}

#[test]
fn a_prompt_that_cannot_be_cut_is_heard_and_its_keys_are_kept() {
    let menu = after_a_play(
        "menu, prompt: [ask], keys: { \"5\": more }, barge_in: false, on_failure: more",
    );
    let collect = after_a_play(
        "collect, prompt: [ask], digits: { max: 1 }, save: x, barge_in: false, ok: more, on_failure: more",
    );
    for nodes in [menu, collect] {
        let asked = "[ask] play(en/ask)";
        assert_eq!(ends(&nodes, "begin up 5 heard"), asked, "{nodes}");
        assert_eq!(ends(&nodes, "begin up heard 5"), "", "{nodes}");
        let then = "[more] play(en/more)";
        assert_eq!(ends(&nodes, "begin up 5 heard heard"), then, "{nodes}");
        assert_eq!(ends(&nodes, "begin up heard 5 heard"), then, "{nodes}");
    }
    let survey = after_a_play(
        "survey, prompt: [ask], keys: { \"5\": 5 }, save: x, barge_in: false, next: more",
    );
    let then = "survey(x 5) [more] play(en/more)";
    assert_eq!(ends(&survey, "begin up heard 5 heard"), then);
}

#[test]
fn digits_are_asked_for_in_other_words_the_second_time() {
    let nodes = "
  a: { type: collect, prompt: [ask], reprompt: [again], digits: { max: 4 }, save: x, retries: 1, ok: z, on_failure: z }
  z: { type: hangup }
";
    assert_eq!(ends(nodes, "begin up"), "[a] play(en/ask)");
    // One digit is the least where nothing is written.
    assert_eq!(ends(nodes, "begin up heard #"), "play(en/again)");
    assert_eq!(ends(nodes, "begin up heard # heard #"), "[z] hangup");
}

#[test]
fn a_star_begins_an_entry_again() {
    let nodes = "
  a: { type: collect, prompt: [ask], digits: { max: 4 }, save: x, ok: z, on_failure: z }
  z: { type: hangup, prompt: [{ digits: vars.x }] }
";
    assert_eq!(
        ends(nodes, "begin up heard 9*12#"),
        "[z] play(en/number/1 en/number/2)"
    );
    let star = nodes.replace("max: 4", "max: 4, end_key: \"*\"");
    assert_eq!(
        ends(&star, "begin up heard 9#12*"),
        "[z] play(en/number/1 en/number/2)"
    );
}

#[test]
fn an_entry_that_comes_to_nothing_leaves_the_variable_as_it_was() {
    let nodes = |before: &str, more: &str| {
        format!(
            "
vars: {{ x: {before} }}
nodes:
  a: {{ type: collect, prompt: [ask], digits: {{ min: 2, max: 2 }}, save: x, retries: 0, {more}, ok: z, on_failure: e }}
  e: {{ type: branch, when: [{{ if: vars.x == null, then: none }}, {{ if: 'vars.x == \"kept\"', then: kept }}], else: z }}
  none: {{ type: hangup, cause: 31 }}
  kept: {{ type: hangup, cause: 41 }}
  z: {{ type: hangup }}
"
        )
    };
    let head = "version: 1\nflow: f\nstart: a\nlanguages: [en]";
    let confirm = "confirm: true";
    for (more, script) in [
        ("check: 'vars.x == \"00\"'", "12"),
        (confirm, "12 2"),
        (confirm, "12 heard 7"),
        (confirm, "12 heard +5s"),
    ] {
        for (before, ends_by) in [("null", "[none] hangup(31)"), ("kept", "[kept] hangup(41)")] {
            let text = format!("{head}{}", nodes(before, more));
            let said = ends(&text, &format!("begin up heard {script}"));
            assert!(said.ends_with(ends_by), "{more} {script} {before}: {said}");
        }
    }
}

#[test]
fn a_confirmation_hears_only_its_own_keys() {
    let confirm = |more: &str| {
        after_a_play(&format!(
            "collect, prompt: [ask], digits: {{ min: 2, max: 2 }}, save: x, confirm: true, {more} ok: more, on_failure: z"
        ))
    };
    let asks = "play(en/collect/you-entered en/number/1 en/number/2 en/collect/confirm)";
    let usual = confirm("");
    // The key was there before the question.
    assert_eq!(ends(&usual, "begin up 121 heard"), format!("[ask] {asks}"));
    assert_eq!(
        ends(&usual, "begin up 121 heard 1"),
        "stop [more] play(en/more)"
    );
    // Many a caller ends an entry with a key that it does not need.
    assert_eq!(ends(&usual, "begin up 12 heard #"), "");
    assert_eq!(ends(&usual, "begin up 12 heard heard #"), asks);
    let whole = confirm("barge_in: false,");
    for key in ["1", "2"] {
        assert_eq!(ends(&whole, &format!("begin up 12 heard heard {key}")), "");
    }
    assert_eq!(
        ends(&whole, "begin up 12 heard heard heard 1"),
        "[more] play(en/more)"
    );
    // Nobody can answer a question that nobody hears.
    let silent = usual.replace(
        "confirm: true",
        "confirm: { prompt: [{ digits: caller.name }] }, retries: 0",
    );
    assert_eq!(ends(&silent, "begin up 12 heard +0s"), "[z] hangup");
}

#[test]
fn a_prompt_is_repeated_as_often_as_it_says() {
    let nodes = |repeat: &str| {
        format!(
            "  a: {{ type: play, prompt: [x], repeat: {repeat}, next: z }}\n  z: {{ type: hangup }}\n"
        )
    };
    for (repeat, heard) in [("0", 1), ("1", 1), ("3", 3), ("10", 10)] {
        let script = format!("begin up{}", " heard".repeat(heard));
        let told = story(&nodes(repeat), &script);
        assert_eq!(told.matches("play(en/x)").count(), heard, "{repeat}");
        assert!(told.ends_with("[z] hangup\n"), "{told}");
    }
    assert!(try_load(&whole(&nodes("11"))).is_err());
}

#[test]
fn a_prompt_without_anything_to_say_is_over_at_once() {
    let nodes = "
  a: { type: play, prompt: [{ digits: caller.name }], next: z }
  z: { type: hangup, prompt: [{ digits: caller.name }], cause: 21 }
";
    let said = "[a] fault(a expression) [z] fault(z expression) hangup(21)";
    assert_eq!(ends(nodes, "begin up"), said);
    let nodes = nodes.replace("{ digits: caller.name }", "x");
    assert_eq!(ends(&nodes, "begin up heard heard"), "hangup(21)");
}

#[test]
fn so_many_keys_are_kept_and_no_more() {
    let nodes = after_a_play(
        "collect, prompt: [ask], digits: { min: 32, max: 32, end_key: none }, save: x, ok: more, on_failure: z",
    );
    let keys = |count: usize| ends(&nodes, &format!("begin up {} heard", "1".repeat(count)));
    assert_eq!(keys(31), "[ask]");
    assert_eq!(keys(32), "[ask] [more] play(en/more)");
    assert_eq!(keys(40), "[ask] [more] play(en/more)");
}
