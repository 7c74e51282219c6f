//! The vendor's two signatures of a delivery, both over the raw body.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use cannula_core::{Delivery, Error, ErrorKind, Problems, Result};
use ed25519_dalek::{Signature, VerifyingKey};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use spki::{
    DecodePublicKey, Document, ObjectIdentifier, SubjectPublicKeyInfoRef,
    der::{Decode, Reader, SliceReader, asn1::UintRef, pem::PemLabel},
};

/// Ed25519: what the vendor signs with now.
const ED25519_HEADER: &str = "x-ghl-signature";

/// RSA-SHA256, PKCS#1 v1.5: deprecated by the vendor on 2026-07-01.
const RSA_HEADER: &str = "x-wh-signature";

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// The public keys that a delivery may be signed with; several while the vendor changes keys.
#[derive(Clone)]
pub(crate) struct Keys {
    ed25519: Vec<VerifyingKey>,
    /// Each key's modulus and exponent in DER.
    rsa: Vec<Vec<u8>>,
}

impl Keys {
    /// Reads the keys, noting each one that cannot be read.
    pub(crate) fn read(ed25519: &[String], rsa: &[String], problems: &mut Problems) -> Self {
        let mut keys = Self { ed25519: Vec::new(), rsa: Vec::new() };
        for (index, pem) in ed25519.iter().enumerate() {
            match ed25519_key(pem) {
                Some(key) => keys.ed25519.push(key),
                None => problems.add(
                    format!("ed25519_keys[{index}]"),
                    "must be an Ed25519 public key in PEM, from -----BEGIN PUBLIC KEY----- on",
                ),
            }
        }
        for (index, pem) in rsa.iter().enumerate() {
            match rsa_key(pem) {
                Some(key) => keys.rsa.push(key),
                None => problems.add(
                    format!("rsa_keys[{index}]"),
                    "must be an RSA public key of 2048 to 8192 bits in PEM, from -----BEGIN PUBLIC KEY----- on",
                ),
            }
        }
        if ed25519.is_empty() && rsa.is_empty() {
            problems.add("ed25519_keys", "must hold a key: without one every delivery is refused");
        }
        keys
    }

    /// Whether one of the keys signed the body.
    ///
    /// The newer header decides alone where it is present: a fall-back to the older one would let
    /// a forger choose the scheme.
    pub(crate) fn verify(&self, delivery: &Delivery<'_>) -> Result<()> {
        let genuine = if let Some(text) = delivery.header(ED25519_HEADER) {
            let signature = Signature::from_slice(&bytes(text)?)
                .map_err(|_| refused("the signature does not have 64 bytes"))?;
            self.ed25519.iter().any(|key| key.verify_strict(delivery.body, &signature).is_ok())
        } else if let Some(text) = delivery.header(RSA_HEADER) {
            if self.rsa.is_empty() {
                return Err(refused(
                    "the delivery carries the older signature only, and `rsa_keys` holds no key for it",
                ));
            }
            let signature = bytes(text)?;
            self.rsa.iter().any(|key| {
                UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key)
                    .verify(delivery.body, &signature)
                    .is_ok()
            })
        } else {
            return Err(refused("the delivery carries no signature"));
        };
        if genuine { Ok(()) } else { Err(refused("the signature is not the vendor's")) }
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys")
            .field("ed25519", &self.ed25519.len())
            .field("rsa", &self.rsa.len())
            .finish()
    }
}

/// A delivery that is not proven to come from the vendor, now.
pub(crate) fn refused(why: &str) -> Error {
    Error::new(ErrorKind::Auth, why).connector(crate::CONNECTOR).operation("verify a webhook")
}

/// The bytes of a header; `N/A`, which the vendor sends where it did not sign, has none.
fn bytes(header: &str) -> Result<Vec<u8>> {
    let decoded = STANDARD.decode(header.trim()).ok().filter(|bytes| !bytes.is_empty());
    decoded.ok_or_else(|| refused("the signature is not in base64"))
}

fn ed25519_key(pem: &str) -> Option<VerifyingKey> {
    let key = VerifyingKey::from_public_key_pem(&unindented(pem)).ok()?;
    (!key.is_weak()).then_some(key)
}

fn rsa_key(pem: &str) -> Option<Vec<u8>> {
    let pem = unindented(pem);
    let (label, document) = Document::from_pem(&pem).ok()?;
    SubjectPublicKeyInfoRef::validate_pem_label(label).ok()?;
    let info = SubjectPublicKeyInfoRef::try_from(document.as_bytes()).ok()?;
    info.algorithm.assert_algorithm_oid(RSA_ENCRYPTION).ok()?;
    let key = info.subject_public_key.as_bytes()?;
    (256..=1024).contains(&modulus_bytes(key)?).then(|| key.to_vec())
}

/// How long the modulus of a PKCS#1 key is.
fn modulus_bytes(key: &[u8]) -> Option<usize> {
    let mut reader = SliceReader::new(key).ok()?;
    let read = reader.sequence(|reader| {
        let modulus = UintRef::decode(reader)?.as_bytes().len();
        UintRef::decode(reader)?;
        Ok::<_, spki::der::Error>(modulus)
    });
    read.ok()
}

/// A key as it stands in a configuration file: lines may be indented.
fn unindented(pem: &str) -> String {
    let mut text: String = pem.trim().lines().flat_map(|line| [line.trim(), "\n"]).collect();
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}
