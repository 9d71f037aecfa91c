//! Calls, step by step.

use super::*;

const MENU: &str = "
  a: { type: menu, prompt: [ask], reprompt: [again], keys: { \"1\": q, \"2\": b, \"*\": a }, timeout: 5s, retries: 1, on_failure: bye }
  q: { type: queue, queue: support, answered: bye, timeout: bye, full: bye, no_operators: bye, error: bye }
  b: { type: hangup, prompt: [sorry] }
  bye: { type: hangup, prompt: [goodbye] }
";

#[test]
fn a_key_stops_the_prompt_and_goes_on() {
    check(
        MENU,
        "begin up 1 queue:answered heard",
        &expect![[r#"
        begin: answer
        up: [a] play(en/ask)
        1: stop [q] queue(support 0)
        queue:answered: [bye] play(en/goodbye)
        heard: hangup
    "#]],
    );
}

#[test]
fn a_menu_waits_asks_again_and_gives_up() {
    check(
        MENU,
        "begin up heard +4s +1s heard 7 heard",
        &expect![[r#"
        begin: answer
        up: [a] play(en/ask)
        heard:
        +4s:
        +1s: play(en/again)
        heard:
        7: [bye] play(en/goodbye)
        heard: hangup
    "#]],
    );
}

#[test]
fn a_menu_may_lead_to_itself() {
    check(
        MENU,
        "begin up * heard 2 2 heard",
        &expect![[r#"
        begin: answer
        up: [a] play(en/ask)
        *: stop [a] play(en/ask)
        heard:
        2: [b] play(en/sorry)
        2:
        heard: hangup
    "#]],
    );
}

#[test]
fn keys_typed_ahead_are_kept_for_the_next_menu() {
    let nodes = "
  a: { type: play, prompt: [welcome], next: m }
  m: { type: menu, prompt: [ask], keys: { \"1\": n }, on_failure: bye }
  n: { type: menu, prompt: [more], keys: { \"2\": bye }, on_failure: bye, barge_in: false }
  bye: { type: hangup }
";
    check(
        nodes,
        "begin 1 up 2 heard heard",
        &expect![[r#"
        begin: answer
        1:
        up: [a] play(en/welcome)
        2:
        heard: [m] [n] play(en/more)
        heard: [bye] hangup
    "#]],
    );
}

#[test]
fn a_play_with_barge_in_ends_at_a_key() {
    let nodes = "
  a: { type: play, prompt: [welcome], barge_in: true, next: m }
  m: { type: menu, prompt: [ask], keys: { \"1\": bye }, on_failure: bye }
  bye: { type: hangup }
";
    check(
        nodes,
        "begin up 1",
        &expect![[r#"
        begin: answer
        up: [a] play(en/welcome)
        1: stop [m] [bye] hangup
    "#]],
    );
}

const COLLECT: &str = "
  a: { type: collect, prompt: [pin], digits: { min: 2, max: 4 }, save: pin, sensitive: true, timeout: 5s, interdigit: 2s, retries: 1, ok: good, on_failure: bye, check: 'vars.pin != \"9999\"' }
  good: { type: switch, on: vars.pin, cases: { \"1234\": bye }, default: other }
  other: { type: hangup, prompt: [other] }
  bye: { type: hangup, prompt: [goodbye] }
";

#[test]
fn digits_end_at_the_last_the_end_key_or_a_pause() {
    check(
        COLLECT,
        "begin up 1234",
        &expect![[r#"
        begin: answer
        up: [a] play(en/pin) secret
        1234: stop
        1234:
        1234:
        1234: [good] [bye] play(en/goodbye) open
    "#]],
    );
    check(
        COLLECT,
        "begin up heard 12#",
        &expect![[r#"
        begin: answer
        up: [a] play(en/pin) secret
        heard:
        12#:
        12#:
        12#: [good] [other] play(en/other) open
    "#]],
    );
    check(
        COLLECT,
        "begin up heard 12 +1s +1s",
        &expect![[r#"
        begin: answer
        up: [a] play(en/pin) secret
        heard:
        12:
        12:
        +1s:
        +1s: [good] [other] play(en/other) open
    "#]],
    );
    check(
        COLLECT,
        "begin up heard 1*12#",
        &expect![[r#"
        begin: answer
        up: [a] play(en/pin) secret
        heard:
        1*12#:
        1*12#:
        1*12#:
        1*12#:
        1*12#: [good] [other] play(en/other) open
    "#]],
    );
}

#[test]
fn digits_too_few_refused_or_none_are_asked_again() {
    check(
        COLLECT,
        "begin up heard 1# heard 9999",
        &expect![[r#"
        begin: answer
        up: [a] play(en/pin) secret
        heard:
        1#:
        1#: play(en/pin)
        heard:
        9999:
        9999:
        9999:
        9999: [bye] play(en/goodbye) open
    "#]],
    );
    check(
        COLLECT,
        "begin up heard +5s heard +5s",
        &expect![[r#"
        begin: answer
        up: [a] play(en/pin) secret
        heard:
        +5s: play(en/pin)
        heard:
        +5s: [bye] play(en/goodbye) open
    "#]],
    );
}

#[test]
fn sensitive_digits_are_never_shown() {
    let nodes = "
  a: { type: collect, prompt: [pin], digits: { max: 4 }, save: pin, sensitive: true, ok: b, on_failure: bye }
  b: { type: set, vars: { copy: 'x${vars.pin}' }, tags: ['p${vars.pin}', plain], next: c }
  c: { type: play, prompt: [{ digits: vars.pin }, { digits: vars.copy }, done], next: m }
  m: { type: menu, prompt: [ask], keys: { \"1\": bye }, on_failure: bye }
  bye: { type: hangup }
";
    // Nothing that can be seen depends on the digits.
    let flow = flow(nodes);
    let now = any_instant();
    let shown = |digits: &str| {
        let mut call = Call::at(Arc::clone(&flow), now);
        let mut shown = String::new();
        let keys = digits.chars().map(Input::Key);
        for input in [Input::Begin, Input::Answered].into_iter().chain(keys) {
            let shown_input = format!("{input:?}");
            let said = call.say(input);
            writeln!(shown, "{shown_input} {said} {:?}", call.run).unwrap();
        }
        for value in call.run.vars().values() {
            writeln!(shown, "{value} {value:?}").unwrap();
        }
        let tags: Vec<_> = call.run.tags().iter().map(|tag| &**tag).collect();
        assert_eq!(tags, ["plain"]);
        assert_eq!(call.run.vars().len(), 2);
        shown
    };
    assert_eq!(shown("7391"), shown("2846"));
}

#[test]
fn set_branch_and_switch_decide_at_once() {
    let nodes = "
  a: { type: set, vars: { n: 3, name: 'caller ${caller.number}', sum: '${vars.n + 4}' }, language: nl, tags: ['l-${language}'], priority: 'vars.n * 10', next: b }
  b:
    type: branch
    when:
      - { if: 'vars.sum != 7', then: bye }
      - { if: 'queue.support.waiting > 100 || queue[\"tier-2\"].longest_wait < 60', then: bye }
      - { if: 'caller.number.startsWith(\"+31\") && hours.office == \"open\"', then: c }
    else: bye
  c: { type: switch, on: 'vars.n % 2', cases: { \"0\": bye, \"1\": q }, default: bye }
  q: { type: queue, queue: support, skills: { require: { support: 2, 'lang.${language}': 3 } }, answered: bye, timeout: bye, full: bye, no_operators: bye, error: bye }
  bye: { type: hangup }
";
    check(
        nodes,
        "begin up queue:error",
        &expect![[r#"
        begin: answer
        up: [a] [b] [c] [q] queue(support 30 lang.nl>=3 support>=2)
        queue:error: fault(q queue) [bye] hangup
    "#]],
    );
}

#[test]
fn an_expression_without_a_value_takes_the_other_way() {
    let nodes = "
  a: { type: branch, when: [{ if: '10 / vars.zero > 1', then: x }, { if: 'vars.none', then: x }], else: b }
  b: { type: switch, on: 'vars.none + 1', cases: { x: x }, default: c }
  c: { type: set, vars: { none: '${vars.zero / 0}' }, language: '${caller.number}', priority: 'vars.none', next: d }
  d: { type: play, prompt: [{ number: vars.none }, { number: '12345 - 12300' }], next: x }
  x: { type: hangup }
vars: { zero: 0, none: null }
";
    check(
        nodes,
        "begin up heard",
        &expect![[r#"
        begin: answer
        up: [a] fault(a expression) fault(a expression) [b] fault(b expression) [c] fault(c expression) fault(c expression) fault(c expression) [d] fault(d expression) play(en/number/40 en/number/5)
        heard: [x] hangup
    "#]],
    );
}

#[test]
fn a_call_is_refused_before_it_is_answered() {
    let nodes = "version: 1\nflow: f\nstart: a\nanswer: false\nnodes:
  a: { type: hours, calendar: office, open: b, closed: c }
  b: { type: play, prompt: [welcome], next: d }
  c: { type: reject, code: 480 }
  d: { type: hangup }
";
    check(
        nodes,
        "begin up heard",
        &expect![[r#"
            begin: [a] early
            up: [b] play(en/welcome)
            heard: [d] hangup
        "#]],
    );
    let reject =
        "version: 1\nflow: f\nstart: a\nanswer: false\nnodes:\n  a: { type: reject, code: 480 }\n";
    check(
        reject,
        "begin up +1s",
        &expect![[r#"
        begin: [a] reject(480)
        up:
        +1s:
    "#]],
    );
}

#[test]
fn whoever_is_cut_short_by_a_limit_hears_goodbye() {
    let nodes = "version: 1\nflow: f\nstart: a\nlimits: { max_steps: 2, max_minutes: 2 }\nnodes:
  a: { type: menu, prompt: [ask], keys: { \"1\": a }, timeout: 90s, no_input: a, no_match: z }
  z: { type: hangup }
";
    check(
        nodes,
        "begin up 1 1 5 heard",
        &expect![[r#"
        begin: answer
        up: [a] play(en/ask)
        1: stop [a] play(en/ask)
        1: stop fault(a limit) play(en/goodbye)
        5:
        heard: hangup
    "#]],
    );
    check(
        nodes,
        "begin up heard +90s heard +30s +2m",
        &expect![[r#"
            begin: answer
            up: [a] play(en/ask)
            heard:
            +90s: [a] play(en/ask)
            heard:
            +30s: fault(a limit) play(en/goodbye)
            +2m: fault(a limit) hangup
        "#]],
    );
    // Whoever hears nothing yet, or not in every language, is let go.
    let chain =
        "version: 1\nflow: f\nstart: a\nlanguages: [en, ru]\nlimits: { max_steps: 2 }\nnodes:
  a: { type: set, next: b }
  b: { type: set, next: c }
  c: { type: set, next: d }
  d: { type: hangup }
";
    check(
        chain,
        "begin up",
        &expect![[r#"
        begin: answer
        up: [a] [b] fault(b limit) hangup
    "#]],
    );
    let unheard = chain.replace("languages: [en, ru]", "answer: false");
    check(
        &unheard,
        "begin",
        &expect![[r#"
        begin: [a] [b] fault(b limit) hangup
    "#]],
    );
}

#[test]
fn limits_end_a_call_that_does_not_end() {
    let nodes = "version: 1\nflow: f\nstart: a\nlimits: { max_steps: 3, max_minutes: 2, on_limit: z }\nnodes:
  a: { type: menu, prompt: [ask], keys: { \"1\": a, \"2\": q }, timeout: 90s, no_input: a, no_match: a }
  q: { type: queue, queue: support, answered: a, timeout: z, full: z, no_operators: z, error: z }
  z: { type: hangup, prompt: [sorry] }
";
    check(
        nodes,
        "begin up 1 1 1 heard",
        &expect![[r#"
        begin: answer
        up: [a] play(en/ask)
        1: stop [a] play(en/ask)
        1: stop [a] play(en/ask)
        1: stop fault(a limit) [z] play(en/sorry)
        heard: hangup
    "#]],
    );
    check(
        nodes,
        "begin up heard +90s heard +30s +3m",
        &expect![[r#"
        begin: answer
        up: [a] play(en/ask)
        heard:
        +90s: [a] play(en/ask)
        heard:
        +30s: fault(a limit) [z] play(en/sorry)
        +3m: fault(z limit) hangup
    "#]],
    );
    check(
        nodes,
        "begin up 2 +1h queue:answered heard +2m",
        &expect![[r#"
            begin: answer
            up: [a] play(en/ask)
            2: stop [q] queue(support 0)
            +1h:
            queue:answered: [a] play(en/ask)
            heard:
            +2m: fault(a limit) [z] play(en/sorry)
        "#]],
    );
}

#[test]
fn inputs_that_nothing_waits_for_do_no_harm() {
    check(
        MENU,
        "heard up begin begin up up queue:timeout line:busy +0s 2 1 heard heard +1h 1",
        &expect![[r#"
            heard:
            up:
            begin: answer
            begin:
            up: [a] play(en/ask)
            up:
            queue:timeout:
            line:busy:
            +0s:
            2: stop [b] play(en/sorry)
            1:
            heard: hangup
            heard:
            +1h:
            1:
        "#]],
    );
}

proptest::proptest! {
    #[test]
    fn a_run_that_is_not_over_waits_for_something(script in proptest::collection::vec(0u8..16, 0..80)) {
        let mut call = Call::new(flow(WELCOME));
        call.say(Input::Begin);
        for step in script {
            let input = match step {
                0..=9 => Input::Key(char::from(b'0' + step)),
                10 => Input::Answered,
                11 => Input::Played,
                12 => Input::Returned(Returned::Queue(QueueExit::Timeout)),
                13 => Input::Returned(Returned::Queue(QueueExit::Key('1'))),
                _ => {
                    call.now += Duration::from_secs(u64::from(step));
                    Input::Tick
                }
            };
            call.say(input);
        }
        // Left alone, every wait but those of others comes to an end.
        for _ in 0..2000 {
            if call.run.is_over() {
                break;
            }
            if let Some(at) = call.run.deadline() {
                call.now = call.now.max(at);
            }
            for input in [Input::Tick, Input::Answered, Input::Played, Input::Returned(Returned::Queue(QueueExit::Answered))] {
                call.say(input);
            }
        }
        proptest::prop_assert!(call.run.is_over());
        proptest::prop_assert_eq!(call.run.deadline(), None);
    }
}

const WELCOME: &str = include_str!("../../../ivr-flows/welcome.yaml");

#[test]
fn items_are_spoken_in_the_language_that_the_caller_hears() {
    check(
        "
  a:
    type: set
    vars: { owed: \"12.50\", when: \"2026-03-02T10:15:00+01:00\", odd: \"soon\" }
    next: b
  b: { type: play, prompt: [{ money: vars.owed, currency: EUR }], next: c }
  c: { type: set, language: nl, next: d }
  d:
    type: play
    prompt:
      - { money: vars.owed, currency: EUR }
      - { ordinal: 21 }
      - { duration: 100, round: 1m }
      - { duration: '\"2h\"' }
      - { date: vars.when, weekday: true }
      - { time: vars.when }
      - { number: -21 }
      - { digits: caller.number }
    next: e
  e: { type: hangup, prompt: [{ time: vars.odd }, { date: vars.odd }, { money: vars.odd, currency: EUR }, { duration: vars.odd }, { ordinal: vars.odd }, { digits: vars.odd }, bye] }
",
        "begin up heard heard",
        &expect![[r#"
            begin: answer
            up: [a] [b] play(en/number/12 en/money/euros en/number/and en/number/50 en/money/cents)
            heard: [c] [d] play(nl/number/12 nl/money/euro nl/number/and nl/number/50 nl/money/cent nl/ordinal/1-and nl/ordinal/20 nl/number/2 nl/unit/minutes nl/number/2 nl/unit/hour nl/weekday/1 nl/number/2 nl/month/3 nl/number/2 nl/number/thousand nl/number/26 nl/number/10 nl/time/hour nl/number/15 nl/number/minus nl/number/21 nl/number/3 nl/number/1 nl/number/6 nl/number/1 nl/number/2 nl/number/3 nl/number/4 nl/number/5 nl/number/6 nl/number/7 nl/number/8)
            heard: [e] fault(e expression) fault(e expression) fault(e expression) fault(e expression) fault(e expression) fault(e expression) play(nl/bye)
        "#]],
    );
}

#[test]
fn a_text_that_depends_on_the_call_is_handed_on_to_be_spoken() {
    check(
        "
  a: { type: collect, prompt: [x], digits: { max: 2 }, save: pin, sensitive: true, ok: b, on_failure: b }
  b: { type: play, prompt: [{ say: { en: 'Hello ${caller.number}', nl: 'Dag ${called}' } }, bye], next: c }
  c: { type: set, language: nl, vars: { none: null }, next: d }
  d: { type: hangup, prompt: [{ say: { en: 'Hello ${called}', nl: 'Dag ${called}' } }, { say: 'PIN ${vars.pin}' }, { say: '${vars.none}' }] }
",
        "begin up 12 heard",
        &expect![[r#"
            begin: answer
            up: [a] play(en/x) secret
            12: stop
            12: [b] play(en/say/6eb0b6e155632cd7:"Hello +31612345678" en/bye) open
            heard: [c] [d] fault(d expression) fault(d expression) play(nl/say/413fc0be40949ffb:"Dag 1000")
        "#]],
    );
}

#[test]
fn a_text_is_said_in_the_language_that_the_caller_hears() {
    let nodes = "
  a: { type: play, prompt: [{ say: { en: Hello, nl: Hallo } }, { say: Centrale }], next: b }
  b: { type: set, language: nl, next: c }
  c: { type: hangup, prompt: [{ say: { en: Hello, nl: Hallo } }, { say: Centrale }] }
";
    // The names begin as `printf Hello | sha256sum` does.
    check(
        nodes,
        "begin up heard",
        &expect![[r#"
        begin: answer
        up: [a] play(en/say/185f8db32271fe25 en/say/684a15a2d07fa91a)
        heard: [b] [c] play(nl/say/753692ec36adb4c7 nl/say/684a15a2d07fa91a)
    "#]],
    );
    let flow = flow(nodes);
    let texts: Vec<_> = flow
        .texts()
        .map(|(language, _, text)| (language, text))
        .collect();
    let each = [
        ("en", "Hello"),
        ("en", "Centrale"),
        ("nl", "Hallo"),
        ("nl", "Centrale"),
    ];
    assert_eq!(texts, [each, each].concat());
    let sounds = flow.sounds();
    let goodbyes = ["en", "nl"].map(|language| (language.to_owned(), "goodbye".to_owned()));
    assert!(goodbyes.iter().all(|goodbye| sounds.contains(goodbye)));
    assert_eq!(sounds.len(), 4 + goodbyes.len());
    for (language, name, _) in flow.texts() {
        assert!(sounds.contains(&(language.to_owned(), name.to_owned())));
    }
}
