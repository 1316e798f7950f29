//! Counterparts nobody here wrote, as an agent or a workflow meets them: servers of tools, the conformance suite of the
//! Model Context Protocol, the sample agent of A2A.

mod a2a_sample;
mod llama_server;
mod mcp_conformance;
mod mcp_tools;
