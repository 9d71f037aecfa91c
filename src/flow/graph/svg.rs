//! A flow as a picture: SVG, in layers from the call downwards.
//!
//! Labels of arrows are placed like nodes, so that nothing lies upon them.

use std::fmt::Write;

use rust_sugiyama::configure::Config;
use rust_sugiyama::from_vertices_and_edges;

use super::arrows;
use crate::flow::load::Flow;
use crate::flow::verb::Shape;

/// Around everything, and between any two things.
const SPACE: f64 = 24.0;
/// A line of a node.
const LINE: f64 = 18.0;
/// With more things than this, crossings are not looked for one by one: it would take
/// minutes.
const MANY: usize = 300;
const STYLE: &str = "text{font:13px sans-serif;text-anchor:middle;fill:#1d2330}\
    .kind{font-size:11px;font-style:italic;fill:#5a6272}\
    .exit{font-size:11px;fill:#31527d}\
    .box{fill:#f4f6fa;stroke:#5a6272;stroke-width:1.2}\
    .Question{fill:#e6f0fb}.Choice{fill:#fdf3d8}.Away{fill:#e5f5ea}.End{fill:#f1e8f7}\
    path{fill:none;stroke:#8790a0;stroke-width:1.2}";

/// A node, or the label of an arrow, with its place once there is one.
struct Thing {
    text: String,
    kind: Kind,
    at: (f64, f64),
}

#[derive(Clone, Copy)]
enum Kind {
    Call,
    Node(&'static str, Shape),
    Label,
}

impl Thing {
    fn new(text: impl Into<String>, kind: Kind) -> Self {
        Self {
            text: text.into(),
            kind,
            at: (0.0, 0.0),
        }
    }

    /// Width and height. Letters of the fonts above are about so wide.
    fn size(&self) -> (f64, f64) {
        let letters = |text: &str| f64::from(u32::try_from(text.chars().count()).unwrap_or(0));
        match self.kind {
            Kind::Call => (56.0, 2.0 * LINE),
            Kind::Node(kind, _) => {
                let width = (letters(&self.text) * 7.8).max(letters(kind) * 6.4);
                (width + 36.0, 2.0 * LINE + 6.0)
            }
            Kind::Label => (letters(&self.text) * 6.2 + 8.0, LINE),
        }
    }
}

impl Flow {
    /// The flow as an SVG picture: a shape for each kind of node, a label on each exit.
    #[must_use]
    pub fn svg(&self) -> String {
        let (mut things, edges) = self.things();
        let (width, height) = place(&mut things, &edges);
        let mut text = String::new();
        // Writing to a String cannot fail.
        picture(&mut text, &things, &edges, (width, height)).ok();
        text
    }

    /// First the call, then the nodes, then labels; and what leads where.
    fn things(&self) -> (Vec<Thing>, Vec<(usize, usize)>) {
        let mut things = vec![Thing::new("call", Kind::Call)];
        let nodes = self.nodes.iter().map(|node| {
            let kind = Kind::Node(node.verb.name(), node.verb.shape());
            Thing::new(node.name.as_str(), kind)
        });
        things.extend(nodes);
        let mut edges = vec![(0, self.start + 1)];
        let limit = self
            .limits
            .on_limit
            .map(|to| (0, to + 1, "limit".to_owned()));
        let exits = self.nodes.iter().enumerate().flat_map(|(from, node)| {
            let arrows = arrows(node).into_iter();
            arrows.map(move |(to, label)| (from + 1, to + 1, label))
        });
        for (from, to, label) in limit.into_iter().chain(exits) {
            edges.extend([(from, things.len()), (things.len(), to)]);
            things.push(Thing::new(label, Kind::Label));
        }
        (things, edges)
    }
}

/// Gives everything its place, and says how large the whole is.
fn place(things: &mut [Thing], edges: &[(usize, usize)]) -> (f64, f64) {
    let number = |index: usize| u32::try_from(index).unwrap_or_default();
    let sizes = things.iter().enumerate();
    let vertices: Vec<(u32, (f64, f64))> = sizes
        .map(|(index, thing)| (number(index), thing.size()))
        .collect();
    let edges: Vec<(u32, u32)> = edges
        .iter()
        .map(|(from, to)| (number(*from), number(*to)))
        .collect();
    let config = Config {
        vertex_spacing: SPACE,
        transpose: vertices.len() <= MANY,
        ..Config::default()
    };
    let layouts = from_vertices_and_edges(&vertices, &edges, &config);
    for (index, at) in layouts.into_iter().flat_map(|(places, ..)| places) {
        if let Some(thing) = things.get_mut(index) {
            thing.at = at;
        }
    }
    let (mut left, mut top, mut right, mut bottom) = (f64::MAX, f64::MAX, f64::MIN, f64::MIN);
    for thing in things.iter() {
        let ((x, y), (width, height)) = (thing.at, thing.size());
        (left, right) = (left.min(x - width / 2.0), right.max(x + width / 2.0));
        (top, bottom) = (top.min(y - height / 2.0), bottom.max(y + height / 2.0));
    }
    for thing in things {
        thing.at.0 += SPACE - left;
        thing.at.1 += SPACE - top;
    }
    (right - left + 2.0 * SPACE, bottom - top + 2.0 * SPACE)
}

fn picture(
    text: &mut String,
    things: &[Thing],
    edges: &[(usize, usize)],
    (width, height): (f64, f64),
) -> std::fmt::Result {
    writeln!(
        text,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.0} {height:.0}\">"
    )?;
    writeln!(text, "<style>{STYLE}</style>")?;
    writeln!(
        text,
        "<defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0 L8 4 L0 8 z\" style=\"fill:#8790a0\"/></marker></defs>"
    )?;
    for (from, to) in edges {
        if let (Some(from), Some(to)) = (things.get(*from), things.get(*to)) {
            arrow(text, from, to)?;
        }
    }
    for thing in things {
        draw(text, thing)?;
    }
    text.write_str("</svg>\n")
}

/// A curve that leaves downwards and arrives from above, or the other way round.
fn arrow(text: &mut String, from: &Thing, to: &Thing) -> std::fmt::Result {
    let down = if to.at.1 >= from.at.1 { 0.5 } else { -0.5 };
    let ((x1, y1), (x2, y2)) = (from.at, to.at);
    let (y1, y2) = (y1 + from.size().1 * down, y2 - to.size().1 * down);
    let middle = f64::midpoint(y1, y2);
    let end = match to.kind {
        Kind::Label => "",
        Kind::Call | Kind::Node(..) => " marker-end=\"url(#arrow)\"",
    };
    writeln!(
        text,
        "<path d=\"M{x1:.1} {y1:.1} C{x1:.1} {middle:.1} {x2:.1} {middle:.1} {x2:.1} {y2:.1}\"{end}/>"
    )
}

fn draw(text: &mut String, thing: &Thing) -> std::fmt::Result {
    let ((x, y), (width, height)) = (thing.at, thing.size());
    let name = escape(&thing.text);
    let (left, top) = (x - width / 2.0, y - height / 2.0);
    let (right, bottom) = (left + width, top + height);
    let (kind, shape) = match thing.kind {
        Kind::Label => {
            return writeln!(
                text,
                "<text class=\"exit\" x=\"{x:.1}\" y=\"{:.1}\">{name}</text>",
                y + 4.0
            );
        }
        Kind::Call => {
            let round = height / 2.0;
            return writeln!(
                text,
                "<rect class=\"box\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"{round:.1}\"/>\n<text x=\"{x:.1}\" y=\"{:.1}\">{name}</text>",
                y + 4.0
            );
        }
        Kind::Node(kind, shape) => (kind, shape),
    };
    let slant = 9.0;
    match shape {
        Shape::Question => writeln!(
            text,
            "<polygon class=\"box {shape:?}\" points=\"{:.1},{top:.1} {right:.1},{top:.1} {:.1},{bottom:.1} {left:.1},{bottom:.1}\"/>",
            left + slant,
            right - slant
        )?,
        Shape::Choice => writeln!(
            text,
            "<polygon class=\"box {shape:?}\" points=\"{left:.1},{y:.1} {:.1},{top:.1} {:.1},{top:.1} {right:.1},{y:.1} {:.1},{bottom:.1} {:.1},{bottom:.1}\"/>",
            left + slant,
            right - slant,
            right - slant,
            left + slant
        )?,
        Shape::Away | Shape::End | Shape::Step => {
            let round = if shape == Shape::End {
                height / 2.0
            } else {
                3.0
            };
            writeln!(
                text,
                "<rect class=\"box {shape:?}\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"{round:.1}\"/>"
            )?;
        }
    }
    writeln!(
        text,
        "<text x=\"{x:.1}\" y=\"{:.1}\">{name}</text>\n<text class=\"kind\" x=\"{x:.1}\" y=\"{:.1}\">{kind}</text>",
        y - 3.0,
        y + 13.0
    )
}

/// XML 1.0 has no way to write most control characters.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            control if control.is_control() => escaped.push('\u{fffd}'),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}
