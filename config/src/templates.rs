//! The workflows to begin with: complete documents, each with the agents it calls.
//!
//! Adding one is one file in `templates/` and one row here; its title, parameters and sample stand in the file.

/// A template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Template {
    /// Its name, and that of its workflow.
    pub name: &'static str,
    /// The file: one Open Workflow document, then its agents.
    pub text: &'static str,
}

macro_rules! templates {
    ($($name:literal)+) => {
        /// All of them, in the order they are shown.
        pub const TEMPLATES: &[Template] = &[
            $(Template { name: $name, text: include_str!(concat!("../templates/", $name, ".yaml")) },)+
        ];
    };
}

templates! {
    "mail-digest"
    "invoice-check"
    "incident-triage"
    "log-summary"
    "folder-watch"
    "page-change-alert"
    "data-cleanup"
    "content-pipeline"
    "etl-fork-join"
    "mcp-file-report"
    "nightly-backup"
    "release-checklist"
    "ticket-routing"
    "research-brief"
    "payment-reminder"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_has_its_row_and_says_what_it_is() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/templates");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let mut rows: Vec<String> = TEMPLATES.iter().map(|row| format!("{}.yaml", row.name)).collect();
        files.sort();
        rows.sort();
        assert_eq!(files, rows);
        for template in TEMPLATES {
            for line in [
                format!("  name: {}", template.name),
                "  title: ".into(),
                "  summary: ".into(),
                "    live: ".into(),
            ] {
                assert!(
                    template.text.contains(&format!("\n{line}")),
                    "{}: {line}",
                    template.name
                );
            }
        }
    }
}
