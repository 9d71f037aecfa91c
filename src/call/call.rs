//! The call: what it is, and what it hears.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::call::back::Back;
use crate::call::dial::Dial;
use crate::call::diverted::Way;
use crate::call::farewell::Parting;
use crate::call::floor::{Floor, leg_id};
use crate::call::in_queue::InQueue;
use crate::call::in_talk::Talk;
use crate::call::invite::Branch;
use crate::call::leg::{Leg, Side};
use crate::call::progress::Progress;
use crate::call::promise::Wanted;
use crate::call::recording::Recordings;
use crate::call::replace::Successor;
use crate::call::speaking::Speaking;
use crate::call::treatment::Promise;
use crate::call::{Destination, Given, Permit, Refer, Replacement, Snapshot};
use crate::dispatch::{Claim, Match};
use crate::flow::{self, AskId, Flow, Reply, Run};
use crate::media::{Command, Report};
use crate::model::{
    CallId, CallKey, Carried, Cause, Event, FlowName, Hangup, LegId, Number, OperatorName, PlayId,
    Project, QueueName, Said, StreamQuality, TrunkName,
};
use crate::sip::endpoint::Failure;
use crate::sip::{ClientTx, Dialog, Peer, Request, Response, ServerTx, SessionTimer};

/// A caller whom admission let in.
#[derive(Debug)]
pub struct Caller {
    /// The call's key.
    pub key: CallKey,
    /// The call's id.
    pub id: CallId,
    /// The INVITE.
    pub tx: ServerTx,
    /// The INVITE.
    pub request: Request,
    /// What its answer will confirm; its tag is ours.
    pub dialog: Dialog,
    /// What was agreed on session timers.
    pub timer: SessionTimer,
    /// Who dials.
    pub from: Number,
    /// The name shown with it.
    pub display: Option<String>,
    /// What was dialled.
    pub to: Number,
    /// The entry of `numbers` that it matched.
    pub number: Number,
    /// The flow that it gets.
    pub flow: Arc<Flow>,
    /// The entry's language.
    pub language: Option<String>,
    /// The entry's project.
    pub project: Option<Project>,
    /// By which trunk.
    pub trunk: TrunkName,
    /// The configuration, for the whole call.
    pub snapshot: Arc<Snapshot>,
    /// Its places among the calls of its trunk and of all.
    pub permits: Vec<Permit>,
    /// The operator who makes the call, and whom or what it is to reach; nobody, when it
    /// came by a trunk.
    pub made_by: Option<(OperatorName, Destination)>,
}

/// What a call hears.
#[derive(Debug)]
pub enum Input {
    /// A request inside one of its dialogs.
    Request {
        /// To answer it by.
        tx: ServerTx,
        /// The request.
        request: Request,
        /// From where.
        peer: Peer,
    },
    /// The ACK for a 2xx of its.
    Ack {
        /// The ACK.
        request: Request,
    },
    /// The caller gave up before the answer.
    Cancelled {
        /// Which INVITE.
        tx: ServerTx,
        /// What was said of the reason.
        said: Said,
    },
    /// A 2xx of its was never acknowledged.
    NoAck {
        /// Of which INVITE.
        tx: ServerTx,
    },
    /// An answer to a request of its.
    Response {
        /// Which request.
        tx: ClientTx,
        /// The answer.
        response: Response,
        /// From where.
        peer: Peer,
    },
    /// A request of its gets no answer.
    Failed {
        /// Which.
        tx: ClientTx,
        /// Why.
        why: Failure,
    },
    /// From its media worker.
    Media(Report),
    /// The addresses of a line's targets: for each its own, nearest first.
    Resolved {
        /// For which stream they were asked for.
        leg: LegId,
        /// In the order of the targets.
        routes: Vec<Vec<Peer>>,
    },
    /// An operator for it.
    Matched(Match),
    /// It is to be served sooner or later than it was: its own priority, from −100 to 100.
    Prioritize(i16),
    /// What the other call gave that a REFER wants to be one with this.
    Given {
        /// The REFER.
        refer: Refer,
        /// Who sent it.
        by: OperatorName,
        /// What is given, or the code to refuse with.
        given: Result<Given, u16>,
    },
    /// What it wanted kept is on the disk, or cannot be brought there.
    Kept(bool),
    /// The customer for whom it waits is not to be called, at least not now.
    Withdraw,
    /// What its flow asked the world outside.
    Replied {
        /// Which ask.
        number: AskId,
        /// The answer, or why there is none.
        reply: Reply,
    },
    /// An operator's phone wants the place of one of its dialogs.
    Replace(Replacement),
    /// Time passed.
    Tick,
    /// The server stops: the call ends now.
    Goodbye,
}

/// What does not change during a call.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) key: CallKey,
    pub(super) id: CallId,
    pub(super) from: Number,
    pub(super) display: Option<String>,
    pub(super) to: Number,
    pub(super) flow: FlowName,
    pub(super) project: Option<Project>,
    pub(super) began: Instant,
    pub(super) made_by: Option<(OperatorName, Destination)>,
    /// How many hops its INVITE may go on, where it says that: a line that leads back to us
    /// comes to an end (RFC 7332).
    pub(super) hops: Option<u8>,
    /// Where the call was before, in the words of its trunk.
    pub(super) way: Way,
    pub(super) snapshot: Arc<Snapshot>,
}

fn hops_left(invite: &Request) -> Option<u8> {
    let hops = invite.headers.max_forwards().ok().flatten();
    hops.map(|hops| hops.saturating_sub(1))
}

/// When an INVITE has had its time (RFC 3261 section 13.3.1): the caller gives it up then.
fn expires_at(invite: &Request, now: Instant) -> Option<Instant> {
    let seconds = invite.headers.expires()?;
    now.checked_add(Duration::from_secs(seconds.into()))
}

/// Where the caller's INVITE is.
#[derive(Debug)]
pub(super) enum Invitation {
    /// Not answered.
    Pending {
        tx: ServerTx,
        request: Box<Request>,
        /// When the caller wants it no more.
        until: Option<Instant>,
    },
    /// The 200 is out, its ACK not in.
    Answered,
    /// The ACK is in.
    Confirmed,
    /// Refused, or ended by BYE from either side.
    Over,
}

/// What the call is doing.
#[derive(Debug)]
pub(super) enum Stage {
    /// The flow decides.
    Flow,
    /// Waiting for an operator.
    Queued(Box<InQueue>),
    /// A line outside rings, and the flow waits for it.
    Dialing(Box<Dial>),
    /// With an operator or a line.
    Talking(Box<Talk>),
    /// Over; what is on its way back is waited for until then.
    Ending { until: Instant },
}

/// What the record will be made of.
#[derive(Debug, Default)]
pub(super) struct Story {
    /// With an operator.
    pub(super) talked: bool,
    /// With a line outside.
    pub(super) on_line: bool,
    /// Left a queue by one of its exits.
    pub(super) overflowed: bool,
    /// In queues that it left.
    pub(super) waited: Duration,
    /// When it was first queued, since it last talked with an operator: its age among all
    /// who wait, whatever queue it comes to.
    pub(super) queued_first: Option<Instant>,
    /// By which queue, and with which operator, the caller talked last.
    pub(super) with: Option<(QueueName, OperatorName)>,
    /// Who ended the last talk, while nothing happened since.
    pub(super) left: Option<Hangup>,
    /// What the caller asked of the last queue.
    pub(super) wanted: Option<Wanted>,
    /// What was last told of the wait.
    pub(super) promise: Option<Promise>,
    /// What was last told of what the call carries.
    pub(super) carried: Option<Carried>,
    /// Why the flow hangs up.
    pub(super) cause: Option<Cause>,
    /// Why the caller left, in its own words.
    pub(super) said: Said,
}

/// One call.
#[derive(Debug)]
pub struct Call {
    pub(super) facts: Facts,
    pub(super) run: Run,
    pub(super) invitation: Invitation,
    pub(super) leg: Leg,
    pub(super) stage: Stage,
    pub(super) story: Story,
    /// INVITEs that were given up, and have no final answer yet.
    pub(super) strays: Vec<Branch>,
    /// Streams that are closing.
    pub(super) closing: Vec<LegId>,
    /// Sound before the answer.
    pub(super) progress: Progress,
    /// An ended call whose flow has something left to do.
    pub(super) parting: Option<Parting>,
    /// The play whose end is waited for.
    pub(super) playing: Option<PlayId>,
    /// The flow's prompt that waits for texts to be spoken.
    pub(super) speaking: Option<Box<Speaking>>,
    /// What the flow asks is performed one after another, not one within another.
    pub(super) driving: bool,
    pub(super) heard: Vec<flow::Input>,
    pub(super) recordings: Recordings,
    streams: u8,
    plays: u64,
    pub(super) permits: Vec<Permit>,
    /// A phone that is about to take an operator's place.
    pub(super) successor: Option<Box<Successor>>,
    /// The operator who makes the call and would be ready without it.
    pub(super) busy: Option<Claim>,
    /// The promise that it keeps, until the customer is there.
    pub(super) back: Option<Box<Back>>,
    /// How many callbacks its caller was promised.
    pub(super) promises: u32,
    /// Nothing is told of it yet: it is not more than a promise that waits.
    pub(super) silent: bool,
}

impl Call {
    /// A call begins: its flow runs until it waits for something.
    #[must_use]
    pub fn begin(caller: Caller, floor: &mut Floor<'_>) -> Self {
        let id = caller.id.clone();
        floor.tell(Event::CallStarted {
            call: id.clone(),
            from: caller.from.clone(),
            to: caller.to.clone(),
            number: caller.number.clone(),
            flow: caller.flow.name().clone(),
            project: caller.project.clone(),
            trunk: caller.trunk,
        });
        let run = Run::new(
            Arc::clone(&caller.flow),
            flow::Caller {
                from: caller.from.clone(),
                name: caller.display.clone(),
                called: caller.to.clone(),
                language: caller.language,
                project: caller.project.clone(),
            },
            Arc::clone(&caller.snapshot.config.calendars),
            floor.shared.epoch,
        );
        let mut leg = Leg::new(leg_id(caller.key, 0));
        leg.note_allow(&caller.request.headers.tokens(&crate::sip::Name::Allow));
        leg.dialog = Some(caller.dialog);
        leg.timer = Some(caller.timer);
        // An operator's phone is believed in nothing of the kind.
        let way = match caller.made_by {
            None => Way::of(&caller.request),
            Some(_) => Way::default(),
        };
        let facts = Facts {
            key: caller.key,
            id,
            from: caller.from,
            display: caller.display,
            to: caller.to,
            flow: caller.flow.name().clone(),
            project: caller.project,
            began: floor.now,
            made_by: caller.made_by,
            hops: hops_left(&caller.request),
            way,
            snapshot: caller.snapshot,
        };
        let invitation = Invitation::Pending {
            tx: caller.tx,
            until: expires_at(&caller.request, floor.now),
            request: Box::new(caller.request),
        };
        let mut call = Self::of(facts, run, (invitation, leg), caller.permits);
        call.occupy(floor);
        call.drive(flow::Input::Begin, floor);
        call
    }

    pub(super) fn of(
        facts: Facts,
        run: Run,
        (invitation, leg): (Invitation, Leg),
        permits: Vec<Permit>,
    ) -> Self {
        Self {
            facts,
            run,
            invitation,
            leg,
            stage: Stage::Flow,
            story: Story::default(),
            strays: Vec::new(),
            closing: Vec::new(),
            progress: Progress::None,
            parting: None,
            playing: None,
            speaking: None,
            driving: false,
            heard: Vec::new(),
            recordings: Recordings::default(),
            streams: 0,
            plays: 0,
            permits,
            successor: None,
            busy: None,
            back: None,
            promises: 0,
            silent: false,
        }
    }

    /// Which call it is.
    #[must_use]
    pub fn id(&self) -> &CallId {
        &self.facts.id
    }

    /// Whether nothing is left of it: it may be dropped.
    #[must_use]
    pub fn is_gone(&self, now: Instant) -> bool {
        let Stage::Ending { until } = &self.stage else {
            return false;
        };
        let answered = matches!(self.invitation, Invitation::Answered);
        let closed = self.closing.is_empty() && self.recordings.are_closed();
        let nothing = self.strays.is_empty() && closed && !answered;
        (nothing && self.parting.is_none()) || now >= *until
    }

    /// Whether it only waits for what is on its way back.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        matches!(self.stage, Stage::Ending { .. })
    }

    /// Whether the caller talks with somebody: such a call may end in its own time when
    /// the server stops.
    #[must_use]
    pub fn is_talking(&self) -> bool {
        matches!(self.stage, Stage::Talking(_))
    }

    /// One input.
    pub fn handle(&mut self, input: Input, floor: &mut Floor<'_>) {
        match input {
            Input::Request { tx, request, peer } => self.requested(tx, &request, peer, floor),
            Input::Ack { request } => self.acknowledged(&request, floor),
            Input::Cancelled { tx, said } => self.cancelled((tx, said), floor),
            Input::NoAck { tx } => self.no_ack(tx, floor),
            Input::Response { tx, response, peer } => self.answered(tx, &response, peer, floor),
            Input::Failed { tx, why } => self.unanswered(tx, why, floor),
            Input::Media(report) => self.reported(report, floor),
            Input::Resolved { leg, routes } => self.resolved(leg, &routes, floor),
            Input::Matched(matched) => self.matched(&matched, floor),
            Input::Prioritize(priority) => self.prioritize(priority, floor),
            Input::Given { refer, by, given } => self.given((refer, by), given, floor),
            Input::Kept(kept) => self.kept(kept, floor),
            Input::Withdraw => self.withdraw_back(floor),
            Input::Replied { number, reply } => self.replied(number, reply, floor),
            Input::Replace(wish) => self.replaced(wish, floor),
            Input::Tick => self.tick(floor),
            Input::Goodbye => self.goodbye(floor),
        }
    }

    /// When it next wants [`Input::Tick`].
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let stage = match &self.stage {
            Stage::Flow => {
                let speaking = self.speaking.as_deref().map(Speaking::until);
                self.run.deadline().into_iter().chain(speaking).min()
            }
            Stage::Queued(queue) => queue.deadline(),
            Stage::Dialing(dial) => {
                let talk = dial.talk().and_then(|talk| talk.leg.deadline());
                Some(dial.until()).into_iter().chain(talk).min()
            }
            Stage::Talking(talk) => talk.leg.deadline(),
            Stage::Ending { until } => {
                let last = self.parting.as_ref().and_then(|_| self.run.deadline());
                return Some(last.map_or(*until, |last| last.min(*until)));
            }
        };
        let successor = self.successor.as_deref().map(Successor::deadline);
        let times = stage.into_iter().chain(self.caller_deadline());
        times.chain(successor).min()
    }

    fn caller_deadline(&self) -> Option<Instant> {
        match self.invitation {
            Invitation::Confirmed => self.leg.deadline(),
            Invitation::Pending { until, .. } => {
                self.progress.deadline().into_iter().chain(until).min()
            }
            Invitation::Answered | Invitation::Over => None,
        }
    }

    fn tick(&mut self, floor: &mut Floor<'_>) {
        self.check_leg(Side::Caller, floor);
        self.check_leg(Side::Other, floor);
        self.tick_invitation(floor);
        self.tick_progress(floor);
        self.tick_successor(floor);
        match &self.stage {
            Stage::Flow | Stage::Ending { .. } => {
                self.tick_speaking(floor);
                if self.run.deadline().is_some_and(|at| floor.now >= at) {
                    self.drive(flow::Input::Tick, floor);
                }
            }
            Stage::Queued(_) => self.tick_queue(floor),
            Stage::Dialing(_) => self.tick_dial(floor),
            Stage::Talking(_) => {}
        }
    }

    fn reported(&mut self, report: Report, floor: &mut Floor<'_>) {
        let leg = report.leg();
        match report {
            Report::Opened { local, .. } => self.opened(leg, local, floor),
            Report::OpenFailed { .. } => self.open_failed(leg, floor),
            Report::FirstPacket { .. } | Report::Heard { .. } => {}
            Report::Key { key, .. } => self.key_heard(leg, key, floor),
            Report::Played { play, .. } => self.played(play, floor),
            Report::Silent { .. } => {
                if let Some(leg) = self.leg_of(leg) {
                    leg.ask_alive(floor);
                }
            }
            Report::Recorded {
                number,
                result,
                length,
                ..
            } => self.recorded(number, (result, length), floor),
            Report::Closed { quality, .. } => self.closed(leg, quality, floor),
        }
    }

    fn leg_of(&mut self, id: LegId) -> Option<&mut Leg> {
        if id == self.leg.id {
            return Some(&mut self.leg);
        }
        match &mut self.stage {
            Stage::Talking(talk) if talk.leg.id == id => Some(&mut talk.leg),
            Stage::Dialing(dial) => {
                let talk = dial.talk_mut().filter(|talk| talk.leg.id == id);
                talk.map(|talk| &mut talk.leg)
            }
            Stage::Flow | Stage::Queued(_) | Stage::Talking(_) | Stage::Ending { .. } => None,
        }
    }

    fn closed(&mut self, leg: LegId, quality: StreamQuality, floor: &mut Floor<'_>) {
        self.closing.retain(|closing| *closing != leg);
        floor.tell(Event::StreamEnded {
            call: self.facts.id.clone(),
            caller: leg == self.leg.id,
            quality,
        });
    }

    /// Gives a stream's ports back; its quality comes when they are.
    pub(super) fn close(&mut self, leg: &mut Leg, floor: &mut Floor<'_>) {
        if leg.has_stream() {
            leg.port = super::leg::Port::None;
            self.closing.push(leg.id);
            floor.media(Command::Close { leg: leg.id });
        }
    }

    /// The number of one more stream. There are 255 before one is used again, and the
    /// first of them is closed by then.
    pub(super) fn next_leg(&mut self) -> Leg {
        self.streams = self.streams.checked_add(1).unwrap_or(1);
        Leg::new(leg_id(self.facts.key, self.streams))
    }

    pub(super) fn next_play(&mut self) -> PlayId {
        self.plays += 1;
        PlayId(self.plays)
    }
}
