//! Batches with the search documents of their devices.

use std::sync::Arc;

use devices_domain::{NewBatch, NewDevice, RepositoryError, SearchDocument};

use super::create::GROUP_COMMIT_BELOW;
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

impl PreparedBatch {
    /// Builds the documents of a batch before it needs a connection, so that no connection waits
    /// for them. Retries of the transaction share them. Uses a blocking thread for a large batch.
    ///
    /// # Errors
    /// If the blocking thread panics.
    pub(crate) async fn new(batch: Arc<NewBatch>) -> Result<Self, RepositoryError> {
        let documents = if batch.devices.len() < GROUP_COMMIT_BELOW {
            BatchDocuments::new(&batch.devices)
        } else {
            let batch = Arc::clone(&batch);
            tokio::task::spawn_blocking(move || BatchDocuments::new(&batch.devices))
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
    fn new(devices: &[NewDevice]) -> Self {
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
