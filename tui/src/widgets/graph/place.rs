//! The row of each vertex: straight where it can be, never overlapping.
//! Owns rows; columns and lines are the router's.
//! Invariant: a vertex remembered from an earlier layout keeps its row, whatever is added.

use std::collections::HashMap;

use super::layer::{Layers, Vertex};

/// Rows and columns of an earlier layout, by key.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    /// Column and first row of each vertex.
    pub seats: HashMap<String, (usize, i32)>,
    /// Cell columns of each column.
    pub widths: Vec<i32>,
    /// Cell columns of the room in front of each column, and behind the last.
    pub channels: Vec<i32>,
}

/// Gives every vertex its row.
pub(super) fn place(layers: &mut Layers, memory: &Memory) {
    if memory.seats.is_empty() {
        fresh(layers);
    } else {
        grow(layers, memory);
    }
}

fn gap(above: &Vertex, below: &Vertex) -> i32 {
    i32::from(above.shape.boxed() || below.shape.boxed())
}

fn fresh(layers: &mut Layers) {
    for column in &layers.columns {
        let mut y = 0;
        for (at, vertex) in column.iter().enumerate() {
            if at > 0 {
                y += gap(&layers.vertices[column[at - 1]], &layers.vertices[*vertex]);
            }
            layers.vertices[*vertex].y = y;
            y += layers.vertices[*vertex].shape.height();
        }
    }
    let (left, right) = pulls(layers);
    let count = layers.columns.len();
    for _ in 0..2 {
        for column in 1..count {
            settle(layers, column, &left);
        }
        for column in (0..count.saturating_sub(1)).rev() {
            settle(layers, column, &right);
        }
    }
    for column in 1..count {
        settle(layers, column, &left);
    }
    let top = layers.vertices.iter().map(|vertex| vertex.y).min().unwrap_or(0);
    for vertex in &mut layers.vertices {
        vertex.y -= top;
    }
}

type Pulls = Vec<Vec<(usize, f64)>>;

fn pulls(layers: &Layers) -> (Pulls, Pulls) {
    let mut left = vec![Vec::new(); layers.vertices.len()];
    let mut right = left.clone();
    for segment in &layers.segments {
        left[segment.to].push((segment.from, segment.weight));
        right[segment.from].push((segment.to, segment.weight));
    }
    (left, right)
}

/// Least-squares rows for one column that keep its order and distances: pooled neighbours move as one block.
fn settle(layers: &mut Layers, column: usize, pulls: &Pulls) {
    struct Block {
        first: usize,
        weight: f64,
        sum: f64,
    }
    let list = layers.columns[column].clone();
    let mut offsets = Vec::with_capacity(list.len());
    let mut offset = 0;
    for (at, vertex) in list.iter().enumerate() {
        let here = &layers.vertices[*vertex];
        if at > 0 {
            let above = &layers.vertices[list[at - 1]];
            offset += above.shape.height() + gap(above, here);
        }
        offsets.push(offset);
    }
    let mut blocks: Vec<Block> = Vec::new();
    for (at, vertex) in list.iter().enumerate() {
        let here = &layers.vertices[*vertex];
        let (mut weight, mut sum) = (0.0, 0.0);
        for (other, pull) in &pulls[*vertex] {
            weight += pull;
            sum += pull * f64::from(layers.vertices[*other].port_row() - here.shape.port());
        }
        if weight == 0.0 {
            weight = 0.01;
            sum = 0.01 * f64::from(here.y);
        }
        blocks.push(Block {
            first: at,
            weight,
            sum: sum - weight * f64::from(offsets[at]),
        });
        while let [.., above, below] = blocks.as_slice() {
            if above.sum / above.weight <= below.sum / below.weight {
                break;
            }
            let (weight, sum) = (below.weight, below.sum);
            blocks.pop();
            if let Some(above) = blocks.last_mut() {
                above.weight += weight;
                above.sum += sum;
            }
        }
    }
    for (at, block) in blocks.iter().enumerate() {
        let end = blocks.get(at + 1).map_or(list.len(), |next| next.first);
        let base = (block.sum / block.weight).round() as i32;
        for place in block.first..end {
            layers.vertices[list[place]].y = base + offsets[place];
        }
    }
}

/// Old vertices keep their rows; new ones take the free rows nearest to where they want to be.
fn grow(layers: &mut Layers, memory: &Memory) {
    let (left, right) = pulls(layers);
    let mut seated = vec![false; layers.vertices.len()];
    for (at, vertex) in layers.vertices.iter_mut().enumerate() {
        if let Some((rank, y)) = memory.seats.get(&vertex.key)
            && *rank == vertex.rank
        {
            vertex.y = *y;
            seated[at] = true;
        }
    }
    for column in 0..layers.columns.len() {
        let list = layers.columns[column].clone();
        for vertex in &list {
            if seated[*vertex] {
                continue;
            }
            let port = layers.vertices[*vertex].shape.port();
            let around: Vec<i32> = left[*vertex]
                .iter()
                .chain(&right[*vertex])
                .filter(|(other, _)| seated[*other])
                .map(|(other, _)| layers.vertices[*other].port_row() - port)
                .collect();
            let wanted = if around.is_empty() {
                0
            } else {
                around.iter().sum::<i32>() / around.len() as i32
            };
            let y = nearest_free(layers, &list, &seated, *vertex, wanted.max(0));
            layers.vertices[*vertex].y = y;
            seated[*vertex] = true;
        }
        layers.columns[column].sort_by_key(|vertex| layers.vertices[*vertex].y);
    }
}

fn nearest_free(layers: &Layers, column: &[usize], seated: &[bool], vertex: usize, wanted: i32) -> i32 {
    let new = &layers.vertices[vertex];
    let free = |y: i32| {
        y >= 0
            && column
                .iter()
                .filter(|other| seated[**other] && **other != vertex)
                .all(|other| {
                    let old = &layers.vertices[*other];
                    let gap = gap(old, new);
                    y >= old.y + old.shape.height() + gap || y + new.shape.height() + gap <= old.y
                })
    };
    let mut away = 0;
    loop {
        if free(wanted + away) {
            return wanted + away;
        }
        if free(wanted - away) {
            return wanted - away;
        }
        away += 1;
    }
}
