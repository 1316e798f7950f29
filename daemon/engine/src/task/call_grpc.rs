//! `call: grpc`: read and checked as the standard has it; this version speaks no gRPC and says so when it is called.

use dirigent_protocol::run::WorkflowError;

use super::endpoint::Endpoint;
use super::http_auth::Authentication;
use crate::document::{Fields, Template};
use crate::machine::{Builder, KindRow, Me, Outcome, Stop, Task, TaskIndex, Turn};

pub(super) const ROW: KindRow = KindRow {
    keyword: "call",
    target: Some("grpc"),
    fields: &["call", "with"],
    doc: "Calls a gRPC method. Read and checked; the call itself fails by name, this version speaks no gRPC.",
    shape: "call: grpc, with: { proto: { endpoint: URI }, service: { name: NAME, host: NAME, port: NUMBER }, method: NAME, arguments: {...} }",
    read: Some(read),
};

#[derive(Debug)]
struct CallGrpc {
    what: String,
}

fn read(builder: &mut Builder, fields: &Fields<'_>, _: TaskIndex) -> Option<Box<dyn Task>> {
    let reader = &mut builder.reader;
    if !reader.require(fields, &["with"]) {
        return None;
    }
    let (node, path) = fields.get("with")?;
    let with = reader.fields(node, &path, &["proto", "service", "method", "arguments"])?;
    let mut whole = reader.require(&with, &["proto", "service", "method"]);
    if let Some((node, at)) = with.get("proto") {
        whole &= Endpoint::read_resource(reader, node, &at).is_some();
    }
    let mut name = None;
    if let Some((node, at)) = with.get("service") {
        let service = reader.fields(node, &at, &["name", "host", "port", "authentication"])?;
        whole &= reader.require(&service, &["name", "host"]);
        name = service
            .get("name")
            .and_then(|(node, at)| reader.text(node, &at).map(str::to_owned));
        if let Some((host, at)) = service.get("host") {
            whole &= reader.text(host, &at).is_some();
        }
        if let Some((port, at)) = service.get("port") {
            whole &= reader.integer(port, &at, 0, 65_535).is_some();
        }
        if let Some((node, at)) = service.get("authentication") {
            whole &= Authentication::read(reader, node, &at).is_some();
        }
    }
    if let Some((node, at)) = with.get("arguments") {
        reader.open(node, &at)?;
        whole &= Template::read(reader, node, &at).is_some();
    }
    let method = with
        .get("method")
        .and_then(|(node, at)| reader.text(node, &at).map(str::to_owned));
    let message = "this version speaks no gRPC: the call will fail";
    reader
        .warning("not_spoken", message, fields.node.span.start, fields.path)
        .help = Some("catch the error, or reach the service over HTTP".to_owned());
    let what = format!("{}/{}", name?, method?);
    whole.then(|| Box::new(CallGrpc { what }) as Box<dyn Task>)
}

impl Task for CallGrpc {
    fn start(&self, _turn: &mut Turn<'_, '_>, _me: Me<'_>) -> Outcome {
        let error = WorkflowError::standard("configuration", 501, "gRPC is not spoken");
        Err(Stop::fault(error.detail(format!("{} was not called", self.what))))
    }
}
