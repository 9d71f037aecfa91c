//! A flow as a picture.

mod mermaid;
mod svg;

use super::load::Node;
use super::verb::NodeIndex;

/// Where a node leads to, each once with the exits that lead there.
fn arrows(node: &Node) -> Vec<(NodeIndex, String)> {
    let mut arrows: Vec<(NodeIndex, Vec<String>)> = Vec::new();
    for exit in node.verb.exits() {
        match arrows.iter_mut().find(|(to, _)| *to == exit.to) {
            Some((_, labels)) => labels.push(exit.label),
            None => arrows.push((exit.to, vec![exit.label])),
        }
    }
    let joined = arrows
        .into_iter()
        .map(|(to, labels)| (to, labels.join(", ")));
    joined.collect()
}
