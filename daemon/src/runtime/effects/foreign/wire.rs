//! JSON-RPC 2.0, one message a line, over the pipes of a process.

use futures::StreamExt;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::{ChildStdin, ChildStdout};
use tokio_util::codec::{FramedRead, LinesCodec};

/// Longest message, bytes.
const MAX_LINE: usize = 8 << 20;

/// What the other side says.
#[derive(Debug)]
pub(super) enum Heard {
    /// It wants an answer.
    Request {
        id: Value,
        method: String,
        params: Value,
    },
    /// It tells.
    Notice { method: String, params: Value },
    /// It answers what was asked under that number.
    Answer { id: u64, result: Result<Value, Value> },
    /// It says no more.
    Ended(String),
}

/// The other side.
pub(super) struct Wire {
    input: ChildStdin,
    output: FramedRead<ChildStdout, LinesCodec>,
    last: u64,
}

impl Wire {
    pub(super) fn new(input: ChildStdin, output: ChildStdout) -> Self {
        Self {
            input,
            output: FramedRead::new(output, LinesCodec::new_with_max_length(MAX_LINE)),
            last: 0,
        }
    }

    async fn send(&mut self, mut message: Value) -> Result<(), String> {
        message["jsonrpc"] = json!("2.0");
        let line = format!("{message}\n");
        let sent = async {
            self.input.write_all(line.as_bytes()).await?;
            self.input.flush().await
        };
        sent.await.map_err(|error| format!("it does not listen: {error}"))
    }

    /// Asks, and says under which number.
    pub(super) async fn ask(&mut self, method: &str, params: Value) -> Result<u64, String> {
        self.last += 1;
        let id = self.last;
        self.send(json!({ "id": id, "method": method, "params": params }))
            .await?;
        Ok(id)
    }

    pub(super) async fn tell(&mut self, method: &str, params: Value) -> Result<(), String> {
        self.send(json!({ "method": method, "params": params })).await
    }

    /// Answers a request; an error is a code and words.
    pub(super) async fn answer(
        &mut self,
        id: Value,
        result: Result<Value, (i64, String)>,
    ) -> Result<(), String> {
        let message = match result {
            Ok(result) => json!({ "id": id, "result": result }),
            Err((code, words)) => json!({ "id": id, "error": { "code": code, "message": words } }),
        };
        self.send(message).await
    }

    /// The next thing it says. May be dropped and called again without losing anything.
    pub(super) async fn hear(&mut self) -> Heard {
        loop {
            let line = match self.output.next().await {
                Some(Ok(line)) => line,
                Some(Err(error)) => return Heard::Ended(format!("it says what is no message: {error}")),
                None => return Heard::Ended("it ended".to_owned()),
            };
            // Some print words before they speak the protocol.
            if let Some(heard) = serde_json::from_str(&line).ok().and_then(heard) {
                return heard;
            }
        }
    }
}

fn heard(mut message: Value) -> Option<Heard> {
    let method = message["method"].as_str().map(str::to_owned);
    let params = message["params"].take();
    match (method, message["id"].take()) {
        (Some(method), Value::Null) => Some(Heard::Notice { method, params }),
        (Some(method), id) => Some(Heard::Request { id, method, params }),
        (None, id) => {
            let result = match message["error"].take() {
                Value::Null => Ok(message["result"].take()),
                error => Err(error),
            };
            Some(Heard::Answer {
                id: id.as_u64()?,
                result,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_told_apart() {
        let of = |text: &str| heard(serde_json::from_str(text).unwrap());
        assert!(matches!(
            of(r#"{"id":"a","method":"m"}"#),
            Some(Heard::Request { .. })
        ));
        assert!(matches!(
            of(r#"{"method":"m","params":{}}"#),
            Some(Heard::Notice { .. })
        ));
        assert!(matches!(
            of(r#"{"id":3,"result":null}"#),
            Some(Heard::Answer { id: 3, result: Ok(_) })
        ));
        assert!(matches!(
            of(r#"{"id":3,"error":{"code":1}}"#),
            Some(Heard::Answer { result: Err(_), .. })
        ));
        assert!(of(r#"{"level":"info"}"#).is_none());
    }
}
