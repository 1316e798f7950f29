//! What a server of tools asks of us, and does not get: a model's answers, a person's input, a look at folders.

#![expect(deprecated, reason = "servers of the revisions that had these still ask")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use dirigent_protocol::id::RunId;
use rmcp::RoleClient;
use rmcp::handler::client::ClientHandler;
use rmcp::model::{
    ClientConfig, CreateMessageRequestMethod, CreateMessageRequestParams, CreateMessageResult,
    ElicitRequestParams, ElicitResult, ElicitationCreateRequestMethod, ErrorData, ListRootsRequestMethod,
    ListRootsResult,
};
use rmcp::service::RequestContext;

use super::super::security::Security;

/// What is refused, as audit records name it.
const SAMPLING: (u8, &str) = (1, "tools.sampling");
const ROOTS: (u8, &str) = (2, "tools.roots");
const ELICITATION: (u8, &str) = (4, "tools.elicitation");

/// Refuses everything a server asks; the first refusal of a kind in a call is an audit record.
pub(super) struct Refusals {
    pub(super) config: ClientConfig,
    pub(super) security: Arc<Security>,
    pub(super) run: RunId,
    /// Which server: its address, or its command.
    pub(super) server: String,
    /// The key of the call it happens in.
    pub(super) key: String,
    /// What was noted already.
    pub(super) noted: AtomicU8,
}

impl Refusals {
    async fn told(&self, (bit, action): (u8, &'static str)) {
        if self.noted.fetch_or(bit, Ordering::Relaxed) & bit != 0 {
            return;
        }
        let detail = format!("it asked for what it is not given, in the call {}", self.key);
        self.security.note(self.run, action, &self.server, &detail).await;
    }
}

impl Refusals {
    /// It wanted input of the kind that it is not given.
    pub(super) async fn wanted_input(&self) {
        self.told(ELICITATION).await;
    }
}

impl ClientHandler for Refusals {
    fn get_info(&self) -> ClientConfig {
        self.config.clone()
    }

    async fn create_message(
        &self,
        _: CreateMessageRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<CreateMessageResult, ErrorData> {
        self.told(SAMPLING).await;
        Err(ErrorData::method_not_found::<CreateMessageRequestMethod>())
    }

    async fn list_roots(&self, _: RequestContext<RoleClient>) -> Result<ListRootsResult, ErrorData> {
        self.told(ROOTS).await;
        Err(ErrorData::method_not_found::<ListRootsRequestMethod>())
    }

    async fn create_elicitation(
        &self,
        _: ElicitRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        self.told(ELICITATION).await;
        Err(ErrorData::method_not_found::<ElicitationCreateRequestMethod>())
    }
}
