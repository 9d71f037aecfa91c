//! A flow as a picture: Mermaid, which renders in many pages and editors.

use std::fmt::Write;

use super::arrows;
use crate::flow::load::Flow;
use crate::flow::verb::{NodeIndex, Shape};

impl Flow {
    /// The flow as a Mermaid flowchart: a shape for each kind of node, a label on each exit.
    #[must_use]
    pub fn mermaid(&self) -> String {
        let mut text = String::from("flowchart TD\n");
        self.draw(&mut text).ok();
        text
    }

    fn draw(&self, text: &mut String) -> std::fmt::Result {
        writeln!(text, "    begin((call)) --> {}", id(self.start))?;
        for (index, node) in self.nodes.iter().enumerate() {
            let (open, close) = outline(node.verb.shape());
            let (name, kind) = (&node.name, node.verb.name());
            writeln!(
                text,
                "    {}{open}\"{name}<br/><i>{kind}</i>\"{close}",
                id(index)
            )?;
        }
        for (index, node) in self.nodes.iter().enumerate() {
            for (to, label) in arrows(node) {
                let label = escape(&label);
                writeln!(text, "    {} -- \"{label}\" --> {}", id(index), id(to))?;
            }
        }
        if let Some(to) = self.limits.on_limit {
            writeln!(text, "    begin -. \"limit\" .-> {}", id(to))?;
        }
        if let Some(to) = self.on_hangup {
            writeln!(text, "    begin -. \"caller hangs up\" .-> {}", id(to))?;
        }
        Ok(())
    }
}

/// Names of nodes may be words of Mermaid, such as `end`.
fn id(index: NodeIndex) -> String {
    format!("n{index}")
}

fn outline(shape: Shape) -> (&'static str, &'static str) {
    match shape {
        Shape::Question => ("[/", "/]"),
        Shape::Choice => ("{", "}"),
        Shape::Away => ("[[", "]]"),
        Shape::End => ("([", "])"),
        Shape::Step => ("[", "]"),
    }
}

/// Mermaid reads `#…;` as an entity.
fn escape(label: &str) -> String {
    let mut text = String::new();
    for char in label.chars() {
        match char {
            '"' => text.push_str("#quot;"),
            '#' => text.push_str("#35;"),
            '<' => text.push_str("#lt;"),
            '>' => text.push_str("#gt;"),
            other => text.push(other),
        }
    }
    text
}
