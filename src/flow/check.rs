//! What is wrong with a flow as a graph: nodes that nobody reaches, nodes from which no
//! end can be reached, circles that spin.

use std::collections::BTreeSet;

use super::load::Flow;
use super::source::Cursor;
use super::verb::{Exit, NodeIndex};
use crate::model::{Diagnostic, limits};

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
    let most = diags.len() + limits::FLOW_PROBLEMS;
    let last = graph.reached(flow.on_hangup.into_iter(), |_| true);
    for (index, (node, cursor)) in flow.nodes.iter().zip(cursors).enumerate() {
        if diags.len() >= most {
            return;
        }
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
        let entries = self.entries(|_| true);
        let ends = (0..self.flow.nodes.len()).filter(|index| self.exits_of(*index).is_empty());
        let mut ending = BTreeSet::new();
        let mut ahead: Vec<NodeIndex> = ends.collect();
        while let Some(index) = ahead.pop() {
            if ending.insert(index) {
                ahead.extend(entries.get(index).into_iter().flatten());
            }
        }
        ending
    }

    /// From where each node is come to.
    fn entries(&self, follow: impl Fn(&Exit) -> bool) -> Vec<Vec<NodeIndex>> {
        let mut entries = vec![Vec::new(); self.flow.nodes.len()];
        for (index, exits) in self.exits.iter().enumerate() {
            for exit in exits.iter().filter(|exit| follow(exit)) {
                if let Some(entries) = entries.get_mut(exit.to) {
                    entries.push(index);
                }
            }
        }
        entries
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

    /// Circles that a call can run round without a key, a talk or a wait. Each is told
    /// once, at the first of its nodes.
    fn spinning(&self, cursors: &[Cursor<'_>]) -> Vec<Diagnostic> {
        let mut diags = Vec::new();
        for circle in self.circles(|exit| !exit.paced) {
            let first = circle.into_iter().min();
            let node = first.and_then(|first| self.flow.nodes.get(first).zip(cursors.get(first)));
            let Some((node, cursor)) = node else { continue };
            let problem = cursor.key_error(format!(
                "from node `{}` the flow can run in a circle without the caller doing anything",
                node.name
            ));
            diags.push(problem.hint("use retry with retries, or set limits: { max_steps: … }"));
        }
        diags.sort_by_key(|diagnostic| diagnostic.span);
        diags
    }

    /// Nodes that reach each other by exits that are followed, and so themselves. Two walks
    /// of the graph (Kosaraju): one notes the order in which nodes are done with, the other
    /// goes against the arrows from the last one.
    fn circles(&self, follow: impl Fn(&Exit) -> bool) -> Vec<Vec<NodeIndex>> {
        let entries = self.entries(&follow);
        let mut circles = Vec::new();
        let mut taken = vec![false; self.exits.len()];
        for root in self.finished(&follow).into_iter().rev() {
            let mut circle = Vec::new();
            let mut ahead = vec![root];
            while let Some(index) = ahead.pop() {
                if first_time(&mut taken, index) {
                    circle.push(index);
                    ahead.extend(entries.get(index).into_iter().flatten());
                }
            }
            let to_itself = |exit: &Exit| exit.to == root && follow(exit);
            if circle.len() > 1 || (circle.len() == 1 && self.exits_of(root).iter().any(to_itself))
            {
                circles.push(circle);
            }
        }
        circles
    }

    /// The nodes, each after all that it leads to but those that lead back to it.
    fn finished(&self, follow: impl Fn(&Exit) -> bool) -> Vec<NodeIndex> {
        let mut finished = Vec::with_capacity(self.exits.len());
        let mut seen = vec![false; self.exits.len()];
        // Each with how many of its exits have been looked at.
        let mut walk: Vec<(NodeIndex, usize)> = (0..self.exits.len()).map(|n| (n, 0)).collect();
        while let Some((index, looked)) = walk.pop() {
            if looked == 0 && !first_time(&mut seen, index) {
                continue;
            }
            let Some(exit) = self.exits_of(index).get(looked) else {
                finished.push(index);
                continue;
            };
            walk.push((index, looked + 1));
            if follow(exit) {
                walk.push((exit.to, 0));
            }
        }
        finished
    }
}

/// Whether a node was not there before; from then on it was.
fn first_time(been: &mut [bool], index: NodeIndex) -> bool {
    let been = been.get_mut(index);
    been.is_some_and(|been| !std::mem::replace(been, true))
}
