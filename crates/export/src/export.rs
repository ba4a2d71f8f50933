//! The stream of an export: reads devices in chunks and encodes them.

use std::time::Duration;

use devices_domain::{DeviceFilter, DeviceId, DeviceRepository, RepositoryError, StoredDevice};
use futures_util::{Stream, StreamExt, stream};

use crate::encoder::Encoder;

/// Number of devices that are read, and held in memory, at once.
const CHUNK_SIZE: u32 = 250;

/// Maximum number of attempts to read a chunk while the store is not reachable.
const MAX_ATTEMPTS: u32 = 5;

/// Time between two attempts.
const RETRY_DELAY: Duration = Duration::from_millis(200);

/// The byte order mark U+FEFF in UTF-8.
const BOM: &[u8; 3] = b"\xEF\xBB\xBF";

/// An export in progress: reads devices in ascending order of id. A device that exists during the
/// whole export occurs once.
pub struct Export {
    devices: Box<dyn DeviceRepository>,
    filter: DeviceFilter,
    encoder: Encoder,
    has_bom: bool,
    /// Last device of the previous chunk.
    after: Option<DeviceId>,
    has_started: bool,
    is_complete: bool,
}

impl Export {
    /// Creates an export of the devices that match a filter.
    pub fn new(devices: Box<dyn DeviceRepository>, filter: DeviceFilter, encoder: Encoder) -> Self {
        Self {
            devices,
            filter,
            encoder,
            has_bom: false,
            after: None,
            has_started: false,
            is_complete: false,
        }
    }

    /// Begins the body with a byte order mark if `has_bom`. Excel reads CSV without one in the code
    /// page of the computer, not in UTF-8.
    #[must_use]
    pub fn with_bom(self, has_bom: bool) -> Self {
        Self { has_bom, ..self }
    }

    /// Returns the chunks. Some may be empty. After an error there is none: the caller must not end
    /// the output like a complete one.
    ///
    /// # Errors
    /// If the first chunk cannot be read: a response can still have the status of the error.
    pub async fn into_chunks(
        mut self,
    ) -> Result<impl Stream<Item = Result<Vec<u8>, RepositoryError>>, RepositoryError> {
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

    async fn next_chunk(&mut self) -> Result<Vec<u8>, RepositoryError> {
        let devices = self.read().await?;
        self.after = devices.last().map(|last| last.device.id);
        self.is_complete = devices.len() < CHUNK_SIZE as usize;
        let devices: Vec<_> = devices.iter().map(StoredDevice::to_new_device).collect();
        let is_first = !self.has_started;
        self.has_started = true;
        let encoded = self.encoder.encode(&devices, self.is_complete);
        let mut chunk = encoded.map_err(|error| RepositoryError::Failed(error.into()))?;
        if is_first && self.has_bom {
            chunk.splice(..0, *BOM);
        }
        Ok(chunk)
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
