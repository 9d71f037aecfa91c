//! What is wrong with a flow as a graph: nodes that nobody reaches, nodes from which no
//! end can be reached, circles that spin.

use std::collections::BTreeSet;

use super::load::Flow;
use super::source::Cursor;
use super::verb::{Exit, NodeIndex};
use crate::model::Diagnostic;

struct Graph<'a> {
    flow: &'a Flow,
    exits: Vec<Vec<Exit>>,
}

/// `cursors` are the nodes of the file, in the order of the flow's.
pub(super) fn check(flow: &Flow, cursors: &[Cursor<'_>], diags: &mut Vec<Diagnostic>) {
    let exits = flow.nodes.iter().map(|node| node.verb.exits()).collect();
    let graph = Graph { flow, exits };
    let starts = [Some(flow.start), flow.limits.on_limit, flow.on_hangup]
        .into_iter()
        .flatten();
    let reached = graph.reached(starts, |_| true);
    let ending = graph.ending();
    let late = graph.after_answer();
    let last = graph.reached(flow.on_hangup.into_iter(), |_| true);
    for (index, (node, cursor)) in flow.nodes.iter().zip(cursors).enumerate() {
        if !reached.contains(&index) {
            let problem = cursor.key_error(format!("no way leads to node `{}`", node.name));
            diags.push(problem.hint("name it as a target, or remove it"));
        } else if !ending.contains(&index) {
            let problem =
                cursor.key_error(format!("from node `{}` no way leads to an end", node.name));
            diags.push(problem.hint("an end is a node of type hangup, return or reject"));
        }
        if last.contains(&index) && !node.verb.is_silent() {
            let message = format!(
                "`on_hangup` leads to `{}`, for a caller who is gone",
                node.name
            );
            let hint = "it may lead to set, branch, switch, hours, http, notify and hangup without a prompt";
            diags.push(cursor.key_error(message).hint(hint));
        }
        if late.contains(&index) && node.verb.refuses() {
            let problem =
                cursor.key_error("the call can be answered before it comes to this reject");
            let hint = if flow.answer {
                "write answer: false at the top, or use hangup"
            } else {
                "a menu, a queue or a hangup with a prompt answers; use hangup after it"
            };
            diags.push(problem.hint(hint));
        }
    }
    if !flow.limits.written {
        diags.extend(graph.spinning(cursors));
    }
}

impl Graph<'_> {
    fn exits_of(&self, index: NodeIndex) -> &[Exit] {
        self.exits.get(index).map_or(&[], Vec::as_slice)
    }

    fn reached(
        &self,
        starts: impl Iterator<Item = NodeIndex>,
        follow: impl Fn(&Exit) -> bool,
    ) -> BTreeSet<NodeIndex> {
        let mut reached = BTreeSet::new();
        let mut ahead: Vec<NodeIndex> = starts.collect();
        while let Some(index) = ahead.pop() {
            if reached.insert(index) {
                ahead.extend(
                    self.exits_of(index)
                        .iter()
                        .filter(|exit| follow(exit))
                        .map(|exit| exit.to),
                );
            }
        }
        reached
    }

    /// Nodes from which an end can be reached.
    fn ending(&self) -> BTreeSet<NodeIndex> {
        let count = self.flow.nodes.len();
        let mut ending: BTreeSet<NodeIndex> = (0..count)
            .filter(|i| self.exits_of(*i).is_empty())
            .collect();
        loop {
            let leads = |i: &NodeIndex| {
                self.exits_of(*i)
                    .iter()
                    .any(|exit| ending.contains(&exit.to))
            };
            let more: Vec<NodeIndex> = (0..count)
                .filter(|i| !ending.contains(i) && leads(i))
                .collect();
            if more.is_empty() {
                return ending;
            }
            ending.extend(more);
        }
    }

    /// Nodes that a call may come to when it is answered already.
    fn after_answer(&self) -> BTreeSet<NodeIndex> {
        if self.flow.answer {
            return (0..self.flow.nodes.len()).collect();
        }
        let answering = self
            .flow
            .nodes
            .iter()
            .enumerate()
            .filter(|(_, node)| node.verb.needs_answer());
        let next = answering
            .flat_map(|(index, _)| self.exits_of(index))
            .map(|exit| exit.to);
        self.reached(next.chain(self.flow.limits.on_limit), |_| true)
    }

    /// Circles that a call can run round without a key, a talk or a wait.
    fn spinning(&self, cursors: &[Cursor<'_>]) -> Vec<Diagnostic> {
        let mut told: BTreeSet<NodeIndex> = BTreeSet::new();
        let mut diags = Vec::new();
        for (index, (node, cursor)) in self.flow.nodes.iter().zip(cursors).enumerate() {
            let next = |i: NodeIndex| {
                self.exits_of(i)
                    .iter()
                    .filter(|exit| !exit.paced)
                    .map(|exit| exit.to)
            };
            let beyond = self.reached(next(index), |exit| !exit.paced);
            if told.contains(&index) || !beyond.contains(&index) {
                continue;
            }
            // Told once, at the first node of the circle.
            told.extend(
                beyond
                    .iter()
                    .filter(|i| self.reached(next(**i), |exit| !exit.paced).contains(&index)),
            );
            let problem = cursor.key_error(format!(
                "from node `{}` the flow can run in a circle without the caller doing anything",
                node.name
            ));
            diags.push(problem.hint("use retry with retries, or set limits: { max_steps: … }"));
        }
        diags
    }
}
