//! Endpoints and external resources: an address, written out or computed, and who asks for it.

use dirigent_protocol::run::{Authentication as Sender, Resource, WorkflowError};
use dirigent_protocol::source::Node;
use serde_json::Value;

use super::http_auth::Authentication;
use super::http_uri::{expand, host_is_open};
use crate::document::{Reader, Template};
use crate::expression::strip;
use crate::machine::{Me, Stop, Turn};

/// An address as the document gives it.
#[derive(Debug)]
pub(super) struct Endpoint {
    uri: Template,
    literal: bool,
    authentication: Option<Authentication>,
}

impl Endpoint {
    /// Reads text, an expression, or `{ uri, authentication }`.
    pub(super) fn read(reader: &mut Reader, node: &Node, path: &str) -> Option<Self> {
        Self::read_as(reader, node, path, Authentication::read)
    }

    /// The same, of a server that says itself which authority gives tokens for it.
    pub(super) fn read_discovering(reader: &mut Reader, node: &Node, path: &str) -> Option<Self> {
        Self::read_as(reader, node, path, Authentication::read_discovering)
    }

    fn read_as(
        reader: &mut Reader,
        node: &Node,
        path: &str,
        read: fn(&mut Reader, &Node, &str) -> Option<Authentication>,
    ) -> Option<Self> {
        if node.as_mapping().is_none() {
            return Self::read_uri(reader, node, path);
        }
        let fields = reader.fields(node, path, &["uri", "authentication"])?;
        let whole = reader.require(&fields, &["uri"]);
        let endpoint = fields
            .get("uri")
            .and_then(|(node, at)| Self::read_uri(reader, node, &at));
        let authentication = match fields.get("authentication") {
            Some((node, at)) => Some(read(reader, node, &at)?),
            None => None,
        };
        let endpoint = endpoint?;
        whole.then_some(Self {
            authentication,
            ..endpoint
        })
    }

    fn read_uri(reader: &mut Reader, node: &Node, path: &str) -> Option<Self> {
        let text = reader.text(node, path)?;
        let literal = strip(text).is_none();
        if literal && host_is_open(text) {
            let message = "data chooses the host that this request goes to";
            reader.warning("open_host", message, node.span.start, path).help =
                Some("write the host out and put data into the path or the query".to_owned());
        }
        Template::read(reader, node, path).map(|uri| Self {
            uri,
            literal,
            authentication: None,
        })
    }

    /// Reads an external resource: `{ name, endpoint }`.
    pub(super) fn read_resource(reader: &mut Reader, node: &Node, path: &str) -> Option<Self> {
        let fields = reader.fields(node, path, &["name", "endpoint"])?;
        if let Some((name, at)) = fields.get("name") {
            reader.text(name, &at);
        }
        if !reader.require(&fields, &["endpoint"]) {
            return None;
        }
        let (endpoint, at) = fields.get("endpoint")?;
        Self::read(reader, endpoint, &at)
    }

    /// The address, and who asks.
    pub(super) fn resolve(
        &self,
        turn: &mut Turn<'_, '_>,
        me: Me<'_>,
    ) -> Result<(String, Option<Sender>), Stop> {
        let value = turn.template(me, &self.uri, None)?;
        let text = match &*value {
            Value::String(text) => text.clone(),
            Value::Object(endpoint) => endpoint
                .get("uri")
                .and_then(Value::as_str)
                .unwrap_or("")
                .to_owned(),
            other => {
                let detail = format!("the endpoint is {other}, not text");
                let error = WorkflowError::standard("expression", 400, "Bad endpoint");
                return Err(Stop::fault(error.detail(detail)));
            }
        };
        let uri = if self.literal {
            expand(&text, &turn.input(me.frame))?
        } else {
            text
        };
        let sender = match &self.authentication {
            Some(authentication) => Some(authentication.sender(turn, me)?),
            None => None,
        };
        Ok((uri, sender))
    }

    /// The same as one value.
    pub(super) fn resource(&self, turn: &mut Turn<'_, '_>, me: Me<'_>) -> Result<Resource, Stop> {
        let (uri, authentication) = self.resolve(turn, me)?;
        Ok(Resource { uri, authentication })
    }
}
