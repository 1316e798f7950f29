//! Graph shapes as text drawings, stability while growing, and the time a large layout takes.

use ratatui::{buffer::Buffer, layout::Rect};

use super::layer::{Detail, Look};
use super::place::Memory;
use super::view::lay_out;
use super::visible::{Scope, visible};
use super::{Direction, Graph, GraphEdge, GraphNode, GraphView, TreeView};
use crate::theme::Theme;
use crate::widgets::drawn::text;
use crate::widgets::step_state::StepState as S;

fn node(id: &str, kind: &str, state: S, note: &str) -> GraphNode {
    let (parent, name) = match id.rsplit_once('/') {
        Some((parent, name)) => (Some(parent.to_owned()), name),
        None => (None, id),
    };
    GraphNode {
        id: id.into(),
        name: name.into(),
        kind: kind.into(),
        parent,
        state,
        note: note.into(),
    }
}

fn edge(from: &str, to: &str) -> GraphEdge {
    GraphEdge {
        from: from.into(),
        to: to.into(),
        ..GraphEdge::default()
    }
}

fn when(from: &str, to: &str, label: &str) -> GraphEdge {
    GraphEdge {
        label: Some(label.into()),
        conditional: true,
        ..edge(from, to)
    }
}

fn draw(graph: &Graph, width: u16, height: u16) -> String {
    let mut view = GraphView::default();
    render(&mut view, graph, width, height)
}

fn render(view: &mut GraphView, graph: &Graph, width: u16, height: u16) -> String {
    let area = Rect::new(0, 0, width, height);
    let mut buf = Buffer::empty(area);
    view.render(graph, area, &mut buf, &Theme::default());
    text(&buf)
}

fn triage() -> Graph {
    let branch = |n: u8, state, note| node(&format!("classify/classify#{n}"), "call:agent", state, note);
    Graph::new(
        vec![
            node("fetch", "call:http", S::Completed, "8.4s"),
            node("alert-ops", "call:http", S::Pending, ""),
            node("split", "set", S::Completed, "0.3s 6 out"),
            node("classify", "fork", S::Running, "2/5"),
            branch(1, S::Completed, "12s"),
            branch(2, S::Completed, "14s"),
            branch(3, S::Running, "31s"),
            branch(4, S::Retry, "2/3"),
            branch(5, S::Queued, "queued"),
            node("merge", "set", S::Pending, ""),
            node("review", "call:approval", S::Pending, ""),
            node("notify", "call:http", S::Pending, ""),
            node("archive", "set", S::Pending, ""),
        ],
        vec![
            edge("fetch", "split"),
            when("fetch", "alert-ops", "on error"),
            edge("split", "classify"),
            edge("classify", "merge"),
            edge("merge", "review"),
            when("review", "notify", "yes"),
            when("review", "archive", "deny"),
        ],
    )
}

#[test]
fn a_fork_draws_lanes_between_split_and_merge() {
    insta::assert_snapshot!(draw(&triage(), 150, 12));
}

#[test]
fn lower_detail_fits_smaller_panes() {
    let graph = triage();
    insta::assert_snapshot!("plain", draw(&graph, 130, 9));
    let mut view = GraphView::default();
    render(&mut view, &graph, 100, 8);
    view.zoom(false);
    view.zoom(false);
    view.zoom(false);
    insta::assert_snapshot!("sign", render(&mut view, &graph, 110, 8));
}

#[test]
fn compete_and_retry_and_waiting_for_a_person() {
    let graph = Graph::new(
        vec![
            node("race", "fork", S::Running, "compete"),
            node("race/fast", "call:agent", S::Completed, "2.1s"),
            node("race/slow", "call:agent", S::Cancelled, "lost"),
            node("send", "call:http", S::Retry, "2/3 in 14s"),
            node("approve", "call:approval", S::Person, "! a"),
        ],
        vec![edge("race", "send"), edge("send", "approve")],
    );
    insta::assert_snapshot!(draw(&graph, 110, 12));
}

#[test]
fn a_try_with_its_catch_a_loop_and_a_switch() {
    let graph = Graph::new(
        vec![
            node("guard", "try", S::Running, ""),
            node("guard/fetch", "call:http", S::Faulted, "503"),
            node("guard/report", "call:http", S::Running, "1s"),
            node("each", "for", S::Pending, "item 3/20"),
            node("each/label", "call:agent", S::Pending, ""),
            node("each/store", "call:http", S::Pending, ""),
            node("pick", "switch", S::Pending, ""),
            node("big", "set", S::Pending, ""),
            node("small", "set", S::Pending, ""),
            node("end", "set", S::Pending, ""),
        ],
        vec![
            edge("guard", "guard/fetch"),
            when("guard", "guard/report", "catch"),
            edge("guard", "each"),
            GraphEdge {
                label: Some("each".into()),
                ..edge("each", "each/label")
            },
            edge("each/label", "each/store"),
            edge("each", "pick"),
            when("pick", "big", "high"),
            when("pick", "small", "low"),
            edge("big", "end"),
            edge("small", "end"),
        ],
    );
    insta::assert_snapshot!(draw(&graph, 160, 14));
}

fn fan(many: usize) -> Graph {
    let states = [S::Completed, S::Completed, S::Running, S::Pending];
    let mut nodes = vec![node("all", "fork", S::Running, "")];
    nodes.extend((0..many).map(|n| node(&format!("all/item#{n}"), "call:agent", states[n % 4], "")));
    nodes.push(node("sum", "set", S::Pending, ""));
    Graph::new(nodes, vec![edge("all", "sum")])
}

#[test]
fn more_than_six_branches_fold_to_one_box_that_opens() {
    let graph = fan(9);
    let mut view = GraphView::default();
    let folded = render(&mut view, &graph, 80, 8);
    insta::assert_snapshot!("folded", folded);
    view.step(Direction::Right);
    assert_eq!(view.selected(), Some("all"));
    assert!(view.enter(&graph));
    insta::assert_snapshot!("opened", render(&mut view, &graph, 80, 12));
    assert!(view.leave());
    assert_eq!(
        render(&mut view, &graph, 80, 8).replace('▸', " "),
        folded.replace('▸', " ")
    );
}

#[test]
fn the_cursor_goes_to_the_nearest_and_changes_few_cells() {
    let graph = triage();
    let mut view = GraphView::default();
    let before = render(&mut view, &graph, 150, 12);
    assert_eq!(view.selected(), Some("fetch"));
    assert!(view.step(Direction::Right));
    assert_eq!(view.selected(), Some("split"));
    view.step(Direction::Right);
    view.step(Direction::Right);
    assert_eq!(view.selected(), Some("classify/classify#3"));
    view.step(Direction::Down);
    assert_eq!(view.selected(), Some("classify/classify#4"));
    assert!(!view.step(Direction::Left) || view.selected() == Some("classify"));
    let after = render(&mut view, &graph, 150, 12);
    let changed = before.chars().zip(after.chars()).filter(|(a, b)| a != b).count();
    assert!(changed <= 2, "only markers move: {changed}\n{before}\n{after}");
}

#[test]
fn a_growing_graph_moves_no_node() {
    for seed in 0..20u64 {
        let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut next = |below: usize| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            usize::try_from(random % below as u64).unwrap()
        };
        let mut graph = triage();
        let mut view = GraphView::default();
        view.arrange(&graph, (120, 12));
        for step in 0..30 {
            let old: Vec<_> = view
                .scene()
                .seats
                .iter()
                .map(|seat| (view.drawn().nodes[seat.node].key.clone(), seat.x, seat.y))
                .collect();
            let from = graph.nodes()[next(graph.nodes().len())].id.clone();
            let to = graph.nodes()[next(graph.nodes().len())].id.clone();
            let id = format!("new{step}");
            graph.add_node(node(&id, "set", S::Pending, ""));
            graph.add_edge(edge(&from, &id));
            if next(2) == 0 {
                graph.add_edge(edge(&id, &to));
            }
            view.arrange(&graph, (120, 12));
            let now: std::collections::HashMap<_, _> = view
                .scene()
                .seats
                .iter()
                .map(|seat| (view.drawn().nodes[seat.node].key.clone(), (seat.x, seat.y)))
                .collect();
            for (key, x, y) in old {
                assert_eq!(
                    now.get(&key),
                    Some(&(x, y)),
                    "seed {seed}, step {step}: {key} moved"
                );
            }
            no_overlap(&view, seed);
        }
    }
}

fn no_overlap(view: &GraphView, seed: u64) {
    let seats = &view.scene().seats;
    for (at, a) in seats.iter().enumerate() {
        for b in &seats[at + 1..] {
            let apart = a.x + a.width <= b.x
                || b.x + b.width <= a.x
                || a.y + a.height() <= b.y
                || b.y + b.height() <= a.y;
            assert!(apart, "seed {seed}: {a:?} {b:?}");
        }
    }
}

fn large(count: usize) -> Graph {
    let mut random = 42u64;
    let mut nodes = Vec::new();
    let mut edges = Vec::new();
    for at in 0..count {
        nodes.push(node(&format!("step-{at}"), "set", S::Pending, ""));
        for _ in 0..if at == 0 { 0 } else { 1 + at % 2 } {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let back = 1 + usize::try_from(random % 20).unwrap();
            edges.push(edge(
                &format!("step-{}", at.saturating_sub(back)),
                &format!("step-{at}"),
            ));
        }
    }
    Graph::new(nodes, edges)
}

#[test]
fn five_hundred_nodes_are_laid_out_in_time() {
    let graph = large(500);
    let drawn = visible(&graph, &Scope::default());
    assert_eq!(drawn.nodes.len(), 500);
    let mut best = std::time::Duration::MAX;
    for _ in 0..5 {
        let start = std::time::Instant::now();
        let scene = lay_out(
            &graph,
            &drawn,
            Look {
                detail: Detail::Status,
                room: 10,
            },
            &mut Memory::default(),
        );
        best = best.min(start.elapsed());
        assert_eq!(scene.seats.len(), 500);
    }
    eprintln!("layout of 500 nodes, {} edges: {best:?}", drawn.edges.len());
    let limit = if cfg!(debug_assertions) { 800 } else { 16 };
    assert!(best.as_millis() <= limit, "{best:?}");
    let mut view = GraphView::default();
    render(&mut view, &graph, 120, 12);
    let start = std::time::Instant::now();
    view.pan(5, 2);
    render(&mut view, &graph, 120, 12);
    eprintln!("pan: {:?}", start.elapsed());
}

#[test]
fn any_size_is_drawn_without_panic() {
    let graph = triage();
    for width in 0..30 {
        for height in 0..8 {
            draw(&graph, width, height);
        }
    }
    assert_eq!(draw(&Graph::default(), 10, 2).trim(), "");
}

#[test]
fn the_tree_shows_nesting_and_folds() {
    let graph = triage();
    let mut tree = TreeView::default();
    let area = Rect::new(0, 0, 70, 14);
    let mut buf = Buffer::empty(area);
    tree.render(&graph, Some("classify"), area, &mut buf, &Theme::default());
    insta::assert_snapshot!("tree", text(&buf));
    tree.fold(&graph, "classify");
    let mut buf = Buffer::empty(area);
    tree.render(&graph, Some("classify"), area, &mut buf, &Theme::default());
    insta::assert_snapshot!("tree-folded", text(&buf));
    assert_eq!(tree.step(&graph, Some("classify"), 1).as_deref(), Some("merge"));
}
