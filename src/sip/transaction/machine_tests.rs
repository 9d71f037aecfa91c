//! The four machines against whatever may happen to them, in any order, at any time.

#![expect(clippy::disallowed_methods, reason = "any instant will do")]

use std::fmt::Debug;
use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::timers::GIVE_UP;
use super::{
    Client, ClientEffect, ClientInput, InviteClient, InviteClientEffect, InviteClientInput,
    InviteServer, InviteServerEffect, InviteServerInput, Server, ServerEffect, ServerInput,
};

/// A resend every T2, and the doubled ones before it.
const TICKS: usize = 16;

/// What the four have in common.
trait Machine {
    type Input: Copy + Debug + PartialEq + 'static;
    type Effect: Copy + Debug + PartialEq;
    const INPUTS: &'static [Self::Input];
    const TICK: Self::Input;
    const NOTHING: Self::Effect;

    fn step(&mut self, input: Self::Input, now: Instant) -> Self::Effect;
    fn wants_tick_at(&self) -> Option<Instant>;
    fn is_gone(&self) -> bool;
    /// Whether the user was told, or has said, how it ended.
    fn is_end(input: Self::Input, effect: Self::Effect) -> bool;
}

macro_rules! machine {
    ($name:ident, $input:ident, $effect:ident, [$($word:ident),*], $is_end:expr) => {
        impl Machine for $name {
            type Input = $input;
            type Effect = $effect;
            const INPUTS: &'static [$input] = &[$($input::$word),*];
            const TICK: $input = $input::Tick;
            const NOTHING: $effect = $effect::Nothing;

            fn step(&mut self, input: $input, now: Instant) -> $effect {
                self.handle(input, now)
            }

            fn wants_tick_at(&self) -> Option<Instant> {
                self.deadline()
            }

            fn is_gone(&self) -> bool {
                self.is_over()
            }

            fn is_end(input: $input, effect: $effect) -> bool {
                let is_end: fn($input, $effect) -> bool = $is_end;
                is_end(input, effect)
            }
        }
    };
}

machine!(
    Client,
    ClientInput,
    ClientEffect,
    [Provisional, Final, Tick],
    |input, effect| match effect {
        ClientEffect::Report => input == ClientInput::Final,
        ClientEffect::TimedOut => true,
        ClientEffect::Nothing | ClientEffect::Resend => false,
    }
);
machine!(
    InviteClient,
    InviteClientInput,
    InviteClientEffect,
    [Provisional, Success, Failure, Cancelled, Tick],
    |input, effect| match effect {
        InviteClientEffect::Report => input == InviteClientInput::Success,
        InviteClientEffect::AckAndReport | InviteClientEffect::TimedOut => true,
        InviteClientEffect::Nothing
        | InviteClientEffect::Resend
        | InviteClientEffect::AckAgain
        | InviteClientEffect::AnotherSuccess => false,
    }
);
machine!(
    Server,
    ServerInput,
    ServerEffect,
    [Request, Provisional, Final, Tick],
    |input, effect| effect == ServerEffect::Send && input == ServerInput::Final
);
machine!(
    InviteServer,
    InviteServerInput,
    InviteServerEffect,
    [Invite, Ack, Provisional, Success, Failure, Tick],
    |input, effect| {
        effect == InviteServerEffect::Send && input != InviteServerInput::Provisional
    }
);

/// One machine and what was seen of it.
struct Watched<M> {
    machine: M,
    now: Instant,
    ends: u32,
}

impl<M: Machine> Watched<M> {
    fn step(&mut self, input: M::Input) -> Result<(), TestCaseError> {
        let gone = self.machine.is_gone();
        let effect = self.machine.step(input, self.now);
        self.ends += u32::from(M::is_end(input, effect));
        prop_assert!(self.ends <= 1, "a second end: {:?}", effect);
        if gone {
            prop_assert_eq!(effect, M::NOTHING);
        }
        prop_assert!(!gone || self.machine.is_gone(), "it came back");
        let wants = self.machine.wants_tick_at();
        prop_assert!(!self.machine.is_gone() || wants.is_none());
        if input == M::TICK {
            let later = wants.is_none_or(|at| at > self.now);
            prop_assert!(later, "a tick left something due");
        }
        Ok(())
    }

    /// Ticks alone, each at its time: until it wants none.
    fn wait(&mut self) -> Result<(), TestCaseError> {
        let start = self.now;
        for _ in 0..TICKS {
            let Some(at) = self.machine.wants_tick_at() else {
                return Ok(());
            };
            self.now = self.now.max(at);
            self.step(M::TICK)?;
        }
        let lasts = self.now - start;
        prop_assert!(false, "ticks without end, for {lasts:?}");
        Ok(())
    }
}

/// How a machine stands after those steps, each so many milliseconds after the one before,
/// and after as much waiting as it wants.
fn watch<M: Machine>(
    new: fn(bool, Instant) -> M,
    reliable: bool,
    steps: &[(M::Input, u64)],
) -> Result<Watched<M>, TestCaseError> {
    let now = Instant::now();
    let machine = new(reliable, now);
    let mut watched = Watched {
        machine,
        now,
        ends: 0,
    };
    for (input, after) in steps {
        watched.now += Duration::from_millis(*after);
        watched.step(*input)?;
    }
    let idle = watched.now;
    watched.wait()?;
    prop_assert!(watched.now <= idle + GIVE_UP, "it stays for too long");
    Ok(watched)
}

fn steps<M: Machine>() -> impl Strategy<Value = Vec<(M::Input, u64)>> {
    // Most come together, some when timers have run out.
    let after = prop_oneof![4 => 0..1_000_u64, 1 => 0..40_000_u64];
    vec((select(M::INPUTS), after), 0..25)
}

proptest! {
    #[test]
    fn a_request_of_ours_ends_once(reliable: bool, steps in steps::<Client>()) {
        let watched = watch(Client::new, reliable, &steps)?;
        prop_assert!(watched.machine.is_over());
        prop_assert_eq!(watched.ends, 1);
    }

    /// One that rings may ring on; whoever cancels it is told within 64 × T1.
    #[test]
    fn an_invite_of_ours_ends_once_or_rings(
        reliable: bool,
        steps in steps::<InviteClient>(),
    ) {
        let mut watched = watch(InviteClient::new, reliable, &steps)?;
        if watched.machine.may_cancel() {
            prop_assert_eq!(watched.ends, 0);
            watched.step(InviteClientInput::Cancelled)?;
            watched.wait()?;
        }
        prop_assert!(watched.machine.is_over());
        prop_assert_eq!(watched.ends, 1);
    }

    #[test]
    fn a_request_that_we_answer_is_forgotten(reliable: bool, steps in steps::<Server>()) {
        let watched = watch(Server::new, reliable, &steps)?;
        prop_assert!(watched.machine.is_over());
    }

    /// One that the user has not answered waits for the user.
    #[test]
    fn an_invite_that_we_answer_is_forgotten_when_it_is_answered(
        reliable: bool,
        steps in steps::<InviteServer>(),
    ) {
        let mut watched = watch(InviteServer::new, reliable, &steps)?;
        prop_assert_eq!(watched.machine.is_proceeding(), watched.ends == 0);
        if watched.machine.is_proceeding() {
            watched.step(InviteServerInput::Failure)?;
            watched.wait()?;
        }
        prop_assert!(watched.machine.is_over());
    }
}
