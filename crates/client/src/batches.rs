//! Batches and their undo.

use serde::{Deserialize, Serialize};

use crate::client::Client;
use crate::counts::RowCounts;
use crate::error::ClientError;
use crate::page::{Page, PageRequest};
use crate::transport::{Idempotency, Request, target};

/// A batch that stored something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// Number.
    pub id: u64,
    /// Time at which it was stored, in ISO 8601.
    pub created_at: String,
    /// Key of the request. `None` if the key is unknown.
    pub key: Option<BatchKey>,
    /// Id of the request in the log of the server.
    pub request_id: Option<String>,
    /// Treatment of rows that match a stored device: `error`, `skip` or `update`.
    pub on_conflict: String,
    /// `true`: one invalid row rejected all rows.
    pub atomic: bool,
    /// Numbers of its rows.
    #[serde(flatten)]
    pub counts: RowCounts,
    /// Time of the last undo that archived something, in ISO 8601.
    pub undone_at: Option<String>,
    /// Key of that undo.
    pub undone_by: Option<BatchKey>,
}

/// A key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchKey {
    /// Id.
    pub id: u64,
    /// Name.
    pub name: String,
}

/// Result of an undo, or its preview.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undo {
    /// Number of the batch.
    pub batch_id: u64,
    /// Ids of the archived devices, in the order of the batch.
    pub archived: Vec<u64>,
    /// Devices that the batch created and that stay as they are.
    pub kept: Vec<KeptDevice>,
    /// Changes of the batch that an undo does not revert.
    pub not_undone: NotUndone,
}

/// A device that an undo keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptDevice {
    /// Id.
    pub device_id: u64,
    /// Reason: `changed_since` or `archived_already`.
    pub reason: String,
}

/// Changes of a batch that an undo does not revert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotUndone {
    /// Number of devices that the batch changed.
    pub updated: u64,
}

impl Client {
    /// Returns a page of the batches, newest first.
    ///
    /// # Errors
    /// The errors of any request.
    pub fn batches(&self, page: &PageRequest) -> Result<Page<Batch>, ClientError> {
        self.page(&target("/batches", &page.parameters()))
    }

    /// Returns a batch.
    ///
    /// # Errors
    /// `Status` with the code `BATCH_NOT_FOUND`, and the errors of any request.
    pub fn batch(&self, id: u64) -> Result<Batch, ClientError> {
        let path = format!("/batches/{id}");
        let response = self.send(Request::get(&path), Idempotency::Idempotent);
        response.map_err(|error| error.of_batch(id))?.data()
    }

    /// Returns the preview of an [`undo`](Self::undo). Changes nothing.
    ///
    /// # Errors
    /// `Status` with the code `BATCH_NOT_FOUND`, and the errors of any request.
    pub fn preview_undo(&self, id: u64, include_changed: bool) -> Result<Undo, ClientError> {
        let target = undo_target(id, include_changed);
        let response = self.send(Request::get(&target), Idempotency::Idempotent);
        response.map_err(|error| error.of_batch(id))?.data()
    }

    /// Archives the devices that a batch created and that were not changed since then. With
    /// `include_changed`, also those that were. Not retried: a second undo reports nothing as
    /// archived.
    ///
    /// # Errors
    /// `Status` with the code `BATCH_NOT_FOUND`, and the errors of any request.
    pub fn undo(&self, id: u64, include_changed: bool) -> Result<Undo, ClientError> {
        let target = undo_target(id, include_changed);
        let request = Request::post(&target, "application/json", b"{}");
        let response = self.send(request, Idempotency::NotIdempotent);
        response.map_err(|error| error.of_batch(id))?.data()
    }
}

fn undo_target(id: u64, include_changed: bool) -> String {
    let path = format!("/batches/{id}/undo");
    if include_changed {
        format!("{path}?include_changed=true")
    } else {
        path
    }
}
