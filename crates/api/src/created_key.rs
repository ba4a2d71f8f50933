//! New keys with their secrets, as the commands print them and the API returns them.

use devices_domain::ApiKey;
use serde::Serialize;

use crate::secret::KeySecret;

/// A new key with its secret, which is shown only once.
#[derive(Serialize)]
pub(crate) struct CreatedKey<'a> {
    #[serde(flatten)]
    pub(crate) key: ApiKey,
    pub(crate) secret: &'a str,
}

impl<'a> CreatedKey<'a> {
    pub(crate) fn new(key: ApiKey, secret: &'a KeySecret) -> Self {
        Self {
            key,
            secret: secret.expose(),
        }
    }
}
