//! Secrets at rest: sealed with a key that stands elsewhere than the database, so that whoever has a
//! copy of the database can sign nothing. Method: ChaCha20-Poly1305 (RFC 8439) with a nonce by
//! chance; what a secret belongs to is sealed with it, so that none can be put in another's place.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gristmill_track::{Page, Secret, Store, TrackError, Webhook, WebhookUpdate};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::digest::{SHA256, digest};

use crate::Ids;

/// What a sealed secret begins with.
const MARK: &str = "sealed:1:";
/// Set before a word that becomes a key, so that it opens nothing else.
const PURPOSE: &[u8] = b"gristmill secrets 1\n";
/// How many webhooks are looked at in one go.
const PAGE: u32 = 500;

/// A key that seals secrets. It is never printed.
#[derive(Clone)]
pub struct SealKey([u8; 32]);

impl SealKey {
    /// The key that follows from a word, which should be as long as a good password at least.
    pub fn of_word(word: &str) -> Self {
        let mut key = [0; 32];
        let found = digest(&SHA256, &[PURPOSE, word.trim().as_bytes()].concat());
        for (byte, found) in key.iter_mut().zip(found.as_ref()) {
            *byte = *found;
        }
        Self(key)
    }
}

impl std::fmt::Debug for SealKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a key")
    }
}

/// Seals secrets and opens them.
#[derive(Clone)]
pub(crate) struct Seals {
    key: Option<Arc<LessSafeKey>>,
    ids: Arc<dyn Ids>,
}

impl Seals {
    /// Seals with `key`; without one secrets are kept as they are.
    pub(crate) fn new(key: Option<&SealKey>, ids: Arc<dyn Ids>) -> Self {
        // It fails for a key of another length, which this one is not.
        let unbound = key.and_then(|key| UnboundKey::new(&CHACHA20_POLY1305, &key.0).ok());
        Self { key: unbound.map(|key| Arc::new(LessSafeKey::new(key))), ids }
    }

    /// The secret of the webhook `owner` as it is kept; an empty one stays empty, and so does `None`
    /// of an id, when no chance can be had.
    pub(crate) fn seal(&self, owner: &str, secret: &Secret) -> Option<Secret> {
        let Some(key) = self.key.as_ref().filter(|_| !secret.reveal().is_empty()) else {
            return Some(secret.clone());
        };
        let chance = self.ids.next()?;
        let nonce: [u8; NONCE_LEN] = chance.get(..NONCE_LEN)?.try_into().ok()?;
        let mut sealed = secret.reveal().as_bytes().to_vec();
        let nonce_of = Nonce::assume_unique_for_key(nonce);
        key.seal_in_place_append_tag(nonce_of, Aad::from(owner.as_bytes()), &mut sealed).ok()?;
        let bytes = [nonce.as_slice(), &sealed].concat();
        Some(Secret::new(format!("{MARK}{}", STANDARD.encode(bytes))))
    }

    /// The secret of the webhook `owner` as it was.
    ///
    /// # Errors
    /// In words, when this key does not open it.
    pub(crate) fn open(&self, owner: &str, kept: &Secret) -> Result<Secret, String> {
        let Some(text) = kept.reveal().strip_prefix(MARK) else { return Ok(kept.clone()) };
        let key =
            self.key.as_ref().ok_or("the secret is sealed, and there is no key to open it")?;
        let opened = STANDARD.decode(text).ok().and_then(|bytes| {
            let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN)?;
            let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
            let mut sealed = sealed.to_vec();
            let opened = key.open_in_place(nonce, Aad::from(owner.as_bytes()), &mut sealed).ok()?;
            String::from_utf8(opened.to_vec()).ok()
        });
        opened.map(Secret::new).ok_or_else(|| {
            "the secret was sealed with another key: set GRISTMILL_SECRET_KEY to that one, or set \
             the secret anew"
                .into()
        })
    }

    /// Seals what an earlier version kept as it was; how many there were.
    ///
    /// # Errors
    /// As the store's.
    pub(crate) async fn seal_old(&self, store: &dyn Store) -> Result<usize, TrackError> {
        if self.key.is_none() {
            return Ok(0);
        }
        let (mut page, mut count) = (Page { limit: PAGE, offset: 0 }, 0);
        loop {
            let webhooks = store.webhooks(page).await?;
            for webhook in &webhooks {
                count += usize::from(self.seal_one(store, webhook).await?);
            }
            if webhooks.len() < PAGE as usize {
                return Ok(count);
            }
            page.offset += u64::from(PAGE);
        }
    }

    async fn seal_one(&self, store: &dyn Store, webhook: &Webhook) -> Result<bool, TrackError> {
        let Some(secret) = webhook.secret.as_ref().filter(|secret| !is_sealed(secret)) else {
            return Ok(false);
        };
        let Some(sealed) = self.seal(&webhook.id, secret) else { return Ok(false) };
        let update = WebhookUpdate { secret: Some(sealed), ..WebhookUpdate::default() };
        store.update_webhook(&webhook.id, update, webhook.updated).await?;
        Ok(true)
    }
}

fn is_sealed(secret: &Secret) -> bool {
    secret.reveal().starts_with(MARK) || secret.reveal().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RandomIds;

    fn seals(word: &str) -> Seals {
        Seals::new(Some(&SealKey::of_word(word)), Arc::new(RandomIds::new()))
    }

    #[test]
    fn a_sealed_secret_shows_nothing_and_opens_for_its_owner_alone() {
        let (ours, secret) = (seals("key of ours"), Secret::new("sesame"));
        let kept = ours.seal("w1", &secret).unwrap();
        assert!(kept.reveal().starts_with(MARK) && !kept.reveal().contains("sesame"));
        assert_ne!(kept, ours.seal("w1", &secret).unwrap());
        assert_eq!(ours.open("w1", &kept), Ok(secret));
        assert!(ours.open("w2", &kept).is_err());
        assert!(seals("another key").open("w1", &kept).unwrap_err().contains("another key"));
        let keyless = Seals::new(None, Arc::new(RandomIds::new()));
        assert!(keyless.open("w1", &kept).unwrap_err().contains("no key"));
    }

    #[test]
    fn what_is_damaged_opens_for_nobody() {
        let ours = seals("key of ours");
        let kept = ours.seal("w1", &Secret::new("sesame")).unwrap();
        for end in 0..kept.reveal().len() - MARK.len() {
            let cut = Secret::new(&kept.reveal()[..MARK.len() + end]);
            assert!(ours.open("w1", &cut).is_err(), "{end}");
        }
        assert_eq!(ours.open("w1", &Secret::new("clear")), Ok(Secret::new("clear")));
    }

    #[test]
    fn a_key_is_never_printed() {
        assert_eq!(format!("{:?}", SealKey::of_word("sesame")), "a key");
    }
}
