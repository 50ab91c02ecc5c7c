//! That the other end has the key of the certificate that it shows: the library's own check, for each of the verifiers here.

/// The methods of a verifier that concern signatures of the handshake, with the algorithms that it has.
macro_rules! verifies_signatures {
    ($verifier:ident => $algorithms:expr) => {
        fn verify_tls12_signature(
            &self,
            message: &[u8],
            cert: &rustls_pki_types::CertificateDer<'_>,
            signed: &rustls::DigitallySignedStruct,
        ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
            let $verifier = self;
            rustls::crypto::verify_tls12_signature(message, cert, signed, $algorithms)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            cert: &rustls_pki_types::CertificateDer<'_>,
            signed: &rustls::DigitallySignedStruct,
        ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
            let $verifier = self;
            rustls::crypto::verify_tls13_signature(message, cert, signed, $algorithms)
        }

        fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
            let $verifier = self;
            $algorithms.supported_schemes()
        }
    };
}

pub(super) use verifies_signatures;
