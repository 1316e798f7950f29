//! RFC 7523: a client of an authority says who it is by a token that it signs itself, with its secret
//! (`client_secret_jwt`, HS256) or with its private key (`private_key_jwt`, RS256 or ES256, by the kind of key).
//!
//! Invariant: a token is for one authority, good for a minute and of its own name; neither key nor token is written.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use serde_json::{Value, json};
use sha2::Sha256;

use super::http_answer::base64;

/// Seconds a token is good for: it is made for one request.
const LASTS: i64 = 60;

/// What signs.
enum Signer {
    Secret(Vec<u8>),
    Rsa(Box<RsaKeyPair>),
    P256(Box<EcdsaKeyPair>),
}

/// The token by which the client `id` says who it is to `audience`; `kind` is its way of authentication, `secret` its
/// secret, or its private key as PEM.
pub(super) fn assertion(
    kind: &str,
    (id, secret): (&str, &str),
    audience: &str,
    now: Timestamp,
) -> Result<String, &'static str> {
    let signer = if kind == "client_secret_jwt" {
        Signer::of_secret(secret)?
    } else {
        Signer::of_key(secret)?
    };
    if id.is_empty() {
        return Err("`client.id` is missing");
    }
    let begins = now.as_second();
    let head = json!({ "alg": signer.algorithm(), "typ": "JWT" });
    let claims = json!({
        "iss": id, "sub": id, "aud": audience, "jti": uuid::Uuid::new_v4().to_string(),
        "iat": begins, "exp": begins + LASTS,
    });
    let part = |value: &Value| url_safe(value.to_string().as_bytes());
    let signed = format!("{}.{}", part(&head), part(&claims));
    let signature = signer.sign(signed.as_bytes())?;
    Ok(format!("{signed}.{}", url_safe(&signature)))
}

impl Signer {
    fn of_secret(secret: &str) -> Result<Self, &'static str> {
        if secret.is_empty() {
            return Err("`client_secret_jwt` needs `client.secret`, or a token under `client.assertion`");
        }
        Ok(Self::Secret(secret.as_bytes().to_vec()))
    }

    fn of_key(pem: &str) -> Result<Self, &'static str> {
        const HOW: &str = "`private_key_jwt` needs a private key as PEM under `client.secret` (RSA, or EC on P-256), or a \
                           token under `client.assertion`";
        let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| HOW)?;
        let (bytes, alg) = (key.secret_der(), &ECDSA_P256_SHA256_FIXED_SIGNING);
        let rsa = match &key {
            PrivateKeyDer::Pkcs8(_) => RsaKeyPair::from_pkcs8(bytes).ok(),
            PrivateKeyDer::Pkcs1(_) => RsaKeyPair::from_der(bytes).ok(),
            _ => None,
        };
        if let Some(rsa) = rsa {
            return Ok(Self::Rsa(Box::new(rsa)));
        }
        let p256 = match &key {
            PrivateKeyDer::Pkcs8(_) => EcdsaKeyPair::from_pkcs8(alg, bytes).ok(),
            PrivateKeyDer::Sec1(_) => EcdsaKeyPair::from_private_key_der(alg, bytes).ok(),
            _ => None,
        };
        p256.map(|key| Self::P256(Box::new(key))).ok_or(HOW)
    }

    const fn algorithm(&self) -> &'static str {
        match self {
            Self::Secret(_) => "HS256",
            Self::Rsa(_) => "RS256",
            Self::P256(_) => "ES256",
        }
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, &'static str> {
        const FAILED: &str = "the key signs nothing";
        match self {
            Self::Secret(secret) => {
                let mut mac = Hmac::<Sha256>::new_from_slice(secret).map_err(|_| FAILED)?;
                mac.update(message);
                Ok(mac.finalize().into_bytes().to_vec())
            }
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
                    .map_err(|_| FAILED)?;
                Ok(signature)
            }
            Self::P256(key) => {
                let signature = key.sign(&SystemRandom::new(), message).map_err(|_| FAILED)?;
                Ok(signature.as_ref().to_vec())
            }
        }
    }
}

/// Base64 as RFC 7515 wants it.
pub(super) fn url_safe(bytes: &[u8]) -> String {
    base64(bytes).replace('+', "-").replace('/', "_").replace('=', "")
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::AsDer;
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED, KeyPair, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
        VerificationAlgorithm,
    };

    use super::*;

    const AUDIENCE: &str = "https://authority.test/token";

    fn now() -> Timestamp {
        "2026-11-22T18:00:00Z".parse().unwrap()
    }

    fn decoded(text: &str) -> Vec<u8> {
        let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut bits = Vec::new();
        for letter in text.bytes() {
            let value = digits.iter().position(|digit| *digit == letter).unwrap();
            bits.extend((0..6).rev().map(|bit| value >> bit & 1));
        }
        let byte = |bits: &[usize]| {
            bits.iter()
                .fold(0_u8, |byte, bit| byte << 1 | u8::from(*bit == 1))
        };
        bits.chunks_exact(8).map(byte).collect()
    }

    fn parts(token: &str) -> (Value, Value, String, Vec<u8>) {
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let (head, claims) = signed.split_once('.').unwrap();
        let read = |text: &str| serde_json::from_slice(&decoded(text)).unwrap();
        (read(head), read(claims), signed.to_owned(), decoded(signature))
    }

    fn pem(der: &[u8]) -> String {
        format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
            base64(der)
        )
    }

    fn verified(token: &str, alg: &'static str, by: &'static dyn VerificationAlgorithm, public: &[u8]) {
        let (head, claims, signed, signature) = parts(token);
        assert_eq!(head, json!({ "alg": alg, "typ": "JWT" }));
        assert_eq!((&claims["iss"], &claims["aud"]), (&json!("me"), &json!(AUDIENCE)));
        UnparsedPublicKey::new(by, public)
            .verify(signed.as_bytes(), &signature)
            .unwrap();
    }

    #[test]
    fn a_client_signs_with_its_private_key() {
        let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let key = pem(AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&rsa)
            .unwrap()
            .as_ref());
        let token = assertion("private_key_jwt", ("me", &key), AUDIENCE, now()).unwrap();
        verified(
            &token,
            "RS256",
            &RSA_PKCS1_2048_8192_SHA256,
            rsa.public_key().as_ref(),
        );

        let der =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.as_ref()).unwrap();
        let token = assertion("private_key_jwt", ("me", &pem(der.as_ref())), AUDIENCE, now()).unwrap();
        verified(
            &token,
            "ES256",
            &ECDSA_P256_SHA256_FIXED,
            pair.public_key().as_ref(),
        );
    }

    #[test]
    fn a_client_signs_with_its_secret_for_a_minute_and_each_token_is_another() {
        let make = || assertion("client_secret_jwt", ("me", "s3cret"), AUDIENCE, now()).unwrap();
        let (head, claims, signed, signature) = parts(&make());
        assert_eq!(head["alg"], "HS256");
        assert_eq!(
            claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(),
            60
        );
        let mut mac = Hmac::<Sha256>::new_from_slice(b"s3cret").unwrap();
        mac.update(signed.as_bytes());
        mac.verify_slice(&signature).unwrap();
        assert_ne!(make(), make());
    }

    #[test]
    fn what_cannot_sign_is_named_without_what_it_holds() {
        for (kind, id, secret) in [
            ("client_secret_jwt", "me", ""),
            ("private_key_jwt", "me", "hunter2"),
            ("private_key_jwt", "me", &pem(b"no key")),
            ("client_secret_jwt", "", "hunter2"),
        ] {
            let why = assertion(kind, (id, secret), AUDIENCE, now()).unwrap_err();
            assert!(why.contains("client.") && !why.contains("hunter2"), "{why}");
        }
    }
}
