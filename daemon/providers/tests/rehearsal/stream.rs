//! Streaming, labels, limits, cancel.

use std::sync::Mutex;
use std::time::Duration;

use dirigent_providers::rehearsal::Rehearsal;
use dirigent_providers::{CancelSignal, FinishReason, ModelClient, ModelErrorKind};

use crate::{ask, log, request};

#[test]
fn the_pieces_are_the_answer_and_the_answer_is_labelled() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("runtime");
    let client = Rehearsal::new(Duration::ZERO);
    let pieces = Mutex::new(Vec::new());
    let sink = |piece: &str| pieces.lock().expect("lock").push(piece.to_owned());
    let call = client.chat(request("Summarise.", &log(), None), &sink, CancelSignal::new());
    let reply = runtime.block_on(call).expect("answer");
    let pieces = pieces.into_inner().expect("lock");
    assert_eq!(pieces.concat(), reply.text());
    assert!(
        pieces.len() > 30
            && pieces
                .iter()
                .all(|piece| piece.chars().count() < 20 || piece.trim().is_empty()),
        "{pieces:?}"
    );
    assert!(reply.rehearsal && reply.model == "rehearsal" && client.descriptor().rehearsal);
    assert_eq!(reply.usage.output_tokens, pieces.len() as u64);
    assert!(reply.usage.input_tokens > 100 && reply.usage.estimated);
}

#[test]
fn the_same_request_gives_the_same_bytes() {
    let answer = || {
        ask(request(
            "Draft a report with statistics and who did it.",
            &log(),
            None,
        ))
        .text()
    };
    assert_eq!(answer(), answer());
}

#[test]
fn max_tokens_cuts_the_answer_and_says_so() {
    let mut request = request("Summarise.", &log(), None);
    request.max_tokens = Some(5);
    let reply = ask(request);
    assert_eq!(
        (reply.finish_reason, reply.usage.output_tokens),
        (FinishReason::Length, 5)
    );
}

#[test]
fn a_cancel_ends_it_between_two_tokens() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("runtime");
    for delay in [Duration::ZERO, Duration::from_secs(3_600)] {
        let client = Rehearsal::new(delay);
        let cancel = CancelSignal::new();
        let on_first = cancel.clone();
        let sink = move |_: &str| on_first.cancel();
        if !delay.is_zero() {
            cancel.cancel();
        }
        let error = runtime
            .block_on(client.chat(request("", &log(), None), &sink, cancel))
            .expect_err("cancelled");
        assert_eq!(error.kind, ModelErrorKind::Cancelled { sent: false });
        assert!(error.partial.len() < 30, "{}", error.partial);
    }
}
