//! The stream of an export: reads devices in chunks and encodes them.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Bytes;
use devices_domain::{DeviceFilter, DeviceId, DeviceRepository, RepositoryError, StoredDevice};
use futures_util::{Stream, StreamExt, stream};

use super::encode::Encoder;
use crate::http::limits::concurrency::Permit;

/// Number of devices that are read, and held in memory, at once.
const CHUNK_SIZE: u32 = 250;

/// Maximum number of attempts to read a chunk while the store is not reachable.
const MAX_ATTEMPTS: u32 = 5;

/// Time between two attempts.
const RETRY_DELAY: Duration = Duration::from_millis(200);

/// The byte order mark U+FEFF in UTF-8.
const BOM: &[u8; 3] = b"\xEF\xBB\xBF";

/// An export in progress.
pub(super) struct Export {
    devices: Arc<dyn DeviceRepository>,
    filter: DeviceFilter,
    encoder: Encoder,
    has_bom: bool,
    /// Last device of the previous chunk.
    after: Option<DeviceId>,
    has_started: bool,
    is_complete: bool,
    /// Held until the last chunk has been sent or the client disconnects.
    _permit: Permit,
}

impl Export {
    pub(super) fn new(
        devices: Box<dyn DeviceRepository>,
        filter: DeviceFilter,
        encoder: Encoder,
        permit: Permit,
    ) -> Self {
        Self {
            devices: devices.into(),
            filter,
            encoder,
            has_bom: false,
            after: None,
            has_started: false,
            is_complete: false,
            _permit: permit,
        }
    }

    /// Begins the body with a byte order mark if `has_bom`. Excel reads CSV without one in the code
    /// page of the computer, not in UTF-8.
    pub(super) fn with_bom(self, has_bom: bool) -> Self {
        Self { has_bom, ..self }
    }

    /// Returns the chunks of the body. An error after the first chunk aborts the connection.
    ///
    /// # Errors
    /// If the first chunk cannot be read: the response can still have the status of the error.
    pub(super) async fn into_stream(
        mut self,
    ) -> Result<impl Stream<Item = Result<Bytes, RepositoryError>>, RepositoryError> {
        let first = self.next_chunk().await?;
        let rest = stream::unfold(self, |mut export| async {
            if export.is_complete {
                return None;
            }
            let chunk = export.next_chunk().await;
            if let Err(error) = &chunk {
                export.is_complete = true;
                tracing::warn!(%error, "export aborted");
            }
            Some((chunk, export))
        });
        let first = stream::once(async { Ok(first) });
        Ok(first.chain(Box::pin(rest)))
    }

    async fn next_chunk(&mut self) -> Result<Bytes, RepositoryError> {
        let devices = self.read().await?;
        self.after = devices.last().map(|last| last.device.id);
        self.is_complete = devices.len() < CHUNK_SIZE as usize;
        let devices: Vec<_> = devices.iter().map(StoredDevice::to_new_device).collect();
        let is_first = !self.has_started;
        self.has_started = true;
        let mut chunk = self
            .encoder
            .encode(&devices, is_first, self.is_complete)
            .map_err(RepositoryError::Failed)?;
        if is_first && self.has_bom {
            chunk.splice(..0, *BOM);
        }
        Ok(Bytes::from(chunk))
    }

    /// Reads the devices of the next chunk.
    async fn read(&self) -> Result<Vec<StoredDevice>, RepositoryError> {
        let mut attempts = 1;
        loop {
            let devices = self
                .devices
                .list_by_id(self.filter.clone(), self.after, CHUNK_SIZE);
            match devices.await {
                // Not for the first chunk: the client can still get a 503, and retries itself.
                Err(RepositoryError::Unavailable(_))
                    if self.has_started && attempts < MAX_ATTEMPTS =>
                {
                    attempts += 1;
                    tokio::time::sleep(RETRY_DELAY).await;
                }
                result => return result,
            }
        }
    }
}
