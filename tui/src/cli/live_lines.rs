//! Live text as whole lines, each behind the name of the task that writes it.

use std::collections::BTreeMap;

use dirigent_protocol::run::StepId;
use dirigent_protocol::watch::StreamChunk;

/// Longest line kept back until its end comes.
const LONGEST: usize = 4_096;

/// Beginnings of lines whose end has not come.
#[derive(Debug, Default)]
pub struct LiveLines(BTreeMap<StepId, (u32, String)>);

impl LiveLines {
    /// Takes chunks in; whole lines come out with their step.
    pub fn take(&mut self, chunks: Vec<StreamChunk>) -> Vec<(StepId, String)> {
        let mut lines = Vec::new();
        for chunk in chunks {
            let (attempt, rest) = self.0.entry(chunk.step.clone()).or_default();
            if *attempt != chunk.attempt {
                if !rest.is_empty() {
                    lines.push((chunk.step.clone(), std::mem::take(rest)));
                }
                *attempt = chunk.attempt;
            }
            if chunk.withdraws {
                rest.clear();
            }
            rest.push_str(&chunk.text);
            while let Some(end) = rest.find('\n') {
                let line: String = rest.drain(..=end).collect();
                lines.push((chunk.step.clone(), line.trim_end_matches(['\n', '\r']).to_owned()));
            }
            if rest.len() > LONGEST {
                lines.push((chunk.step.clone(), std::mem::take(rest)));
            }
        }
        lines
    }

    /// What is left of every step, or of one.
    pub fn rest(&mut self, step: Option<&StepId>) -> Vec<(StepId, String)> {
        let over = |(_, text): &(u32, String)| !text.is_empty();
        match step {
            Some(step) => self
                .0
                .remove(step)
                .filter(over)
                .map(|(_, text)| (step.clone(), text))
                .into_iter()
                .collect(),
            None => std::mem::take(&mut self.0)
                .into_iter()
                .filter(|(_, rest)| over(rest))
                .map(|(step, (_, text))| (step, text))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use dirigent_protocol::watch::StreamSource;

    use super::*;

    fn chunk(step: &str, text: &str) -> StreamChunk {
        StreamChunk {
            seq: 1,
            step: StepId::new(step),
            attempt: 1,
            source: StreamSource::Model,
            text: text.into(),
            withdraws: false,
        }
    }

    #[test]
    fn lines_of_two_writers_do_not_mix() {
        let mut live = LiveLines::default();
        let texts = |lines: Vec<(StepId, String)>| -> Vec<String> {
            lines
                .into_iter()
                .map(|(step, text)| format!("{step} {text}"))
                .collect()
        };
        assert_eq!(
            texts(live.take(vec![chunk("/a", "on"), chunk("/b", "two\nthr")])),
            ["/b two"]
        );
        assert_eq!(texts(live.take(vec![chunk("/a", "e\n")])), ["/a one"]);
        assert_eq!(texts(live.rest(Some(&StepId::new("/b")))), ["/b thr"]);
        assert!(live.rest(None).is_empty());
    }
}
