//! No two modules of a crate reach each other. Top modules are compared, through `crate::` paths in product code.

use std::collections::{BTreeMap, BTreeSet};

use crate::house::{CRATES, product_text, root, short, sources};

type Graph = BTreeMap<String, BTreeMap<String, String>>;

/// Top module of a file: `src/runtime/effects/http.rs` is in `runtime`.
fn top_module(crate_folder: &str, path: &std::path::Path) -> String {
    let inside = path.strip_prefix(root().join(crate_folder).join("src")).unwrap();
    let first = inside
        .components()
        .next()
        .unwrap()
        .as_os_str()
        .to_string_lossy()
        .into_owned();
    first.trim_end_matches(".rs").to_owned()
}

fn graph(crate_folder: &str) -> Graph {
    let mut graph = Graph::new();
    for path in sources(crate_folder, "src") {
        let from = top_module(crate_folder, &path);
        if matches!(from.as_str(), "lib" | "main") {
            continue;
        }
        let text = product_text(&path);
        let edges = graph.entry(from.clone()).or_default();
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for target in line.split("crate::").skip(1) {
                for to in targets(target) {
                    if to != from {
                        edges
                            .entry(to)
                            .or_insert_with(|| format!("{}: {}", short(&path), line.trim()));
                    }
                }
            }
        }
    }
    let modules: BTreeSet<_> = graph.keys().cloned().collect();
    for edges in graph.values_mut() {
        edges.retain(|to, _| modules.contains(to));
    }
    graph
}

/// `runtime::Handle` names `runtime`; `{door, records::Clock}` names `door` and `records`.
fn targets(path: &str) -> Vec<String> {
    let word = |text: &str| -> String {
        text.trim()
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect()
    };
    match path.strip_prefix('{') {
        None => vec![word(path)],
        Some(list) => list
            .split(',')
            .map(word)
            .filter(|word| !word.is_empty())
            .collect(),
    }
}

fn cycle(graph: &Graph) -> Option<Vec<String>> {
    fn visit(
        graph: &Graph,
        at: &str,
        path: &mut Vec<String>,
        done: &mut BTreeSet<String>,
    ) -> Option<Vec<String>> {
        if let Some(start) = path.iter().position(|module| module == at) {
            return Some(path[start..].to_vec());
        }
        if !done.insert(at.to_owned()) {
            return None;
        }
        path.push(at.to_owned());
        for to in graph.get(at).into_iter().flat_map(BTreeMap::keys) {
            if let Some(found) = visit(graph, to, path, done) {
                return Some(found);
            }
        }
        path.pop();
        None
    }
    let mut done = BTreeSet::new();
    graph
        .keys()
        .find_map(|start| visit(graph, start, &mut Vec::new(), &mut done))
}

#[test]
fn modules_of_a_crate_do_not_reach_each_other() {
    for (folder, name) in CRATES {
        let graph = graph(folder);
        if let Some(found) = cycle(&graph) {
            let steps: Vec<_> = found
                .iter()
                .zip(found.iter().cycle().skip(1))
                .map(|(from, to)| format!("  {from} -> {to}   {}", graph[from][to]))
                .collect();
            panic!("{name} has a cycle of modules:\n{}", steps.join("\n"));
        }
    }
}

#[test]
fn a_cycle_is_seen() {
    let edge = |to: &str| BTreeMap::from([(to.to_owned(), String::new())]);
    let graph = Graph::from([
        ("a".to_owned(), edge("b")),
        ("b".to_owned(), edge("c")),
        ("c".to_owned(), edge("b")),
    ]);
    assert_eq!(cycle(&graph).unwrap(), ["b", "c"]);
}
