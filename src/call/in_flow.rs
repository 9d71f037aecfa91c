//! What the flow says, done.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::call::call::{Call, Invitation, Stage};
use crate::call::floor::Floor;
use crate::call::in_queue::Waits;
use crate::call::leg::{Port, put_sdp};
use crate::call::progress::Progress;
use crate::call::{Shared, Snapshot};
use crate::dispatch::{ClassId, ClassKey};
use crate::flow::{self, AskId, LineExit, QueueRequest, QueueView, Reply, Spoken, Utterance};
use crate::media::{Command, Sound};
use crate::model::{
    Answer, Event, FlowFault, Hangup, LegId, LineName, Outcome, PlayId, QueueName, Surveyed,
};
use crate::queue::{Settings, Whose};
use crate::sip::{Name, Response};

/// What expressions of a flow can ask.
struct Sight<'a> {
    shared: &'a Shared,
    snapshot: &'a Snapshot,
    /// The queue that the call was in last.
    last: Option<&'a QueueName>,
    now: Instant,
}

impl Sight<'_> {
    /// Of callers who ask nothing of a queue but what it asks itself.
    fn class(&self, settings: &Settings) -> Option<ClassId> {
        let key = ClassKey {
            queue: settings.name.clone(),
            requires: settings.requires.clone(),
            also: Vec::new(),
            prefer: crate::model::Requirement::default(),
            strategy: settings.strategy,
            priority: settings.priority,
        };
        self.shared.board.class(&key).ok()
    }
}

impl flow::World for Sight<'_> {
    fn queue(&self, name: &QueueName) -> QueueView {
        let Some(settings) = self.snapshot.config.queues.get(name) else {
            return QueueView::default();
        };
        let class = self.class(settings);
        let census = class
            .map(|class| self.shared.board.census(class))
            .unwrap_or_default();
        QueueView {
            waiting: self.shared.hall.waiting(name),
            longest_wait: self.shared.hall.longest_wait(name, self.now),
            ready: census.ready,
            staffed: census.staffed(),
        }
    }

    fn estimated_wait(&self, name: &QueueName) -> Option<Duration> {
        let settings = self.snapshot.config.queues.get(name)?;
        let whose = Whose::Class(self.class(settings)?);
        let hall = &self.shared.hall;
        Some(hall.estimate(whose, settings.wrap_up, self.now)?.likely)
    }

    fn may_call_back(&self, queue: Option<&QueueName>, number: &str) -> bool {
        let queue = queue.or(self.last);
        let settings = queue.and_then(|queue| self.snapshot.config.queues.get(queue));
        let back = settings.and_then(|settings| settings.callback.as_ref());
        back.is_some_and(|back| back.allows(number))
    }
}

impl Call {
    /// Lets the flow go on, and does what it says, until it waits again. What follows at
    /// once from what it says is heard after that, in order.
    pub(super) fn drive(&mut self, input: flow::Input, floor: &mut Floor<'_>) {
        if !self.run.has_begun() && input != flow::Input::Begin {
            // A customer who was called back has no flow to go on with.
            let hangup = self.story.left.unwrap_or(Hangup::Flow);
            return self.end(self.outcome(floor.now), hangup, floor);
        }
        self.heard.push(input);
        if self.driving {
            return;
        }
        self.driving = true;
        while !self.heard.is_empty() && !self.is_told() {
            let input = self.heard.remove(0);
            let mut said = Vec::new();
            let sight = Sight {
                shared: floor.shared,
                snapshot: &self.facts.snapshot,
                last: self.story.wanted.as_ref().map(|wanted| &wanted.queue),
                now: floor.now,
            };
            self.run.handle(input, floor.now, &sight, &mut said);
            for output in said {
                self.perform(output, floor);
            }
        }
        self.heard.clear();
        self.driving = false;
        if !self.is_told() {
            self.tell_carried(floor);
        }
        self.part(floor);
    }

    /// The caller hung up: the flow does what is left to do.
    pub(super) fn drive_last(&mut self, floor: &mut Floor<'_>) {
        let mut said = Vec::new();
        let sight = Sight {
            shared: floor.shared,
            snapshot: &self.facts.snapshot,
            last: self.story.wanted.as_ref().map(|wanted| &wanted.queue),
            now: floor.now,
        };
        self.run.hung_up(floor.now, &sight, &mut said);
        for output in said {
            self.perform(output, floor);
        }
    }

    fn perform(&mut self, output: flow::Output, floor: &mut Floor<'_>) {
        if self.is_told() {
            return;
        }
        if output.sends_away() {
            self.tell_carried(floor);
        }
        match output {
            flow::Output::Answer => self.answer(floor),
            flow::Output::Early => self.sound_early(floor),
            flow::Output::Play(spoken) => self.play(&spoken, floor),
            flow::Output::StopPlaying => self.stop_playing(floor),
            flow::Output::Queue(request) => self.queue(request, floor),
            flow::Output::Line(line) => self.line(&line, floor),
            flow::Output::Callback(request) => self.promise(&request, floor),
            flow::Output::Survey { question, answer } => self.surveyed(question, answer, floor),
            flow::Output::Message(request) => self.message(request, floor),
            flow::Output::EndMessage => self.end_message(floor),
            flow::Output::Recording(action) => self.recording(action, floor),
            flow::Output::Secret(secret) => self.secret(secret, floor),
            flow::Output::Ask(asked) => floor.out.push(super::Output::Ask {
                call: self.facts.key,
                asked,
            }),
            flow::Output::Operator(request) => self.ring_named(request, floor),
            flow::Output::Dial(request) => self.dial_addresses(&request, floor),
            flow::Output::Notify {
                flow,
                node,
                name,
                data,
            } => {
                let call = self.facts.id.clone();
                floor.tell(Event::Notified {
                    call,
                    flow,
                    node,
                    name,
                    data,
                });
            }
            flow::Output::Reject(code) => self.reject(code, floor),
            flow::Output::Hangup { cause } => {
                self.story.cause = cause;
                let hangup = self.story.left.unwrap_or(Hangup::Flow);
                self.end(self.outcome(floor.now), hangup, floor);
            }
            flow::Output::Step { flow, node, verb } => {
                let call = self.facts.id.clone();
                floor.tell(Event::FlowStep {
                    call,
                    flow,
                    node,
                    verb,
                });
            }
            flow::Output::Fault { flow, node, fault } => {
                let call = self.facts.id.clone();
                floor.tell(Event::FlowFailed {
                    call,
                    flow,
                    node,
                    fault,
                });
            }
        }
    }

    fn surveyed(&mut self, question: Arc<str>, answer: Answer, floor: &mut Floor<'_>) {
        let (queue, operator) = self.story.with.clone().unzip();
        floor.tell(Event::Surveyed(Surveyed {
            call: self.facts.id.clone(),
            flow: self.facts.flow.clone(),
            project: self.run.project().cloned(),
            queue,
            operator,
            question,
            answer,
        }));
    }

    /// The answer needs a port; it goes out when the worker has one.
    pub(super) fn answer(&mut self, floor: &mut Floor<'_>) {
        match self.invitation {
            Invitation::Pending { .. } => {
                if self.may_answer() {
                    self.send_200(floor);
                } else {
                    self.leg.open(floor);
                }
            }
            Invitation::Confirmed => self.drive(flow::Input::Answered, floor),
            Invitation::Answered | Invitation::Over => {}
        }
    }

    /// A stream has its ports.
    pub(super) fn opened(&mut self, leg: LegId, local: SocketAddr, floor: &mut Floor<'_>) {
        if leg == self.leg.id {
            if self.leg.port == Port::Opening {
                self.leg.port = Port::Open(local);
                match self.progress {
                    Progress::Opening => self.tell_progress(floor),
                    Progress::None | Progress::Told(_) => self.send_200(floor),
                }
            }
        } else if !self.successor_opened(leg, local, floor) {
            self.ring(leg, local, floor);
        }
    }

    pub(super) fn send_200(&mut self, floor: &mut Floor<'_>) {
        let Invitation::Pending { tx, request, .. } = &self.invitation else {
            return;
        };
        let tx = *tx;
        let mut response = Response::to(request, 200);
        let codecs = &self.facts.snapshot.config.media.codecs;
        match self.told_sdp() {
            Some(sdp) => put_sdp(&mut response.headers, &mut response.body, sdp),
            None => {
                if let Err(code) = self.leg.describe(request, &mut response, codecs, floor) {
                    return self.reject(code, floor);
                }
            }
        }
        self.leg.dress(&mut response);
        self.leg.awaits_ack((tx, request), floor);
        self.invitation = Invitation::Answered;
        floor.respond(tx, &response);
        self.watch(self.leg.id, floor);
        floor.tell(Event::CallAnswered {
            call: self.facts.id.clone(),
            setup: floor.now.saturating_duration_since(self.facts.began),
        });
    }

    /// Asks the worker to say so when a phone falls silent.
    pub(super) fn watch(&self, leg: LegId, floor: &mut Floor<'_>) {
        let silence = Some(self.facts.snapshot.config.media.silence);
        floor.media(Command::Watch { leg, silence });
    }

    pub(super) fn reject(&mut self, code: u16, floor: &mut Floor<'_>) {
        self.refuse_caller(code, floor);
        self.end(Outcome::Rejected, Hangup::Flow, floor);
    }

    /// Plays to the caller and tells the flow when it is over.
    fn play(&mut self, spoken: &[Spoken], floor: &mut Floor<'_>) {
        self.story.left = None;
        if !self.speak_first(spoken, floor) {
            let sounds = self.sounds(spoken, floor);
            self.play_sounds(sounds, floor);
        }
    }

    pub(super) fn play_sounds(&mut self, sounds: Arc<[Arc<Sound>]>, floor: &mut Floor<'_>) {
        if sounds.is_empty() {
            return self.drive(flow::Input::Played, floor);
        }
        let play = self.next_play();
        self.playing = Some(play);
        let leg = self.leg.id;
        floor.media(Command::Play {
            leg,
            play,
            sounds,
            looped: false,
        });
    }

    /// The sounds themselves. Which sounds a flow can play is checked when it is loaded,
    /// so one that is missing here is a fault worth telling.
    pub(super) fn sounds(&self, spoken: &[Spoken], floor: &mut Floor<'_>) -> Arc<[Arc<Sound>]> {
        let library = &self.facts.snapshot.sounds;
        let mut sounds = Vec::with_capacity(spoken.len());
        for item in spoken {
            let sound = match item {
                Spoken::Sound { language, name } => library.sound(language, name),
                Spoken::Said(Utterance { language, name, .. }) => {
                    let spoken = self.speaking.as_deref();
                    let spoken = spoken.and_then(|spoken| spoken.sound(language, name));
                    spoken.or_else(|| library.sound(language, name))
                }
                Spoken::Silence(time) => Some(library.silence(*time)),
                Spoken::Tone => Some(library.tone()),
            };
            match sound {
                Some(sound) => sounds.push(sound),
                None => floor.tell(Event::FlowFailed {
                    call: self.facts.id.clone(),
                    flow: self.facts.flow.clone(),
                    node: self.run.node().clone(),
                    fault: FlowFault::Sound,
                }),
            }
        }
        sounds.into()
    }

    /// Plays over and over to a leg.
    pub(super) fn loop_sound(&mut self, leg: LegId, sound: &Arc<Sound>, floor: &mut Floor<'_>) {
        let play = self.next_play();
        floor.media(Command::Play {
            leg,
            play,
            sounds: Arc::new([Arc::clone(sound)]),
            looped: true,
        });
    }

    pub(super) fn stop_playing(&mut self, floor: &mut Floor<'_>) {
        self.playing = None;
        self.speaking = None;
        if !self.leg.has_stream() {
            return;
        }
        floor.media(Command::Stop { leg: self.leg.id });
    }

    pub(super) fn played(&mut self, play: PlayId, floor: &mut Floor<'_>) {
        if self.tone_over(play, floor) || self.playing != Some(play) {
            return;
        }
        self.playing = None;
        match self.stage {
            Stage::Flow => self.drive(flow::Input::Played, floor),
            Stage::Queued(_) => self.said(floor),
            Stage::Dialing(_) | Stage::Talking(_) | Stage::Ending { .. } => {}
        }
    }

    pub(super) fn key(&mut self, key: char, floor: &mut Floor<'_>) {
        match &self.stage {
            Stage::Flow => self.drive(flow::Input::Key(key), floor),
            Stage::Queued(_) => self.key_in_queue(key, floor),
            // A key of a talk is the other side's.
            Stage::Dialing(_) | Stage::Talking(_) | Stage::Ending { .. } => {}
        }
    }

    fn queue(&mut self, request: QueueRequest, floor: &mut Floor<'_>) {
        self.story.left = None;
        let age = self.age(floor.now);
        if let Err(exit) = self.enter_queue(request, (Waits::ForQueue, age), floor) {
            self.drive(flow::Input::Returned(flow::Returned::Queue(exit)), floor);
        }
    }

    /// When the call was first queued, which it keeps from queue to queue.
    pub(super) fn age(&mut self, now: Instant) -> Instant {
        *self.story.queued_first.get_or_insert(now)
    }

    /// The flow's own `line`: a queue, or an address outside.
    fn line(&mut self, name: &LineName, floor: &mut Floor<'_>) {
        self.story.left = None;
        let ended = match self.facts.snapshot.config.lines.get(name) {
            Some(crate::config::Line::Queue(queue)) => {
                let request = self.plain_request(queue.clone());
                let age = self.age(floor.now);
                self.enter_queue(request, (Waits::ForLine, age), floor)
                    .map_err(line_exit)
            }
            Some(crate::config::Line::Outside { .. }) => self.dial(name, floor).map(|dial| {
                self.stage = Stage::Dialing(Box::new(dial));
                let tone = self.facts.snapshot.sounds.ringing();
                self.loop_sound(self.leg.id, &tone, floor);
            }),
            None => Err(LineExit::Error),
        };
        if let Err(exit) = ended {
            self.drive(flow::Input::Returned(flow::Returned::Line(exit)), floor);
        }
    }

    /// A call that asks nothing of a queue but what the queue asks itself.
    pub(super) fn plain_request(&self, queue: QueueName) -> QueueRequest {
        // A call that is escalated keeps what a supervisor gave it while it waited.
        let priority = match &self.stage {
            Stage::Queued(queue) => queue.wait.priority(),
            Stage::Flow | Stage::Dialing(_) | Stage::Talking(_) | Stage::Ending { .. } => {
                self.run.priority()
            }
        };
        QueueRequest {
            queue,
            require: crate::model::Requirement::default(),
            prefer: crate::model::Requirement::default(),
            preferred: None,
            escalate: None,
            leaves_paused: false,
            priority,
            max_wait: None,
            music: None,
            announce: None,
            comfort: Arc::default(),
            keys: std::collections::BTreeSet::new(),
            asides: std::collections::BTreeMap::new(),
            operator_announcement: None,
        }
    }

    /// Refuses the INVITE, if it is not answered yet.
    pub(super) fn refuse_caller(&mut self, code: u16, floor: &mut Floor<'_>) {
        if let Invitation::Pending { tx, request, .. } = &self.invitation {
            let mut response = Response::to(request, code);
            if let Some(dialog) = &self.leg.dialog {
                response.set_to_tag(&dialog.id().local_tag);
            }
            if let Some(reason) = self.reason() {
                response.headers.push(Name::Reason, reason);
            }
            if code == 503 {
                let wait = RETRY_AFTER.as_secs().to_string();
                response.headers.push(Name::RetryAfter, wait);
            }
            let tx = *tx;
            floor.respond(tx, &response);
            self.invitation = Invitation::Over;
        }
    }

    /// There are no ports for a stream.
    pub(super) fn open_failed(&mut self, leg: LegId, floor: &mut Floor<'_>) {
        if leg == self.leg.id {
            self.leg.port = Port::None;
            self.refuse_caller(503, floor);
            return self.end(Outcome::Failed, Hangup::Fault, floor);
        }
        // A leg that was closed before its ports came is waited for no longer.
        self.closing.retain(|closing| *closing != leg);
        if !self.no_port_for_successor(leg, floor) {
            self.no_port_to_ring(leg, floor);
        }
    }

    /// The world outside replies. A call that has gone on without it hears nothing.
    pub(super) fn replied(&mut self, number: AskId, reply: Reply, floor: &mut Floor<'_>) {
        let listens = matches!(self.stage, Stage::Flow) || self.parting.is_some();
        if listens && !self.spoke(number, &reply, floor) {
            let returned = flow::Returned::Reply(number, reply);
            self.drive(flow::Input::Returned(returned), floor);
        }
    }

    /// Takes the 200's ACK: the caller hears us from now on.
    pub(super) fn confirmed(&mut self, floor: &mut Floor<'_>) {
        self.invitation = Invitation::Confirmed;
        if matches!(self.stage, Stage::Flow) {
            self.drive(flow::Input::Answered, floor);
        }
    }
}

/// Calls that find no port may find one this much later.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// What a line that is a queue says when the queue does not take the call.
pub(super) fn line_exit(exit: flow::QueueExit) -> LineExit {
    match exit {
        flow::QueueExit::Answered => LineExit::Answered,
        flow::QueueExit::Full => LineExit::Busy,
        flow::QueueExit::Timeout | flow::QueueExit::NoOperators | flow::QueueExit::AllPaused => {
            LineExit::NoAnswer
        }
        flow::QueueExit::Error | flow::QueueExit::Key(_) => LineExit::Error,
    }
}
