//! What a bed is given: versions, agents, rules, documents, runs that begin.

use std::sync::atomic::Ordering;
use std::time::Duration;

use dirigent_daemon::clock;
use dirigent_daemon::records::{Draft, Records, put};
use dirigent_daemon::runtime::{RuntimeError, StartRun, Started};
use dirigent_protocol::digest::Digest;
use dirigent_protocol::entity::{
    Agent, AgentVersion, ApprovalRule, Document, Kind, Question, WorkflowApproval, WorkflowVersion,
};
use dirigent_protocol::id::{EntityId, RunId};
use dirigent_store::Txn;
use serde_json::{Value, json};

use crate::bed::{Bed, dana, json};

impl Bed {
    pub(crate) fn records(&self) -> Records {
        Records::new(self.store.clone())
    }

    /// Puts the clock forward.
    pub(crate) fn forward(&self, by: Duration) {
        self.wall
            .ahead
            .fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }

    pub(crate) async fn publish(&self, tasks: &str) -> Document {
        self.publish_with("", tasks).await
    }

    /// `settings` are `metadata.dirigent` of the document, in flow style without braces.
    pub(crate) async fn publish_with(&self, settings: &str, tasks: &str) -> Document {
        let text = format!(
            "document: {{ dsl: '1.0.3', namespace: tests, name: sample, version: '0.1.0', \
             metadata: {{ dirigent: {{ {settings} }} }} }}\n{tasks}"
        );
        let workflow =
            dirigent_engine::load("sample.yaml", &text).unwrap_or_else(|found| panic!("{found:#?}"));
        let body = WorkflowVersion {
            workflow: EntityId::nil(),
            workflow_name: workflow.name().into(),
            digest: workflow.digest().to_string(),
            version: workflow.version().into(),
            number: 1,
            source: text,
            document: (**workflow.definition()).clone(),
        };
        self.put(Kind::WorkflowVersion, "", json(&body)).await
    }

    pub(crate) async fn agent(&self, name: &str, agent: Agent) {
        let draft = self.put(Kind::Agent, name, json(&agent)).await;
        let version = AgentVersion {
            agent: draft.metadata.id,
            agent_name: name.into(),
            digest: Digest::of(&json(&agent)).to_string(),
            number: 1,
            definition: agent,
        };
        self.put(Kind::AgentVersion, "", json(&version)).await;
    }

    pub(crate) async fn put_rule(&self, name: &str, rule: &ApprovalRule) {
        self.put(Kind::ApprovalRule, name, json(rule)).await;
    }

    /// What a daemon that died at once leaves behind: the question is noted, nothing answers it.
    pub(crate) async fn note_question(&self, approval: EntityId, text: &str) {
        let stored = self
            .records()
            .get(Kind::WorkflowApproval, approval)
            .unwrap()
            .unwrap();
        let mut body: WorkflowApproval = stored.document.body().unwrap();
        body.questions.push(Question {
            by: "dana".into(),
            text: text.into(),
            agent: "writer".into(),
            run: EntityId::new(),
            ..Question::default()
        });
        let mut txn = Txn::default();
        put(
            &mut txn,
            Some(&stored),
            &stored.next(json(&body), clock::system()()),
        )
        .unwrap();
        // The daemon's own mark that the question is open.
        let mark = [&b"Q"[..], &approval.bytes()].concat();
        txn.puts.push((mark.into(), bytes::Bytes::new()));
        self.store.commit(txn).await.unwrap();
    }

    async fn put(&self, kind: Kind, name: &str, spec: Value) -> Document {
        self.put_document(Draft::of(kind, name, spec).document(clock::system()()))
            .await
    }

    pub(crate) async fn put_document(&self, document: Document) -> Document {
        let mut txn = Txn::default();
        put(&mut txn, None, &document).unwrap();
        self.store.commit(txn).await.unwrap();
        document
    }

    pub(crate) async fn start(&self, tasks: &str) -> RunId {
        self.start_with(tasks, json!({})).await
    }

    pub(crate) async fn start_with(&self, tasks: &str, input: Value) -> RunId {
        let version = self.publish(tasks).await;
        self.begin(version, input, None).await.unwrap().run
    }

    pub(crate) async fn begin(
        &self,
        version: Document,
        input: Value,
        key: Option<&str>,
    ) -> Result<Started, RuntimeError> {
        let start = StartRun {
            version,
            input,
            idempotency_key: key.map(Into::into),
            labels: Default::default(),
            parent: None,
        };
        self.runtime.start(start, dana()).await
    }
}
