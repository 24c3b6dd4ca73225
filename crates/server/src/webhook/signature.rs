//! The signature of a message, by which its receiver knows who sent it and that it is whole.
//! Form: MLflow's, after Standard Webhooks: `v1,` and the base64 of an HMAC-SHA256 over id, time and
//! body, joined by dots.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gristmill_track::Secret;
use ring::hmac;

pub(super) const SIGNATURE: &str = "X-MLflow-Signature";
pub(super) const TIMESTAMP: &str = "X-MLflow-Timestamp";
pub(super) const DELIVERY: &str = "X-MLflow-Delivery-Id";

/// The signature of `body`, which goes out under `delivery` at `seconds` since 1970.
pub(super) fn sign(secret: &Secret, delivery: &str, seconds: i64, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.reveal().as_bytes());
    let signed = format!("{delivery}.{seconds}.{body}");
    let tag = hmac::sign(&key, signed.as_bytes());
    format!("v1,{}", STANDARD.encode(tag.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    // From Python 3.11: base64.b64encode(hmac.new(b"sesame", b"d1.1700000000.{}", "sha256").digest())
    #[test]
    fn a_message_is_signed_as_receivers_expect() {
        let signed = sign(&Secret::new("sesame"), "d1", 1_700_000_000, "{}");
        assert_eq!(signed, "v1,8sQMGl0lufIOOOJm94amyecmZM/UWgmdo2OcG2Bg3E8=");
    }

    #[test]
    fn every_part_is_signed() {
        let signed = |id, seconds, body| sign(&Secret::new("sesame"), id, seconds, body);
        let first = signed("d1", 1, "{}");
        for other in [signed("d2", 1, "{}"), signed("d1", 2, "{}"), signed("d1", 1, "{ }")] {
            assert_ne!(first, other);
        }
    }
}
