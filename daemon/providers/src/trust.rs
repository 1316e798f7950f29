//! Whom connections to the outside trust: the machine's own root certificates, and nobody else.
//!
//! They are hundreds of files. They are read when the first https connection needs them, once, and every client of the
//! process shares them. This room opens no connection.
//!
//! Invariant: where there are none, https reaches nobody and says why, and all but https works. They are looked for
//! again at the next connection, so that installing them needs no restart.

use std::sync::{Arc, LazyLock, OnceLock};

use reqwest::ClientBuilder;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use rustls_platform_verifier::Verifier;

static MACHINE: LazyLock<Arc<Machine>> = LazyLock::new(|| Arc::new(Machine::new()));

/// The builder of a client that trusts whom the machine trusts.
pub fn trusting(builder: ClientBuilder) -> ClientBuilder {
    match config(MACHINE.clone()) {
        Ok(config) => builder.tls_backend_preconfigured(config),
        Err(error) => {
            tracing::warn!(%error, "no TLS: https reaches nobody");
            builder.tls_certs_only([])
        }
    }
}

fn config(machine: Arc<Machine>) -> Result<ClientConfig, Error> {
    let mut config = ClientConfig::builder_with_provider(machine.provider.clone())
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(machine)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// The machine's roots, once they were needed.
#[derive(Debug)]
struct Machine {
    provider: Arc<CryptoProvider>,
    roots: OnceLock<Verifier>,
}

impl Machine {
    fn new() -> Self {
        Self {
            provider: Arc::new(aws_lc_rs::default_provider()),
            roots: OnceLock::new(),
        }
    }

    fn roots(&self) -> Result<&Verifier, Error> {
        if let Some(roots) = self.roots.get() {
            return Ok(roots);
        }
        let read = Verifier::new(self.provider.clone())
            .map_err(|error| Error::General(format!("{error} (package ca-certificates)")))?;
        Ok(self.roots.get_or_init(|| read))
    }
}

impl ServerCertVerifier for Machine {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.roots()?
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verified(machine: &Machine) -> Result<ServerCertVerified, Error> {
        let name = ServerName::try_from("example.com").unwrap();
        machine.verify_server_cert(&CertificateDer::from(vec![1]), &[], &name, &[], UnixTime::now())
    }

    #[test]
    fn roots_are_read_when_a_connection_needs_them() {
        let machine = Arc::new(Machine::new());
        let config = config(machine.clone()).unwrap();
        reqwest::Client::builder()
            .tls_backend_preconfigured(config)
            .build()
            .unwrap();
        assert!(machine.roots.get().is_none());
        assert!(verified(&machine).is_err(), "one byte is no certificate");
        let had = rustls_native_roots();
        assert_eq!(machine.roots.get().is_some(), had);
    }

    /// Whether this machine has any.
    fn rustls_native_roots() -> bool {
        Verifier::new(Arc::new(aws_lc_rs::default_provider())).is_ok()
    }
}
