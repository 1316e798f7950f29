//! Members of what an approval shows, filled in one by one: `--set callback=TEXT`, `--set content.seats=2`.

use dirigent_protocol::fault::Fault;
use serde_json::Value;

use crate::cli::faults::usage;

/// What is shown, with these members as they are given: a value that is JSON is that, any other is text.
///
/// # Errors
/// One of them names nothing that could be there.
pub fn filled_in(shown: &Value, given: &[String]) -> Result<Value, Fault> {
    let mut all = shown.clone();
    for one in given {
        let wrong = |why: &str| {
            usage(format!("--set {}: {why}", one.escape_debug()))
                .help("write --set NAME=VALUE, or NAME.NAME=VALUE")
        };
        let (name, text) = one.split_once('=').ok_or_else(|| wrong("there is no `=`"))?;
        let (path, last) = name
            .rsplit_once('.')
            .map_or((None, name), |(path, last)| (Some(path), last));
        let mut around = Some(&mut all);
        for part in path.into_iter().flat_map(|path| path.split('.')) {
            around = around.and_then(|around| around.get_mut(part));
        }
        let members = around.and_then(Value::as_object_mut);
        let members = members.ok_or_else(|| wrong("nothing of that name is shown"))?;
        let is_text = members.get(last).is_some_and(Value::is_string);
        let value = match serde_json::from_str(text) {
            Ok(value) if !is_text => value,
            _ => Value::String(text.to_owned()),
        };
        members.insert(last.to_owned(), value);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_are_filled_in_by_name() {
        let shown = json!({ "callback": "", "content": { "seats": 1, "note": "a" } });
        let set = |given: &[&str]| {
            let given: Vec<String> = given.iter().map(|&one| one.to_owned()).collect();
            filled_in(&shown, &given)
        };
        let filled = set(&[
            "callback=http://x/?a=b",
            "content.seats=2",
            "content.note=3",
            "content.new=yes",
        ])
        .unwrap();
        assert_eq!(
            filled,
            json!({ "callback": "http://x/?a=b", "content": { "seats": 2, "note": "3", "new": "yes" } })
        );
        for wrong in ["callback", "nothing.there=1", "callback.x=1"] {
            assert!(set(&[wrong]).is_err(), "{wrong}");
        }
    }
}
