//! What a server of tools asks of us, and does not get: a model's answers, a person's input, a look at folders.

#![expect(deprecated, reason = "servers of the revisions that had these still ask")]

use rmcp::RoleClient;
use rmcp::handler::client::ClientHandler;
use rmcp::model::{
    ClientConfig, CreateMessageRequestMethod, CreateMessageRequestParams, CreateMessageResult,
    ElicitRequestParams, ElicitResult, ElicitationCreateRequestMethod, ErrorData, ListRootsRequestMethod,
    ListRootsResult,
};
use rmcp::service::RequestContext;

/// Refuses everything a server asks; each refusal is a line of the log that names the call.
pub(super) struct Refusals {
    pub(super) config: ClientConfig,
    /// The key of the call it happens in.
    pub(super) key: String,
}

impl Refusals {
    fn told(&self, what: &'static str) {
        tracing::warn!(call = %self.key, what, "a server of tools asked for what it is not given");
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
        self.told("sampling");
        Err(ErrorData::method_not_found::<CreateMessageRequestMethod>())
    }

    async fn list_roots(&self, _: RequestContext<RoleClient>) -> Result<ListRootsResult, ErrorData> {
        self.told("roots");
        Err(ErrorData::method_not_found::<ListRootsRequestMethod>())
    }

    async fn create_elicitation(
        &self,
        _: ElicitRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        self.told("elicitation");
        Err(ErrorData::method_not_found::<ElicitationCreateRequestMethod>())
    }
}
