//! Model clients: one trait, one file per wire dialect, one registry.
//!
//! This room turns a [`ChatRequest`] into a [`ChatReply`] or a typed [`ModelError`]. It owns every outgoing
//! connection to a model, the keys for them and the price table. It does NOT retry, budget, store or decide which
//! agent may call what: callers do, from what the errors say about themselves.
//!
//! Invariant: a key reaches the host it was configured for and nothing else; it has no `Debug`, no `Display`, and is
//! cut out of every error text.
//!
//! Adding a dialect: one new file, one row in [`dialect::DIALECTS`], one script in `tests/conformance`.

mod anthropic_messages;
pub mod client;
pub mod dialect;
pub mod discover;
mod draft;
pub mod error;
mod exchange;
pub mod fallback;
mod gemini_generate_content;
mod guard;
mod http;
pub mod keys;
mod opaque;
mod openai_chat;
mod openai_responses;
pub mod price;
mod refusal;
pub mod registry;
pub mod rehearsal;
pub mod reply;
pub mod request;
mod retry_after;
mod schema;
pub mod settings;
mod sse;
mod tokens;
pub mod trust;

pub use client::{BoxFuture, CancelSignal, Descriptor, ModelClient, TokenSink};
pub use dialect::{DIALECTS, Dialect};
pub use dirigent_protocol::chat::{
    Effort, Message, Part, Reasoning, RehearsedCall, Role, ToolCall, ToolCallResponse, ToolChoice,
    ToolDefinition,
};
pub use error::{ConnectFault, LimitKind, ModelError, ModelErrorKind, Phase};
pub use fallback::{Fallback, Next};
pub use keys::{KeyError, Secret};
pub use price::{Price, PriceTable};
pub use registry::{Registry, ResolveError, Resolved};
pub use reply::{ChatReply, FinishReason, Usage};
pub use request::{ChatRequest, Timeouts};
pub use settings::{OpenError, ProviderSettings};
