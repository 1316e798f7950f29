//! MessagePack with named fields over length-delimited frames.
//!
//! tokio-serde's own MessagePack writes bare arrays, where a new field breaks every old peer; this one names them.

use std::io;
use std::marker::PhantomData;
use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use dirigent_protocol::hello::MAX_FRAME;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_serde::{Deserializer, Serializer};
use tokio_util::codec::{Framed, LengthDelimitedCodec};

/// Reads `In`, writes `Out`.
pub(crate) struct NamedMessagePack<In, Out>(PhantomData<fn(Out) -> In>);

impl<In, Out> Default for NamedMessagePack<In, Out> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<In: DeserializeOwned, Out> Deserializer<In> for NamedMessagePack<In, Out> {
    type Error = io::Error;

    fn deserialize(self: Pin<&mut Self>, frame: &BytesMut) -> io::Result<In> {
        rmp_serde::from_slice(frame).map_err(|wrong| io::Error::new(io::ErrorKind::InvalidData, wrong))
    }
}

impl<In, Out: Serialize> Serializer<Out> for NamedMessagePack<In, Out> {
    type Error = io::Error;

    fn serialize(self: Pin<&mut Self>, message: &Out) -> io::Result<Bytes> {
        let bytes = encode(message)?;
        if bytes.len() > MAX_FRAME {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "message over the frame limit",
            ));
        }
        Ok(bytes.into())
    }
}

/// The bytes of a message.
pub(crate) fn encode<T: Serialize>(message: &T) -> io::Result<Vec<u8>> {
    rmp_serde::to_vec_named(message).map_err(|wrong| io::Error::new(io::ErrorKind::InvalidData, wrong))
}

/// How many bytes a message takes on the wire.
pub(crate) fn encoded_len<T: Serialize>(message: &T) -> io::Result<usize> {
    struct Count(usize);
    impl io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    rmp_serde::encode::write_named(&mut count, message)
        .map_err(|wrong| io::Error::new(io::ErrorKind::InvalidData, wrong))?;
    Ok(count.0)
}

/// A stream of bytes as a stream of frames with our limit.
pub(crate) fn frames<Io: AsyncRead + AsyncWrite>(io: Io) -> Framed<Io, LengthDelimitedCodec> {
    LengthDelimitedCodec::builder()
        .max_frame_length(MAX_FRAME)
        .new_framed(io)
}
