use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::model::{Level, QueueName, Skill};

fn level(level: u8) -> Level {
    Level::new(level).unwrap()
}

/// `support:3 lang:1`.
fn requirement(text: &str) -> Requirement {
    let pairs = text.split_whitespace().map(|pair| {
        let (skill, least) = pair.split_once(':').unwrap();
        (Skill::new(skill), level(least.parse().unwrap()))
    });
    pairs.collect()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[expect(clippy::disallowed_methods, reason = "any moment serves as a start")]
fn any_moment() -> Instant {
    Instant::now()
}

fn relax(skill: &str, to: Option<u8>) -> Action {
    Action::Relax(BTreeMap::from([(Skill::new(skill), to.map(level))]))
}

/// The queue of the contract: every kind of step, every announcement.
fn support() -> Settings {
    let steps = [
        (30, relax("support", None)),
        (45, Action::Also(requirement("sales:5"))),
        (60, Action::Priority(20)),
        (90, Action::Line(LineName::new("tier2"))),
    ];
    Settings {
        requires: requirement("support:5"),
        priority: 10,
        max_wait: seconds(120),
        announce: Announce {
            position: true,
            estimated_wait: false,
            every: Some(seconds(40)),
        },
        escalate: steps
            .map(|(after, action)| Step {
                after: seconds(after),
                action,
            })
            .into(),
        ..Settings::named(QueueName::new("support"))
    }
}

fn show(output: &WaitOutput) -> String {
    match output {
        WaitOutput::Step { number, line: None } => format!("step {number}"),
        WaitOutput::Step {
            number,
            line: Some(line),
        } => format!("step {number} to {line}"),
        WaitOutput::Announce {
            position,
            estimated_wait,
        } => match (position, estimated_wait) {
            (true, true) => "both".to_owned(),
            (true, false) => "position".to_owned(),
            (false, true) => "estimate".to_owned(),
            (false, false) => "nothing".to_owned(),
        },
        WaitOutput::Comfort { message } => format!("comfort {message}"),
        WaitOutput::TimedOut => "timed out".to_owned(),
    }
}

/// What comes out when it is woken exactly when it asks to be, at most so often: the
/// second, and what was due then.
fn punctual(settings: Settings, asked: Asked, wakes: usize) -> Vec<String> {
    let start = any_moment();
    let mut wait = Wait::new(Arc::new(settings), asked, start);
    let mut lines = Vec::new();
    for _ in 0..wakes {
        let Some(due) = wait.deadline() else { break };
        let mut out = Vec::new();
        wait.handle(due, &mut out);
        assert!(!out.is_empty(), "woken for nothing");
        for output in &out {
            lines.push(format!("{} {}", wait.waited(due).as_secs(), show(output)));
        }
    }
    lines
}

#[test]
fn everything_comes_when_it_is_due() {
    assert_eq!(
        punctual(support(), Asked::default(), 100),
        [
            "2 position",
            "30 step 1",
            "42 position",
            "45 step 2",
            "60 step 3",
            "82 position",
            "90 step 4 to tier2",
            "120 timed out"
        ]
    );
}

#[test]
fn what_the_caller_asked_for_goes_before_the_queue() {
    let announce = |position, estimated_wait, every| Announce {
        position,
        estimated_wait,
        every,
    };
    let cases: [(Asked, &[&str]); 6] = [
        (
            Asked {
                max_wait: Some(seconds(31)),
                ..Asked::default()
            },
            &["2 position", "30 step 1", "31 timed out"],
        ),
        (
            Asked {
                max_wait: Some(Duration::ZERO),
                ..Asked::default()
            },
            &["0 timed out"],
        ),
        (
            Asked {
                announce: Some(announce(false, false, Some(seconds(1)))),
                max_wait: Some(seconds(40)),
                ..Asked::default()
            },
            &["30 step 1", "40 timed out"],
        ),
        (
            Asked {
                announce: Some(announce(true, true, None)),
                max_wait: Some(seconds(30)),
                ..Asked::default()
            },
            &["2 both", "30 step 1", "30 timed out"],
        ),
        (
            Asked {
                escalate: Some(ladder(&[(5, false), (50, true)]).into()),
                announce: Some(Announce::default()),
                ..Asked::default()
            },
            &["5 step 1", "50 step 2 to away", "120 timed out"],
        ),
        (
            Asked {
                escalate: Some([].into()),
                announce: Some(Announce::default()),
                ..Asked::default()
            },
            &["120 timed out"],
        ),
    ];
    for (asked, expected) in cases {
        assert_eq!(
            punctual(support(), asked.clone(), 100),
            expected,
            "{asked:?}"
        );
    }
}

#[test]
fn who_leaves_at_that_moment_hears_no_announcement() {
    let asked = Asked {
        max_wait: Some(seconds(42)),
        ..Asked::default()
    };
    let lines = punctual(support(), asked, 100);
    assert_eq!(lines, ["2 position", "30 step 1", "42 timed out"]);
}

#[test]
fn an_interval_of_nothing_does_not_announce_for_ever() {
    let mut settings = support();
    settings.announce.every = Some(Duration::ZERO);
    assert_eq!(
        punctual(settings, Asked::default(), 3),
        ["2 position", "3 position", "4 position"]
    );
}

#[test]
fn a_wait_beyond_the_clock_never_ends() {
    let mut settings = support();
    settings.max_wait = Duration::MAX;
    settings.announce.every = Some(Duration::MAX);
    let lines = punctual(settings, Asked::default(), 100);
    assert_eq!(lines.len(), 5, "{lines:?}");
    assert_eq!(lines.last().unwrap(), "90 step 4 to tier2");
}

#[test]
fn a_late_tick_does_what_is_due_in_order_up_to_the_line() {
    let start = any_moment();
    let mut wait = Wait::new(Arc::new(support()), Asked::default(), start);
    let (mut out, late) = (Vec::new(), start + seconds(500));
    wait.handle(late, &mut out);
    let shown: Vec<_> = out.iter().map(show).collect();
    assert_eq!(
        shown,
        ["position", "step 1", "step 2", "step 3", "step 4 to tier2"]
    );
    assert!(wait.deadline().unwrap() <= late);
    out.clear();
    wait.handle(late, &mut out);
    assert_eq!(out, [WaitOutput::TimedOut]);
    assert_eq!((wait.deadline(), wait.started()), (None, start));
    out.clear();
    wait.handle(late + seconds(500), &mut out);
    assert_eq!(out, []);
}

#[test]
fn each_step_makes_the_class_wider_and_the_age_stays() {
    let start = any_moment();
    let asked = Asked {
        require: requirement("support:2 lang.nl:3"),
        priority: -3,
        ..Asked::default()
    };
    let mut wait = Wait::new(Arc::new(support()), asked, start);
    let rows = [
        (0, "support:5 lang.nl:3", "", 7),
        (30, "lang.nl:3", "", 7),
        (45, "lang.nl:3", "sales:5", 7),
        (60, "lang.nl:3", "sales:5", 27),
        (90, "lang.nl:3", "sales:5", 27),
    ];
    for (at, requires, also, priority) in rows {
        wait.handle(start + seconds(at), &mut Vec::new());
        let also: Vec<_> = (!also.is_empty())
            .then(|| requirement(also))
            .into_iter()
            .collect();
        let expected = ClassKey {
            queue: QueueName::new("support"),
            requires: requirement(requires),
            also,
            prefer: Requirement::default(),
            strategy: crate::dispatch::Strategy::default(),
            priority,
        };
        assert_eq!(wait.class(), expected, "at {at} s");
        assert_eq!(wait.started(), start);
    }
}

#[test]
fn sums_of_priorities_stop_at_the_ends() {
    for (queue, call, steps, sum) in [
        (0, 0, [0, 0], 0),
        (60, 30, [20, -5], 100),
        (100, 100, [100, 100], 100),
        (-100, -100, [-100, 100], -100),
        // Cut once, at the end: what was over it is still there to take away from.
        (100, 100, [0, -20], 100),
        (100, 0, [50, -70], 80),
        (i16::MAX, 100, [100, 0], 100),
    ] {
        let mut settings = support();
        settings.priority = queue;
        settings.escalate = steps
            .map(|more| Step {
                after: seconds(1),
                action: Action::Priority(more),
            })
            .into();
        let asked = Asked {
            priority: call,
            ..Asked::default()
        };
        let start = any_moment();
        let mut wait = Wait::new(Arc::new(settings), asked, start);
        wait.handle(start + seconds(1), &mut Vec::new());
        assert_eq!(wait.class().priority, sum, "{queue} + {call} + {steps:?}");
    }
}

#[test]
fn the_same_also_counts_once() {
    let mut settings = support();
    for step in &mut settings.escalate {
        step.action = Action::Also(requirement("sales:5"));
    }
    let start = any_moment();
    let mut wait = Wait::new(Arc::new(settings), Asked::default(), start);
    wait.handle(start + seconds(119), &mut Vec::new());
    assert_eq!(wait.class().also, [requirement("sales:5")]);
}

#[test]
fn the_callers_own_steps_widen_in_the_place_of_the_queues() {
    let steps = [
        (1, relax("support", Some(2))),
        (2, Action::Priority(5)),
        (3, Action::Also(requirement("billing:1"))),
    ];
    let steps = steps.map(|(after, action)| Step {
        after: seconds(after),
        action,
    });
    let asked = Asked {
        escalate: Some(steps.into()),
        ..Asked::default()
    };
    let start = any_moment();
    let mut wait = Wait::new(Arc::new(support()), asked, start);
    wait.handle(start + seconds(100), &mut Vec::new());
    let class = wait.class();
    assert_eq!(class.requires, requirement("support:2"));
    assert_eq!(class.also, [requirement("billing:1")]);
    assert_eq!(class.priority, 15);
}

#[test]
fn a_hurried_step_is_not_taken_again_and_the_next_keeps_its_time() {
    let start = any_moment();
    let mut wait = Wait::new(Arc::new(support()), Asked::default(), start);
    assert_eq!(wait.hurry().as_ref().map(show), Some("step 1".to_owned()));
    assert_eq!(wait.class().requires, Requirement::default());
    let mut out = Vec::new();
    wait.handle(start + seconds(44), &mut out);
    assert_eq!(
        out.iter().map(show).collect::<Vec<_>>(),
        ["position"],
        "the step of 30 s is over"
    );
    out.clear();
    wait.handle(start + seconds(60), &mut out);
    let shown: Vec<_> = out.iter().map(show).collect();
    assert_eq!(shown, ["step 2", "step 3"]);
    let line = wait.hurry();
    assert_eq!(line.as_ref().map(show), Some("step 4 to tier2".to_owned()));
    assert_eq!(wait.hurry(), None, "no step is left");
    assert_eq!(wait.deadline(), Some(start + seconds(84)));
}

#[test]
fn a_wait_that_is_over_cannot_be_hurried() {
    let start = any_moment();
    let asked = Asked {
        max_wait: Some(seconds(1)),
        ..Asked::default()
    };
    let mut wait = Wait::new(Arc::new(support()), asked, start);
    wait.handle(start + seconds(1), &mut Vec::new());
    assert_eq!(wait.hurry(), None);
}

#[test]
fn another_priority_is_the_calls_own_and_the_rest_is_added_as_before() {
    let start = any_moment();
    let mut wait = Wait::new(Arc::new(support()), Asked::default(), start);
    wait.handle(start + seconds(60), &mut Vec::new());
    for (own, sum) in [(0, 30), (40, 70), (-40, -10), (100, 100)] {
        wait.prioritize(own);
        assert_eq!(wait.class().priority, sum, "{own}");
    }
}

/// Steps at these seconds, some of them to lines.
fn ladder(afters: &[(u64, bool)]) -> Vec<Step> {
    let mut afters = afters.to_vec();
    afters.sort_unstable();
    afters
        .into_iter()
        .map(|(after, line)| Step {
            after: seconds(after),
            action: if line {
                Action::Line(LineName::new("away"))
            } else {
                Action::Priority(1)
            },
        })
        .collect()
}

/// The steps that were taken, and whether each led to a line.
fn taken(all: &[WaitOutput]) -> Vec<(usize, bool)> {
    let steps = all.iter().filter_map(|output| match output {
        WaitOutput::Step { number, line } => Some((*number, line.is_some())),
        WaitOutput::Announce { .. } | WaitOutput::Comfort { .. } | WaitOutput::TimedOut => None,
    });
    steps.collect()
}

/// The same of so many that are written.
fn first(steps: &[Step], count: usize) -> Vec<(usize, bool)> {
    let numbered = steps.iter().zip(1..).take(count);
    numbered
        .map(|(step, number)| (number, matches!(step.action, Action::Line(_))))
        .collect()
}

proptest! {
    #[test]
    fn steps_come_once_and_in_order_whatever_the_ticks(
        afters in prop::collection::vec((0..100_u64, any::<bool>()), 0..8),
        max_wait in 0..120_u64,
        every in prop::option::of(0..40_u64),
        mut ticks in prop::collection::vec(0..150_000_u64, 1..40),
    ) {
        ticks.sort_unstable();
        let mut settings = support();
        settings.escalate = ladder(&afters);
        settings.max_wait = seconds(max_wait);
        settings.announce.every = every.map(seconds);
        let steps = settings.escalate.clone();
        let start = any_moment();
        let mut wait = Wait::new(Arc::new(settings), Asked::default(), start);
        let mut all = Vec::new();
        for tick in &ticks {
            let now = start + Duration::from_millis(*tick);
            // Who stays after a step to a line asks again.
            while wait.deadline().is_some_and(|due| due <= now) {
                let before = all.len();
                wait.handle(now, &mut all);
                prop_assert!(all.len() > before);
            }
            let spare = all.len();
            wait.handle(now, &mut all);
            prop_assert_eq!(all.len(), spare, "a spare tick does nothing");
            // What was due by now, and nothing else, has been done.
            let due = steps.iter().filter(|s| s.after <= wait.waited(now) && s.after <= seconds(max_wait));
            let taken = all.iter().filter(|o| matches!(o, WaitOutput::Step { .. }));
            prop_assert_eq!(taken.count(), due.count());
            let over = all.contains(&WaitOutput::TimedOut);
            prop_assert_eq!(over, wait.waited(now) >= seconds(max_wait));
        }
        let taken = taken(&all);
        prop_assert_eq!(&taken, &first(&steps, taken.len()));
        let end = all.iter().position(|o| *o == WaitOutput::TimedOut);
        prop_assert!(end.is_none_or(|at| at + 1 == all.len()), "the end is last and once");
        prop_assert_eq!(wait.deadline().is_none(), end.is_some());
    }
}

proptest! {
    #[test]
    fn hurried_or_on_time_each_step_comes_once_and_in_order(
        afters in prop::collection::vec((0..60_u64, any::<bool>()), 0..8),
        own in any::<bool>(),
        moves in prop::collection::vec((0..10_u64, any::<bool>()), 0..40),
    ) {
        let steps = ladder(&afters);
        let (mut settings, mut asked) = (support(), Asked::default());
        if own {
            asked.escalate = Some(steps.clone().into());
        } else {
            settings.escalate = steps.clone();
        }
        let mut now = any_moment();
        let mut wait = Wait::new(Arc::new(settings), asked, now);
        let mut all = Vec::new();
        for (pause, hurry) in moves {
            now += seconds(pause);
            if hurry {
                all.extend(wait.hurry());
            } else {
                wait.handle(now, &mut all);
            }
        }
        let taken = taken(&all);
        prop_assert_eq!(&taken, &first(&steps, taken.len()));
    }
}

#[test]
fn messages_come_between_announcements_and_take_turns() {
    let pace = |after, every: Option<u64>| Pace {
        after: seconds(after),
        every: every.map(seconds),
    };
    let asked = Asked {
        comfort: Arc::new([pace(10, Some(40)), pace(30, Some(40)), pace(20, None)]),
        escalate: Some(Arc::new([])),
        ..Asked::default()
    };
    let expected = [
        "2 position",
        "10 comfort 0",
        "20 comfort 2",
        "30 comfort 1",
        "42 position",
        "50 comfort 0",
        "70 comfort 1",
        "82 position",
    ];
    assert_eq!(punctual(support(), asked, 8), expected);
}
