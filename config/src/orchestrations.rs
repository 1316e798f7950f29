//! The orchestrations to begin with: complete files, each with the agents it needs.
//!
//! Adding one is one file in `orchestrations/` and one row here; what it is for and its input stand in the file.

/// A shipped orchestration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShippedOrchestration {
    /// Its name.
    pub name: &'static str,
    /// The file: the orchestration, then its agents.
    pub text: &'static str,
}

macro_rules! orchestrations {
    ($($name:literal)+) => {
        /// All of them, in the order they are shown.
        pub const ORCHESTRATIONS: &[ShippedOrchestration] = &[
            $(ShippedOrchestration { name: $name, text: include_str!(concat!("../orchestrations/", $name, ".yaml")) },)+
        ];
    };
}

orchestrations! {
    "log-triage"
    "code-review"
    "folder-brief"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_has_its_row_and_names_itself() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/orchestrations");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let mut rows: Vec<String> = ORCHESTRATIONS
            .iter()
            .map(|row| format!("{}.yaml", row.name))
            .collect();
        files.sort();
        rows.sort();
        assert_eq!(files, rows);
        for row in ORCHESTRATIONS {
            assert!(
                row.text
                    .contains(&format!("\nmetadata: {{ name: {} }}\n", row.name)),
                "{}",
                row.name
            );
        }
    }
}
