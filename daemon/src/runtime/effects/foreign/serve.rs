//! What an agent asks of its client: files of its tree, and commands in it. Nothing outside the tree is reached.

use std::path::Path;

use serde_json::{Value, json};

use super::terminals::{Spawner, Terminals};
use crate::tools::workspace;

/// The protocol's numbers for what went wrong.
const NO_METHOD: i64 = -32_601;
const BAD_PARAMS: i64 = -32_602;
const NOT_THERE: i64 = -32_002;

type Answer = Result<Value, (i64, String)>;

/// The answer to a request; none where it comes later.
pub(super) fn serve(
    (spawner, terminals): (&Spawner, &mut Terminals),
    id: &Value,
    method: &str,
    params: &Value,
) -> Option<Answer> {
    let tree = &spawner.room.workspace;
    let told = |result: Result<Value, String>| Some(result.map_err(|words| (BAD_PARAMS, words)));
    match method {
        "fs/read_text_file" => Some(read(tree, params)),
        "fs/write_text_file" => Some(write(tree, params)),
        "terminal/create" => told(terminals.create(spawner, params)),
        "terminal/output" => told(terminals.output(params)),
        "terminal/kill" => told(terminals.kill(params)),
        "terminal/release" => told(terminals.release(params)),
        "terminal/wait_for_exit" => match terminals.wait(params, id) {
            Ok(ended) => ended.map(Ok),
            Err(words) => told(Err(words)),
        },
        other => Some(Err((NO_METHOD, format!("there is no method `{other}` here")))),
    }
}

/// The tree as text, and the path below it.
fn below<'a>(tree: &'a Path, params: &'a Value) -> Result<(&'a str, &'a str), (i64, String)> {
    let asked = params["path"].as_str().unwrap_or_default();
    let path = match Path::new(asked).strip_prefix(tree) {
        Ok(path) => path,
        Err(_) if !asked.starts_with('/') => Path::new(asked),
        Err(_) => return Err((BAD_PARAMS, format!("`{asked}` is outside of the worktree"))),
    };
    let both = tree.to_str().zip(path.to_str());
    both.ok_or_else(|| (BAD_PARAMS, "the path is no text".to_owned()))
}

fn read(tree: &Path, params: &Value) -> Answer {
    let (tree, path) = below(tree, params)?;
    let text = workspace::read(tree, path).map_err(|error| {
        let code = if error.is_missing() { NOT_THERE } else { BAD_PARAMS };
        (code, error.to_string())
    })?;
    let number = |name: &str| params[name].as_u64().and_then(|n| usize::try_from(n).ok());
    let (from, most) = (number("line").unwrap_or(1).max(1) - 1, number("limit"));
    if from == 0 && most.is_none() {
        return Ok(json!({ "content": text }));
    }
    let lines = text.split_inclusive('\n').skip(from);
    let content: String = lines.take(most.unwrap_or(usize::MAX)).collect();
    Ok(json!({ "content": content }))
}

fn write(tree: &Path, params: &Value) -> Answer {
    let (tree, path) = below(tree, params)?;
    let content = params["content"].as_str().unwrap_or_default();
    workspace::make_folders(tree, path)
        .and_then(|()| workspace::write(tree, path, content))
        .map_err(|error| (BAD_PARAMS, error.to_string()))?;
    Ok(json!({}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_the_tree_and_no_others() {
        let all = tempfile::tempdir().unwrap();
        let tree = all.path().join("tree");
        std::fs::create_dir(&tree).unwrap();
        std::fs::write(all.path().join("secret"), "s").unwrap();
        let at =
            |name: &str| json!({ "path": tree.join(name), "content": "1\n2\n3\n", "line": 2, "limit": 1 });
        assert_eq!(write(&tree, &at("a/b/c.txt")), Ok(json!({})));
        assert_eq!(read(&tree, &at("a/b/c.txt")), Ok(json!({ "content": "2\n" })));
        assert_eq!(read(&tree, &at("none")).unwrap_err().0, NOT_THERE);
        for path in ["../secret", "a/../../secret"] {
            assert!(
                read(&tree, &at(path)).is_err() && write(&tree, &at(path)).is_err(),
                "{path}"
            );
        }
        assert!(read(&tree, &json!({ "path": all.path().join("secret") })).is_err());
    }
}
