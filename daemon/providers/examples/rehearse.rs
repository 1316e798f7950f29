//! Rehearses on a file: `cargo run -p dirigent-providers --example rehearse -- "instructions" FILE`.

use std::time::Duration;

use dirigent_providers::rehearsal::Rehearsal;
use dirigent_providers::{CancelSignal, ChatRequest, Message, ModelClient, Role};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let instructions = arguments.next().ok_or("usage: rehearse INSTRUCTIONS FILE")?;
    let text = std::fs::read_to_string(arguments.next().ok_or("usage: rehearse INSTRUCTIONS FILE")?)?;
    let messages = vec![
        Message::text(Role::System, instructions),
        Message::text(Role::User, text),
    ];
    let client = Rehearsal::new(Duration::from_millis(2));
    let sink = |piece: &str| {
        use std::io::Write as _;
        let mut out = std::io::stdout();
        drop(out.write_all(piece.as_bytes()).and_then(|()| out.flush()));
    };
    let reply = client
        .chat(
            ChatRequest::new("rehearsal", messages),
            &sink,
            CancelSignal::new(),
        )
        .await?;
    eprintln!(
        "\n{} tokens in, {} out",
        reply.usage.input_tokens, reply.usage.output_tokens
    );
    Ok(())
}
