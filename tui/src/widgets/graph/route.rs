//! Lines: orthogonal edges through the channels between columns, and loop lanes under everything.
//! Owns the columns' widths and all strokes; rows come from placing, vertical tracks from `track`.
//! Invariant: a column remembered from an earlier layout keeps its first cell, whatever is added.

use std::collections::BTreeMap;

use unicode_width::UnicodeWidthStr;

use super::layer::Layers;
use super::place::Memory;
use super::scene::{EAST, Label, NORTH, SOUTH, Scene, Seat, Stroke, WEST};
use super::track::{Net, tracks};
use super::visible::Visible;

const LABEL_CAP: usize = 12;

/// One line inside one channel.
#[derive(Clone, Copy, Debug)]
struct Wire {
    net: usize,
    /// Row it comes in at from the left; `None` if it comes up from a loop lane.
    source: Option<i32>,
    /// Row it goes out at to the right; `None` if it goes down into a loop lane.
    target: Option<i32>,
    /// Row of its loop lane.
    lane: i32,
    edge: usize,
    last: bool,
}

#[derive(Clone, Debug, Default)]
struct Channel {
    nets: Vec<Net>,
    wires: Vec<Wire>,
    tracks: Vec<Option<usize>>,
    x: i32,
    width: i32,
}

/// Draws `layers` (rows already placed) and remembers where everything is.
pub(super) fn route(layers: &Layers, visible: &Visible, memory: &mut Memory) -> Scene {
    let lanes = loop_lanes(layers, visible);
    let mut channels = channels(layers, visible, &lanes);
    let widths = column_widths(layers, memory);
    let mut starts = Vec::with_capacity(widths.len());
    let mut x = 0;
    for (at, channel) in channels.iter_mut().enumerate() {
        let (tracks, count) = tracks(&channel.nets);
        channel.tracks = tracks;
        channel.x = x;
        let wanted = channel_width(channel, visible, count, at, widths.len());
        let kept = memory
            .channels
            .get(at)
            .copied()
            .filter(|_| at < memory.widths.len());
        channel.width = kept.unwrap_or(wanted);
        x += channel.width;
        if let Some(width) = widths.get(at) {
            starts.push(x);
            x += width;
        }
    }
    memory.channels = channels.iter().map(|channel| channel.width).collect();
    memory.widths.clone_from(&widths);
    for vertex in &layers.vertices {
        memory.seats.insert(vertex.key.clone(), (vertex.rank, vertex.y));
    }
    let mut scene = Scene::default();
    seats(layers, visible, &starts, &widths, &mut scene);
    let mut pen = Pen { scene: &mut scene };
    ways(layers, visible, &starts, &widths, &mut pen);
    for channel in &channels {
        draw_channel(channel, visible, &mut pen);
    }
    draw_lanes(layers, visible, &channels, &lanes, &mut pen);
    scene.finish();
    scene
}

/// A row under everything for each loop edge; loops over different columns share a row.
fn loop_lanes(layers: &Layers, visible: &Visible) -> BTreeMap<usize, i32> {
    let bottom = layers
        .vertices
        .iter()
        .map(|vertex| vertex.y + vertex.shape.height())
        .max()
        .unwrap_or(0);
    let mut rows: Vec<Vec<(usize, usize)>> = Vec::new();
    let mut lanes = BTreeMap::new();
    for edge in &layers.loops {
        let ends = &visible.edges[*edge];
        let span = (layers.vertices[ends.to].rank, layers.vertices[ends.from].rank + 1);
        let free = rows
            .iter()
            .position(|taken| taken.iter().all(|other| other.0 > span.1 || span.0 > other.1));
        let row = free.unwrap_or(rows.len());
        if row == rows.len() {
            rows.push(Vec::new());
        }
        rows[row].push(span);
        lanes.insert(*edge, bottom + i32::try_from(row).unwrap_or(0));
    }
    lanes
}

fn channels(layers: &Layers, visible: &Visible, lanes: &BTreeMap<usize, i32>) -> Vec<Channel> {
    let mut channels = vec![Channel::default(); layers.columns.len() + 1];
    let mut groups: Vec<BTreeMap<usize, Vec<usize>>> = vec![BTreeMap::new(); channels.len()];
    for (at, segment) in layers.segments.iter().enumerate() {
        groups[layers.vertices[segment.to].rank]
            .entry(segment.from)
            .or_default()
            .push(at);
    }
    for (at, group) in groups.iter().enumerate() {
        for bundle in bundles(layers, group) {
            let channel = &mut channels[at];
            let net = channel.nets.len();
            channel.nets.push(Net::default());
            for piece in bundle {
                let segment = &layers.segments[piece];
                let source = layers.vertices[segment.from].port_row();
                let target = layers.vertices[segment.to].port_row();
                channel.nets[net].sources.push(source);
                channel.nets[net].targets.push(target);
                channel.wires.push(Wire {
                    net,
                    source: Some(source),
                    target: Some(target),
                    lane: 0,
                    edge: segment.edge,
                    last: segment.last,
                });
            }
        }
    }
    for (edge, lane) in lanes {
        let ends = &visible.edges[*edge];
        let (from, to) = (&layers.vertices[ends.from], &layers.vertices[ends.to]);
        let out = (Some(from.port_row()), None);
        let back = (None, Some(to.port_row()));
        for (channel, (source, target)) in [(from.rank + 1, out), (to.rank, back)] {
            let channel = &mut channels[channel];
            let net = channel.nets.len();
            channel.nets.push(Net {
                sources: source.into_iter().collect(),
                targets: target.into_iter().collect(),
                lanes: vec![*lane],
            });
            channel.wires.push(Wire {
                net,
                source,
                target,
                lane: *lane,
                edge: *edge,
                last: target.is_some(),
            });
        }
    }
    channels
}

/// Pieces that may share a vertical part: all of one source; and sources with the very same targets together.
fn bundles(layers: &Layers, group: &BTreeMap<usize, Vec<usize>>) -> Vec<Vec<usize>> {
    let mut by_targets: BTreeMap<Vec<usize>, Vec<usize>> = BTreeMap::new();
    for pieces in group.values() {
        let mut targets: Vec<usize> = pieces.iter().map(|piece| layers.segments[*piece].to).collect();
        targets.sort_unstable();
        by_targets.entry(targets).or_default().extend(pieces);
    }
    by_targets.into_values().collect()
}

fn column_widths(layers: &Layers, memory: &Memory) -> Vec<i32> {
    let wanted = layers.columns.iter().map(|column| {
        column
            .iter()
            .map(|vertex| layers.vertices[*vertex].width)
            .max()
            .unwrap_or(1)
    });
    wanted
        .enumerate()
        .map(|(at, width)| memory.widths.get(at).copied().unwrap_or(width))
        .collect()
}

fn channel_width(channel: &Channel, visible: &Visible, tracks: usize, at: usize, columns: usize) -> i32 {
    let tracks = i32::try_from(tracks).unwrap_or(0);
    if at == 0 || at == columns {
        return if tracks == 0 { 0 } else { 2 * tracks + 2 };
    }
    let label = channel
        .wires
        .iter()
        .filter(|wire| wire.last)
        .filter_map(|wire| visible.edges[wire.edge].label.as_deref())
        .map(|label| label.width().min(LABEL_CAP))
        .max();
    let label = label.map_or(0, |cells| i32::try_from(cells).unwrap_or(0) + 2);
    2 * tracks + label + if tracks == 0 { 3 } else { 2 }
}

fn seats(layers: &Layers, visible: &Visible, starts: &[i32], widths: &[i32], scene: &mut Scene) {
    for vertex in &layers.vertices {
        let Some(node) = vertex.node else { continue };
        let mut leaves: Option<bool> = None;
        for edge in visible.edges.iter().filter(|edge| edge.from == node) {
            leaves = Some(leaves.unwrap_or(true) && edge.conditional);
        }
        scene.seats.push(Seat {
            node,
            x: starts[vertex.rank],
            y: vertex.y,
            width: vertex.width.min(widths[vertex.rank]),
            shape: vertex.shape,
            leaves,
            column_end: starts[vertex.rank] + widths[vertex.rank] - 1,
        });
    }
}

/// Waypoints: the edge runs straight through the column.
fn ways(layers: &Layers, visible: &Visible, starts: &[i32], widths: &[i32], pen: &mut Pen<'_>) {
    for segment in &layers.segments {
        let vertex = &layers.vertices[segment.from];
        if vertex.node.is_none() {
            let x = starts[vertex.rank];
            let dashed = visible.edges[segment.edge].conditional;
            pen.across(vertex.y, x, x + widths[vertex.rank] - 1, dashed);
        }
    }
}

fn draw_channel(channel: &Channel, visible: &Visible, pen: &mut Pen<'_>) {
    let end = channel.x + channel.width - 1;
    for wire in &channel.wires {
        let edge = &visible.edges[wire.edge];
        let dashed = edge.conditional;
        let x = track_x(channel, wire.net);
        match (wire.source, wire.target) {
            (Some(source), Some(target)) if source == target => {
                pen.across(source, channel.x, end, dashed);
            }
            (source, target) => {
                let from = source.unwrap_or(wire.lane);
                let to = target.unwrap_or(wire.lane);
                if source.is_some() {
                    pen.enter(from, channel.x, x, dashed);
                }
                pen.down(x, from, to, dashed);
                if target.is_some() {
                    pen.leave(to, x, end, dashed);
                }
            }
        }
        if let (true, Some(row)) = (wire.last, wire.target) {
            pen.arrow(row, end);
            if let (Some(label), Some(_)) = (&edge.label, wire.source) {
                let start = channel
                    .tracks
                    .iter()
                    .flatten()
                    .max()
                    .map_or(channel.x + 1, |_| rightmost(channel) + 1);
                pen.label(label, row, start, end - 1);
            }
        }
    }
}

fn rightmost(channel: &Channel) -> i32 {
    (0..channel.nets.len())
        .map(|net| track_x(channel, net))
        .max()
        .unwrap_or(channel.x)
}

fn track_x(channel: &Channel, net: usize) -> i32 {
    let track = channel.tracks.get(net).copied().flatten().unwrap_or(0);
    let wanted = channel.x + 1 + 2 * i32::try_from(track).unwrap_or(0);
    wanted.min(channel.x + channel.width - 2).max(channel.x)
}

fn draw_lanes(
    layers: &Layers,
    visible: &Visible,
    channels: &[Channel],
    lanes: &BTreeMap<usize, i32>,
    pen: &mut Pen<'_>,
) {
    for (edge, row) in lanes {
        let ends = &visible.edges[*edge];
        let find = |rank: usize| {
            let channel = &channels[rank];
            let wire = channel
                .wires
                .iter()
                .find(|wire| wire.edge == *edge && (wire.source.is_none() || wire.target.is_none()));
            wire.map(|wire| track_x(channel, wire.net))
        };
        let right = find(layers.vertices[ends.from].rank + 1);
        let left = find(layers.vertices[ends.to].rank);
        if let (Some(left), Some(right)) = (left, right) {
            pen.join(*row, left, right, ends.conditional);
            if let Some(label) = &ends.label {
                pen.label(label, *row, left + 2, right - 1);
            }
        }
    }
}

struct Pen<'a> {
    scene: &'a mut Scene,
}

impl Pen<'_> {
    fn put(&mut self, y: i32, x: i32, arms: u8, dashed: bool) {
        self.scene.strokes.push(Stroke {
            y,
            x,
            arms,
            dashed,
            arrow: false,
        });
    }

    /// A whole row of line, open at both ends.
    fn across(&mut self, y: i32, from: i32, to: i32, dashed: bool) {
        for x in from..=to {
            self.put(y, x, EAST | WEST, dashed);
        }
    }

    fn enter(&mut self, y: i32, from: i32, to: i32, dashed: bool) {
        self.across(y, from, to - 1, dashed);
        self.put(y, to, WEST, dashed);
    }

    fn leave(&mut self, y: i32, from: i32, to: i32, dashed: bool) {
        self.put(y, from, EAST, dashed);
        self.across(y, from + 1, to, dashed);
    }

    /// Between two corners.
    fn join(&mut self, y: i32, from: i32, to: i32, dashed: bool) {
        self.put(y, from, EAST, dashed);
        self.across(y, from + 1, to - 1, dashed);
        self.put(y, to, WEST, dashed);
    }

    fn down(&mut self, x: i32, from: i32, to: i32, dashed: bool) {
        let (top, bottom) = (from.min(to), from.max(to));
        if top == bottom {
            return;
        }
        self.put(top, x, SOUTH, dashed);
        for y in top + 1..bottom {
            self.put(y, x, NORTH | SOUTH, dashed);
        }
        self.put(bottom, x, NORTH, dashed);
    }

    fn arrow(&mut self, y: i32, x: i32) {
        self.scene.strokes.push(Stroke {
            y,
            x,
            arms: 0,
            dashed: true,
            arrow: true,
        });
    }

    fn label(&mut self, text: &str, y: i32, from: i32, to: i32) {
        let room = usize::try_from(to - from + 1).unwrap_or(0).min(LABEL_CAP + 2);
        if room >= 3 {
            let text = format!(" {} ", crate::text::fit::cut(text, room - 2));
            self.scene.labels.push(Label { x: from, y, text });
        }
    }
}
