//! The key under the addresses of blobs, and the addresses.
//!
//! One random key per database, in `blob.key` (mode 0600), made when the first blob is put and carried by every export.
//! An address is HMAC-SHA256 of the payload under a key derived for its space: who does not have the key can neither
//! compute an address nor tell that two spaces hold the same bytes.

use crate::error::IoFault;
use crate::io::{self, Disk};
use crate::layout::Layout;
use crate::types::{BlobId, BlobSpace};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// At the beginning of a blob file; then its space, then the payload. Files without it are older: named by SHA-256.
const MAGIC: &[u8; 8] = b"DIRBLOB2";
/// Bytes before the payload.
const HEAD: usize = 24;

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct BlobKey([u8; 32]);

impl std::fmt::Debug for BlobKey {
    /// It is a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BlobKey")
    }
}

impl BlobKey {
    pub(crate) fn of(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A new one, durable when this returns.
    pub(crate) fn create(disk: &dyn Disk, layout: &Layout) -> Result<Self, IoFault> {
        let mut digest = Sha256::new();
        // Three times 122 random bits of the system's generator.
        (0..3).for_each(|_| digest.update(Uuid::new_v4().as_bytes()));
        let key = Self(digest.finalize().into());
        key.save(disk, layout)?;
        Ok(key)
    }

    pub(crate) fn save(&self, disk: &dyn Disk, layout: &Layout) -> Result<(), IoFault> {
        let mut out = self.0.to_vec();
        out.extend_from_slice(&crc32c::crc32c(&self.0).to_le_bytes());
        io::replace(disk, &layout.blob_key(), &out)
    }

    /// `None` if there is none, or it does not verify.
    pub(crate) fn load(disk: &dyn Disk, layout: &Layout) -> Result<Option<Self>, IoFault> {
        let bytes = match io::read_all(disk, &layout.blob_key()) {
            Ok(bytes) => bytes,
            Err(fault) if fault.source.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(fault) => return Err(fault),
        };
        let sound = bytes
            .split_first_chunk::<32>()
            .filter(|(key, crc)| crc32c::crc32c(*key).to_le_bytes() == *crc);
        Ok(sound.map(|(key, _)| Self(*key)))
    }

    pub(crate) fn address(&self, space: BlobSpace, payload: &[u8]) -> BlobId {
        let own = mac(&self.0, &[b"blobs of a space\0", &space.0]);
        BlobId(mac(&own, &[payload]))
    }
}

fn mac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    // A key of any length is taken.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return [0; 32];
    };
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

/// A blob as its file holds it.
pub(crate) fn pack(space: BlobSpace, payload: &[u8]) -> Vec<u8> {
    let mut file = Vec::with_capacity(HEAD + payload.len());
    file.extend_from_slice(MAGIC);
    file.extend_from_slice(&space.0);
    file.extend_from_slice(payload);
    file
}

/// Is it the file of a blob whose address needs the key?
pub(crate) fn is_keyed(file: &[u8]) -> bool {
    file.starts_with(MAGIC)
}

/// Where in a file the payload begins, if the file is what its name says.
pub(crate) fn payload_at(key: Option<&BlobKey>, id: BlobId, file: &[u8]) -> Option<usize> {
    let space = file
        .strip_prefix(MAGIC)
        .and_then(|rest| rest.first_chunk().copied());
    let keyed = space.zip(key);
    if keyed.is_some_and(|(space, key)| key.address(BlobSpace(space), &file[HEAD..]) == id) {
        return Some(HEAD);
    }
    let digest: [u8; 32] = Sha256::digest(file).into();
    (digest == id.0).then_some(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_of_one_key_and_one_space() {
        let (key, other) = (BlobKey([1; 32]), BlobKey([2; 32]));
        let (a, b) = (BlobSpace([1; 16]), BlobSpace([2; 16]));
        let id = key.address(a, b"payload");
        assert_eq!(id, key.address(a, b"payload"));
        assert_ne!(id, key.address(b, b"payload"));
        assert_ne!(id, other.address(a, b"payload"));
        assert_ne!(id, key.address(a, b"payloae"));
    }

    #[test]
    fn a_file_opens_under_its_own_name_only() {
        let key = BlobKey([1; 32]);
        let (space, other) = (BlobSpace([1; 16]), BlobSpace([2; 16]));
        let id = key.address(space, b"payload");
        let file = pack(space, b"payload");
        assert_eq!(payload_at(Some(&key), id, &file), Some(HEAD));
        assert_eq!(payload_at(None, id, &file), None);
        assert_eq!(payload_at(Some(&key), id, &pack(other, b"payload")), None);
        let old = BlobId(Sha256::digest(b"payload").into());
        assert_eq!(payload_at(Some(&key), old, b"payload"), Some(0));
    }

    #[test]
    fn the_mac_is_the_one_of_the_standard() {
        // RFC 4231, test case 2, with the key filled up with zeros: HMAC pads keys the same way.
        let mut key = [0; 32];
        key[..4].copy_from_slice(b"Jefe");
        let found = BlobId(mac(&key, &[b"what do ya want ", b"for nothing?"]));
        let wanted = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(found.to_string(), wanted);
    }
}
