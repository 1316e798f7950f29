//! stub while the signatures settle
use crate::{
    BoxFuture, CancelSignal, ChatReply, ChatRequest, Descriptor, ModelClient, ModelError, TokenSink,
};
use std::time::Duration;
/// The rehearsal.
pub struct Rehearsal {
    descriptor: Descriptor,
    #[expect(dead_code, reason = "soon")]
    delay: Duration,
}
impl Rehearsal {
    /// New.
    #[must_use]
    pub fn new(delay: Duration) -> Self {
        Self {
            descriptor: Descriptor {
                name: "rehearsal".into(),
                dialect: "rehearsal",
                rehearsal: true,
                host: None,
            },
            delay,
        }
    }
}
impl ModelClient for Rehearsal {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }
    fn chat<'a>(
        &'a self,
        request: ChatRequest,
        _sink: &'a dyn TokenSink,
        _cancel: CancelSignal,
    ) -> BoxFuture<'a, Result<ChatReply, ModelError>> {
        Box::pin(async move {
            Err(ModelError {
                kind: crate::ModelErrorKind::UnknownModel,
                provider: "rehearsal".into(),
                model: request.model,
                detail: None,
                partial: String::new(),
                usage: None,
            })
        })
    }
}
