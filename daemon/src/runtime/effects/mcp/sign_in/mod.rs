//! Signing in at the authority that a server of tools names: what the authorization part of the protocol asks of a
//! client. The server says which authority it is (RFC 9728), the authority describes itself (RFC 8414, OpenID Connect),
//! the client registers where it is not known (RFC 7591), and a person signs in at a browser (RFC 7636, 8707, 9207), or
//! the client speaks for itself.
//!
//! Tokens themselves are the business of [`super::super::web_auth`]. Invariants: a token goes to nobody but the server
//! it was asked for; nothing is believed that a server or an authority says of somebody else; nothing is asked for
//! without end.

mod address;
mod authority;
mod challenge;
mod client;
mod document;
mod flow;
mod kept;
mod protected;

pub(super) use challenge::{Challenge, Missed};
pub(super) use flow::{Next, SignIn, is_discovered};
