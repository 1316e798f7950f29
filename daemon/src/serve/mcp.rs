//! Offers as tools of the Model Context Protocol. A call starts a run, tells how far it is, and answers with what came
//! out; a cancelled call cancels the run.

use std::sync::Arc;

use axum::http::request::Parts;
use dirigent_protocol::entity::Over;
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::id::{EntityId, RunId};
use dirigent_protocol::run::Status;
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorData,
    Implementation, ListToolsResult, MetaObject, PaginatedRequestParams, ProgressNotificationParam,
    ServerCapabilities, ServerConfig, ServerNotification, Tool,
};
use rmcp::service::RequestContext;
use rmcp::{RoleServer, ServerHandler};
use serde_json::{Map, Value};

use super::catalog::{self, Entry};
use super::guest::{Guest, words};
use super::work::{self, Follow, Moment};
use crate::tools::IDEMPOTENCY_KEY;

/// Member of a result's `_meta`: the run.
const RUN: &str = "dirigent/run";
/// How long a list may be taken as it is, milliseconds.
const FRESH_MS: u64 = 5_000;
const INSTRUCTIONS: &str = "Each tool is a workflow or an agent of Dirigent. A call is a durable run: it goes on through \
    restarts, may wait for a person's approval, and may take long. Give `_meta.\"dirigent/idempotency-key\"` to find \
    the same run again after a lost answer.";

/// The tools of a guest.
#[derive(Clone)]
pub(super) struct Tools {
    /// Where everybody who asks is the same; otherwise each request brings its own.
    guest: Option<Guest>,
}

impl Tools {
    /// For one guest.
    pub(super) const fn for_guest(guest: Guest) -> Self {
        Self { guest: Some(guest) }
    }

    /// For whoever each request stands for.
    pub(super) const fn for_requests() -> Self {
        Self { guest: None }
    }

    fn guest(&self, context: &RequestContext<RoleServer>) -> Result<Guest, ErrorData> {
        let own = || {
            let parts = context.extensions.get::<Parts>()?;
            parts.extensions.get::<Guest>().cloned()
        };
        let found = self.guest.clone().or_else(own);
        found.ok_or_else(|| ErrorData::invalid_request("nobody is known to ask", None))
    }
}

impl ServerHandler for Tools {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().build();
        let mut info = ServerConfig::new(capabilities);
        info.server_info = Implementation::new("dirigent", env!("CARGO_PKG_VERSION"));
        info.instructions = Some(INSTRUCTIONS.to_owned());
        info
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let guest = self.guest(&context)?;
        let entries = catalog::entries(&guest, Over::Mcp).await.map_err(refused)?;
        let mut list = ListToolsResult::with_all_items(entries.iter().filter_map(tool).collect());
        list.ttl_ms = Some(FRESH_MS);
        list.cache_scope = Some(CacheScope::Private);
        Ok(list)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let guest = self.guest(&context)?;
        let entry = catalog::entry(&guest, Over::Mcp, &request.name)
            .await
            .map_err(refused)?;
        if tool(&entry).is_none() {
            let detail = format!("`{}` says nothing of its input and cannot be a tool", entry.name);
            return Err(ErrorData::invalid_params(detail, None));
        }
        let input = Value::Object(request.arguments.unwrap_or_default());
        let given = context
            .meta
            .get(IDEMPOTENCY_KEY)
            .and_then(Value::as_str)
            .map(str::to_owned);
        let key = given.unwrap_or_else(|| EntityId::new().to_string());
        Ok(match work::begin(&guest, Over::Mcp, &entry, input, &key).await {
            Ok(run) => follow(guest, run, &context).await,
            Err(fault) => CallToolResult::error(vec![ContentBlock::text(words(&fault))]),
        }
        .into())
    }
}

/// The tool of an offer; none where its definition has no schema of an object as input.
fn tool(entry: &Entry) -> Option<Tool> {
    let Some(Value::Object(schema)) = &entry.input else {
        return None;
    };
    if schema.get("type").is_some_and(|of| of != "object") {
        return None;
    }
    let mut schema = schema.clone();
    schema.insert("type".to_owned(), "object".into());
    let mut tool = Tool::new(entry.name.clone(), entry.description.clone(), Arc::new(schema));
    tool.title = Some(entry.title.clone());
    if let Some(Value::Object(output)) = &entry.output
        && output.get("type").is_some_and(|of| of == "object")
    {
        tool.output_schema = Some(Arc::new(output.clone()));
    }
    Some(tool)
}

async fn follow(guest: Guest, run: RunId, context: &RequestContext<RoleServer>) -> CallToolResult {
    let token = context.meta.get_progress_token();
    let mut following = Follow::new(guest.clone(), run);
    let mut told = 0_u32;
    loop {
        let moment = tokio::select! {
            biased;
            () = context.ct.cancelled() => {
                if let Err(fault) = work::cancel(&guest, run, "the tool call was cancelled").await {
                    tracing::warn!(%run, %fault, "a cancelled tool call could not cancel its run");
                }
                return failed(run, "the call was cancelled, and the run with it");
            }
            moment = following.next() => moment,
        };
        let moment = match moment {
            Ok(moment) => moment,
            Err(fault) => return failed(run, &words(&fault)),
        };
        if moment.is_over() {
            return ended(&moment);
        }
        if let Some(token) = &token {
            told += 1;
            let mut param = ProgressNotificationParam::new(token.clone(), f64::from(told));
            param.message = Some(moment.words());
            let note =
                ServerNotification::ProgressNotification(rmcp::model::ProgressNotification::new(param));
            // Whoever does not listen misses a courtesy, and whoever went away is not waited for.
            tokio::select! {
                biased;
                () = context.ct.cancelled() => {}
                _ = context.peer.send_notification(note) => {}
            }
        }
    }
}

fn ended(moment: &Moment) -> CallToolResult {
    if moment.body.status != Status::Completed {
        return failed(moment.run, &moment.problem());
    }
    let output = &moment.body.output;
    let text = output.as_str().map_or_else(|| output.to_string(), str::to_owned);
    let mut result = CallToolResult::success(vec![ContentBlock::text(text)]);
    if output.is_object() {
        result.structured_content = Some(output.clone());
    }
    result.meta = Some(about(moment.run));
    result
}

fn failed(run: RunId, why: &str) -> CallToolResult {
    let mut result = CallToolResult::error(vec![ContentBlock::text(why.to_owned())]);
    result.meta = Some(about(run));
    result
}

fn about(run: RunId) -> MetaObject {
    let mut meta = Map::new();
    meta.insert(RUN.to_owned(), run.to_string().into());
    MetaObject(meta)
}

fn refused(fault: Fault) -> ErrorData {
    let data = serde_json::to_value(&fault).ok();
    match fault.code {
        Code::NotFound | Code::Invalid | Code::Ambiguous => ErrorData::invalid_params(fault.message, data),
        Code::NotPermitted => ErrorData::invalid_request(fault.message, data),
        _ => ErrorData::internal_error(fault.message, data),
    }
}
