//! Asks a real server: `cargo run -p dirigent-providers --example ask -- DIALECT BASE_URL MODEL KEY_ENV PROMPT [SCHEMA]`.

use dirigent_providers::{CancelSignal, ChatRequest, Message, ProviderSettings, Role, dialect};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [dialect, base_url, model, key_env, prompt, schema @ ..] = arguments.as_slice() else {
        return Err("usage: ask DIALECT BASE_URL MODEL KEY_ENV PROMPT [SCHEMA]".into());
    };
    let mut settings = ProviderSettings::new("asked", dialect, base_url);
    settings.key_env = (!key_env.is_empty()).then(|| key_env.clone());
    let dialect = dialect::find(&settings.dialect).ok_or("no such dialect")?;
    let client = (dialect.open)(&settings)?;
    let mut request = ChatRequest::new(model.as_str(), vec![Message::text(Role::User, prompt.as_str())]);
    request.response_schema = schema
        .first()
        .map(|text| serde_json::from_str(text))
        .transpose()?;
    match client
        .chat(request, &|piece: &str| print!("[{piece}]"), CancelSignal::new())
        .await
    {
        Ok(reply) => println!("\n{reply:#?}"),
        Err(error) => println!(
            "\n{error}\n{error:#?}\nretryable {}, outcome known {}, help: {}",
            error.retryable(),
            error.outcome_known(),
            error.help()
        ),
    }
    Ok(())
}
