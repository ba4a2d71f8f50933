//! The fourth step: the rows are stored.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse};
use devices_domain::{
    CreateDevicesError, IdempotencyKey, IdempotentRequest, NewUpsert, RenderUpsert, UpsertDevices,
    UpsertDevicesResult,
};
use devices_import::{BatchImportOptions, FileLayout, ReadFile, read_batch};
use sha2::{Digest, Sha256};

use super::form::ImportForm;
use super::options::FormOptions;
use super::plan::check;
use super::result::{self, StoredResult};
use super::{blocking, store_error};
use crate::error::ConsoleError;
use crate::respond::see_other;
use crate::run_to_completion::run_to_completion;
use crate::texts::EN;

/// Operation under which the idempotency keys are stored.
const OPERATION: &str = "POST /ui/import/run";

/// Stores the rows that the plan showed, at most once per form: a second click, a reload and a
/// retry after a restart get the result of the first request.
pub(super) async fn run(
    request: HttpRequest,
    form: ImportForm,
) -> Result<HttpResponse, ConsoleError> {
    let actor = form.signed_in.actor();
    run_to_completion(&request, actor, execute(form)).await
}

/// Returns the options of an import whose plan was shown. `None` if the form is incomplete.
pub(super) async fn planned_options(
    form: &ImportForm,
) -> Result<Option<BatchImportOptions>, ConsoleError> {
    let Ok(FormOptions { mut options, .. }) = form.read_options().await? else {
        return Ok(None);
    };
    options.batch.is_atomic = form.values.get("atomic") != Some("false");
    Ok(Some(options))
}

/// Returns the request of an import with the key of its form.
pub(super) fn idempotent_request(
    key: IdempotencyKey,
    file: &[u8],
    options: &BatchImportOptions,
) -> IdempotentRequest {
    IdempotentRequest {
        operation: OPERATION,
        key,
        fingerprint: fingerprint(file, options),
    }
}

/// Returns the fingerprint of a file and all options but `atomic`, which the user chooses on the
/// plan.
pub(super) fn checked_fingerprint(file: &[u8], options: &BatchImportOptions) -> String {
    let mut options = options.clone();
    options.batch.is_atomic = true;
    let bytes = fingerprint(file, &options).into_iter();
    bytes.map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the SHA-256 of a file and its options.
fn fingerprint(file: &[u8], options: &BatchImportOptions) -> [u8; 32] {
    let hash = Sha256::new()
        .chain_update((file.len() as u64).to_be_bytes())
        .chain_update(file)
        .chain_update(options.canonical());
    hash.finalize().into()
}

async fn execute(mut form: ImportForm) -> Result<HttpResponse, ConsoleError> {
    let key = form.values.get("key").and_then(IdempotencyKey::parse);
    let (Some(options), Some(key)) = (planned_options(&form).await?, key) else {
        return check(form, None).await;
    };
    let Some(file) = form.file.take() else {
        return form.reject_without_file();
    };
    let checked = form.values.get("checked").unwrap_or_default().to_owned();
    let (limits, read_options) = (form.limits.import, options.clone());
    let read = move || {
        if checked_fingerprint(&file.bytes, &read_options) != checked {
            return (file, None);
        }
        let request = idempotent_request(key, &file.bytes, &read_options);
        let read = read_batch(file.bytes.clone(), &read_options, limits);
        let rows = read.map(|ReadFile { batch, layout, .. }| (batch, Arc::new(layout)));
        (file, Some((request, rows)))
    };
    let (file, read) = blocking(read).await?;
    form.file = Some(file);
    let Some((request, rows)) = read else {
        return check(form, Some(EN.import.other_file)).await;
    };
    let Ok((batch, layout)) = rows else {
        return check(form, None).await;
    };
    let upsert = NewUpsert {
        batch,
        origin: form.signed_in.origin.clone(),
        returns_devices: false,
        idempotency: Some((request, renderer(Arc::clone(&layout)))),
    };
    let use_case = UpsertDevices::new(form.signed_in.workspace().devices);
    match use_case.execute(upsert).await {
        Ok(UpsertDevicesResult::Response(response)) => {
            let stored = StoredResult::from_json(&response.body)?;
            match response.batch {
                Some(batch) if stored.failed.is_empty() => {
                    Ok(see_other(&format!("/import/results/{batch}")))
                }
                batch => result::respond_rejected(form, batch, stored).await,
            }
        }
        // Nothing is stored if all rows have the requested state by now.
        Ok(UpsertDevicesResult::Rows(_, rows)) => {
            let stored = StoredResult::new(&layout, &rows);
            result::respond_rejected(form, rows.batch, stored).await
        }
        Err(CreateDevicesError::Rejected(_)) => check(form, Some(EN.import.changed_since)).await,
        Err(error) => Err(store_error(error)),
    }
}

fn renderer(layout: Arc<FileLayout>) -> RenderUpsert {
    Arc::new(move |_, result| StoredResult::new(&layout, result).to_json())
}
