//! The key pair that events are signed with: the same in every sandbox, so that a configuration
//! that trusts it stays good.

use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::{
    Signer, SigningKey,
    pkcs8::{EncodePublicKey, spki::der::pem::LineEnding},
};

use crate::webhooks::Signing;

const SEED: &[u8; 32] = b"cannula sandbox webhook key seed";
const FOREIGN_SEED: &[u8; 32] = b"a key that no document speaks of";

/// The value of the signature header; `None` for no header.
pub(super) fn header(signing: Signing, body: &[u8]) -> Option<String> {
    let seed = match signing {
        Signing::Genuine => SEED,
        Signing::ForeignKey => FOREIGN_SEED,
        Signing::NotAvailable => return Some("N/A".to_owned()),
        Signing::Absent => return None,
    };
    let signature = SigningKey::from_bytes(seed).sign(body);
    Some(STANDARD.encode(signature.to_bytes()))
}

/// The public key as PEM (`SubjectPublicKeyInfo`), as the vendor publishes its own.
pub(crate) fn public_key_pem() -> String {
    let key = SigningKey::from_bytes(SEED).verifying_key();
    // The encoding of 32 bytes behind a fixed prefix cannot fail.
    key.to_public_key_pem(LineEnding::LF).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signature, Verifier, VerifyingKey, pkcs8::DecodePublicKey};

    use super::*;

    fn verifies(signing: Signing) -> bool {
        let key = VerifyingKey::from_public_key_pem(&public_key_pem()).unwrap();
        let header = header(signing, b"{}").unwrap();
        let signature = Signature::from_slice(&STANDARD.decode(header).unwrap()).unwrap();
        key.verify(b"{}", &signature).is_ok()
    }

    #[test]
    fn the_published_key_fits_the_signatures_and_no_others() {
        assert!(verifies(Signing::Genuine));
        assert!(!verifies(Signing::ForeignKey));
        assert_eq!(header(Signing::Absent, b"{}"), None);
    }
}
