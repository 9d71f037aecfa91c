//! Flows that call flows: who is meant, and whether that can go well.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::load::Flow;
use super::source::{nearest, unknown};
use super::verb::{Called, NodeIndex};
use crate::model::{Diagnostic, FlowName, Severity};

/// Looks up the flows that flows call, once all are read. `known` are the names of all
/// that there are, those included that have mistakes of their own.
pub fn join(
    flows: &BTreeMap<FlowName, Arc<Flow>>,
    known: &BTreeSet<FlowName>,
    diags: &mut Vec<Diagnostic>,
) {
    let ends = Ends::of(flows);
    for flow in flows.values() {
        let mut subs = BTreeMap::new();
        for called in flow.called() {
            if let Some(sub) = flows.get(&called.name) {
                matches(flow, sub, called, diags);
                if !ends.returning.contains(&called.name) && ends.ending.contains(&called.name) {
                    let message = format!("flow `{}` never comes to a return", called.name);
                    let problem = at(&called.place, message);
                    let problem = problem.hint("what follows here is never reached");
                    diags.push(Diagnostic {
                        severity: Severity::Warning,
                        ..problem
                    });
                }
                subs.insert(called.name.clone(), Arc::downgrade(sub));
            } else if !known.contains(&called.name) {
                let problem = at(&called.place, format!("there is no flow `{}`", called.name));
                let names = known.iter().map(FlowName::as_str);
                diags.push(unknown(problem, called.name.as_str(), names));
            }
        }
        if let Some(called) = flow.called().next()
            && !ends.ending.contains(flow.name())
        {
            let message = format!(
                "flow `{}` calls flows again and again and comes to no end",
                flow.name()
            );
            let problem = at(&called.place, message);
            diags.push(problem.hint("let one of them return before it calls the next"));
        }
        // A flow is joined once, before any call runs it.
        flow.subs.set(subs).ok();
    }
}

fn at(place: &Diagnostic, message: String) -> Diagnostic {
    Diagnostic {
        message,
        ..place.clone()
    }
}

/// Whether a flow can be called as it is: with its variables, in the caller's language.
fn matches(flow: &Flow, sub: &Flow, called: &Called, diags: &mut Vec<Diagnostic>) {
    for language in flow.languages() {
        if !sub.languages().contains(language) {
            let message = format!("flow `{}` does not speak `{language}`", sub.name());
            let problem = at(&called.place, message);
            diags.push(problem.hint(format!("add `{language}` to its `languages`")));
        }
    }
    for (name, place) in &called.params {
        if sub.vars.contains_key(name) {
            continue;
        }
        let message = format!(
            "flow `{}` has no variable `{name}` in its `vars`",
            sub.name()
        );
        let near = nearest(name, sub.vars.keys().map(AsRef::as_ref));
        let hint = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("write its first value: `vars: {{ {name}: … }}`"),
        };
        diags.push(at(place, message).hint(hint));
    }
}

/// What flows can come to, whatever the flows come to that they call.
#[derive(Default)]
struct Ends {
    /// They can come to a `return`.
    returning: BTreeSet<FlowName>,
    /// They can come to an end of any kind.
    ending: BTreeSet<FlowName>,
}

impl Ends {
    /// The least that holds: what is not shown to end only calls itself.
    fn of(flows: &BTreeMap<FlowName, Arc<Flow>>) -> Self {
        let mut ends = Self::default();
        loop {
            let before = (ends.returning.len(), ends.ending.len());
            for flow in flows.values() {
                ends.learn(flow, flows);
            }
            if (ends.returning.len(), ends.ending.len()) == before {
                return ends;
            }
        }
    }

    fn learn(&mut self, flow: &Flow, flows: &BTreeMap<FlowName, Arc<Flow>>) {
        let mut reached: BTreeSet<NodeIndex> = BTreeSet::new();
        let mut ahead = vec![flow.start];
        while let Some(index) = ahead.pop() {
            let Some(node) = flow.nodes.get(index).filter(|_| reached.insert(index)) else {
                continue;
            };
            let exits = node.verb.exits();
            if node.verb.returns() {
                self.returning.insert(flow.name().clone());
            }
            let ends_below = |called: &Called| {
                !flows.contains_key(&called.name) || self.ending.contains(&called.name)
            };
            if exits.is_empty() || node.verb.calls().is_some_and(ends_below) {
                self.ending.insert(flow.name().clone());
            }
            let passes = node.verb.calls().is_none_or(|called| {
                !flows.contains_key(&called.name) || self.returning.contains(&called.name)
            });
            let called = node.verb.calls().is_some();
            // The exit of a call that goes wrong is no way to plan with.
            let ways = exits
                .into_iter()
                .filter(|exit| !called || exit.label == "next");
            ahead.extend(ways.filter(|_| passes).map(|exit| exit.to));
        }
    }
}
