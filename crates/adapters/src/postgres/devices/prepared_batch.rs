//! Batches with the search documents of their devices.

use std::sync::{Arc, LazyLock};
use std::thread::available_parallelism;

use devices_domain::{NewBatch, NewDevice, RepositoryError, SearchDocument};

use tokio::sync::Semaphore;

use crate::postgres::query::tsvector::EncodedDocuments;

/// A batch with the search documents of its devices. Clones share both.
#[derive(Clone)]
pub(crate) struct PreparedBatch {
    pub(crate) batch: Arc<NewBatch>,
    pub(crate) documents: Arc<BatchDocuments>,
}

/// Rows of the search index for the devices of a batch, in its order.
pub(crate) struct BatchDocuments {
    /// Folded identifiers of each device, searched by substring.
    pub(crate) identifiers: Vec<Option<String>>,
    /// Search document of each device.
    pub(crate) encoded: EncodedDocuments,
}

/// Size of texts up to which documents are built on the thread of the request, which other
/// requests share: at most some milliseconds.
const SMALL_TEXT_BYTES: usize = 16 * 1024;

/// Limits the threads that build documents of larger texts: one per processor. More would take time
/// from the threads of other requests.
static BUILDERS: LazyLock<Semaphore> =
    LazyLock::new(|| Semaphore::new(available_parallelism().map_or(1, usize::from)));

impl PreparedBatch {
    /// Builds the documents of a batch before it needs a connection, so that no connection waits
    /// for them. Retries of the transaction share them. Uses a blocking thread for large texts.
    ///
    /// # Errors
    /// If the blocking thread panics.
    pub(crate) async fn new(batch: Arc<NewBatch>) -> Result<Self, RepositoryError> {
        let fields = batch.devices.iter().map(|device| &device.fields);
        let text_bytes: usize = fields.map(SearchDocument::text_bytes).sum();
        let documents = if text_bytes <= SMALL_TEXT_BYTES {
            BatchDocuments::new(batch.devices.iter())
        } else {
            let batch = Arc::clone(&batch);
            let _permit = BUILDERS.acquire().await;
            tokio::task::spawn_blocking(move || BatchDocuments::new(batch.devices.iter()))
                .await
                .map_err(|_| RepositoryError::Failed("building documents panicked".into()))?
        };
        Ok(Self {
            batch,
            documents: Arc::new(documents),
        })
    }
}

impl BatchDocuments {
    pub(super) fn new<'a>(devices: impl ExactSizeIterator<Item = &'a NewDevice>) -> Self {
        let mut documents = Self {
            identifiers: Vec::with_capacity(devices.len()),
            encoded: EncodedDocuments::default(),
        };
        for device in devices {
            let identifiers = device.fields.search_identifiers();
            documents.identifiers.push(identifiers.map(Into::into));
            documents
                .encoded
                .push(&SearchDocument::for_device(&device.fields));
        }
        documents
    }
}

#[cfg(test)]
mod tests {
    use devices_domain::{KeyId, Origin, RawRow, RawValue};
    use futures_util::FutureExt;

    use super::*;

    fn batch(comment: &str) -> Arc<NewBatch> {
        let mut row = RawRow::for_device();
        for (name, text) in [
            ("name", "Latitude"),
            ("type", "laptop"),
            ("category", "computers"),
            ("comment", comment),
        ] {
            row.set(name, RawValue::text(text));
        }
        Arc::new(NewBatch {
            devices: vec![NewDevice::from_row(&row).unwrap()],
            origin: Origin {
                key: KeyId(1),
                request_id: "request-1".to_owned(),
                client_request_id: None,
                interface: devices_domain::Interface::Api,
            },
            idempotency: None,
        })
    }

    #[tokio::test]
    async fn large_text_leaves_the_thread_to_others() {
        // One character becomes eighteen when it is folded.
        let large = batch(&"\u{fdfa}".repeat(9_990));
        assert!(PreparedBatch::new(large).now_or_never().is_none());
        let small = batch("Handed over in Lyon");
        assert!(PreparedBatch::new(small).now_or_never().is_some());
    }
}
