//! What people ask about an approval, on its document: the question, its answer, and the mark that finds them again.
//!
//! Does not put the question to the agent: that is an ordinary run, begun in `questions`.

use bytes::Bytes;
use dirigent_protocol::entity::{ApprovalStatus, Question, WorkflowApproval};
use dirigent_protocol::id::EntityId;
use dirigent_store::Txn;

use super::papers::Papers;
use crate::runtime::error::RuntimeError;
use crate::runtime::rows;

impl Papers {
    /// Notes a question about an approval that waits.
    pub(crate) fn question(&mut self, id: EntityId, question: Question) -> Result<(), RuntimeError> {
        let body = self.known(id)?;
        if body.status != ApprovalStatus::Pending {
            return Err(RuntimeError::BadQuestion("the approval is decided".into()));
        }
        let most = WorkflowApproval::MAX_QUESTIONS;
        if body.questions.len() >= most {
            let text = format!("{most} questions were asked about this approval, which is the limit");
            return Err(RuntimeError::BadQuestion(text));
        }
        body.questions.push(question);
        Ok(())
    }

    /// Notes the answer to a question; one counts.
    pub(crate) fn answer(&mut self, id: EntityId, answered: &Question) -> Result<(), RuntimeError> {
        if !note_answer(self.known(id)?, answered) {
            self.approvals.remove(&id);
        }
        Ok(())
    }
}

/// Marks an approval whose questions wait for answers, so that a start finds them without reading all that wait.
pub(crate) fn note_questioned(txn: &mut Txn, approval: EntityId, body: &WorkflowApproval) {
    if body.questions.is_empty() {
        return;
    }
    let row = rows::questioned_key(approval);
    if body.questions.iter().any(|question| question.answer.is_none()) {
        txn.puts.push((row, Bytes::new()));
    } else {
        txn.deletes.push(row);
    }
}

/// Writes an answer to its question; false where it stands there already.
pub(crate) fn note_answer(body: &mut WorkflowApproval, answered: &Question) -> bool {
    let asked = body
        .questions
        .iter_mut()
        .find(|question| question.run == answered.run && question.answer.is_none());
    if let Some(question) = asked {
        question.answer.clone_from(&answered.answer);
        question.failed = answered.failed;
        question.answered_at = answered.answered_at;
        return true;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_approval_is_marked_as_long_as_a_question_is_open() {
        let id = EntityId::new();
        let row = rows::questioned_key(id);
        let rows_of = |body: &WorkflowApproval| {
            let mut txn = Txn::default();
            note_questioned(&mut txn, id, body);
            (
                txn.puts.iter().any(|(key, _)| *key == row),
                txn.deletes.contains(&row),
            )
        };
        let mut body = WorkflowApproval::default();
        assert_eq!(rows_of(&body), (false, false));
        body.questions.push(Question::default());
        assert_eq!(rows_of(&body), (true, false));
        let run = body.questions[0].run;
        let answered = Question {
            run,
            answer: Some("since noon".into()),
            ..Question::default()
        };
        assert!(note_answer(&mut body, &answered));
        assert_eq!(rows_of(&body), (false, true));
    }
}
