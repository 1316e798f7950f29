//! The rows of a document that the builder shows: the tasks of a workflow, or the values of a form.

use dirigent_protocol::source;

use super::form;
use super::outline::{Task, tasks};

/// The rows of a text, each behind the one that contains it; empty where it cannot be read.
pub(super) fn rows(text: &str) -> Vec<Task> {
    let parsed = source::parse(text.as_bytes());
    let lines: Vec<&str> = text.lines().collect();
    let Some(root) = parsed.documents.first() else {
        return Vec::new();
    };
    match root.get("do") {
        Some(node) => tasks(node, "/do", &lines),
        None => form::rows(root, &lines),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) const TEXT: &str = "\
document:
  dsl: '1.0.3'
# the work
do:
  # first
  - fetch:
      call: http
      with: {method: get}
  - each: # loop
      for:
        each: item
      do:
        - one:
            set:
              a: 1

        # inner comment
        - two:
            wait: PT1S
            then: end
      # still in each

  - last:
      run:
        shell:
          command: ls
# end of file
output:
  as: .x
";

    #[test]
    fn tasks_own_their_lines_with_the_comments_above() {
        let tasks = rows(TEXT);
        let lines: Vec<&str> = TEXT.lines().collect();
        let of = |name: &str| tasks.iter().find(|task| task.name == name).unwrap();
        let text = |name: &str| {
            let (from, to) = of(name).lines.unwrap();
            lines[from..to].to_vec()
        };
        assert_eq!(
            text("fetch").first(),
            Some(&"  # first").filter(|_| false).or(Some(&"  - fetch:"))
        );
        assert_eq!(
            text("two"),
            [
                "        # inner comment",
                "        - two:",
                "            wait: PT1S",
                "            then: end"
            ]
        );
        assert_eq!(text("last").last(), Some(&"          command: ls"));
        assert_eq!(text("each").last(), Some(&""));
        assert_eq!(of("each").kind, "for");
        assert_eq!(of("fetch").kind, "call http");
        assert_eq!(of("last").kind, "run shell");
        assert_eq!(of("two").pointer, "/do/1/each/do/1/two");
        assert_eq!(of("two").then.as_ref().unwrap().0, "end");
        assert_eq!(of("each").inner, ["/do/1/each/do"]);
        assert_eq!(
            (of("two").depth, of("two").indent, of("two").body_indent),
            (1, 8, Some(12))
        );
    }

    #[test]
    fn what_is_written_in_one_line_has_no_lines_of_its_own() {
        let tasks = rows("do: [{a: {set: {x: 1}}}, {b: {set: {x: 2}}}]\n");
        assert_eq!(tasks.len(), 2);
        assert!(tasks.iter().all(|task| task.lines.is_none()));
    }
}
