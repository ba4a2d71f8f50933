//! Carries out a confirmed change.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse};
use chrono::DateTime;
use devices_domain::{BulkAction, BulkChange, BulkChangeError, BulkResult};

use super::{BULK, BulkRequest, SEEN, bulk_address};
use crate::error::ConsoleError;
use crate::form::Form;
use crate::pages::devices::action::{self, RequestedAction};
use crate::pages::devices::selection::Selection;
use crate::respond;
use crate::run_to_completion::run_to_completion;
use crate::session::WriteAccess;

/// `POST /devices/bulk/run`: changes all devices or none, and leads to the result. If one of them
/// cannot be changed, or was changed after the confirmation, leads back to the confirmation.
///
/// A form that is sent twice changes nothing the second time, and leads to the same result.
pub(in crate::pages::devices) async fn run(
    request: HttpRequest,
    WriteAccess(signed_in): WriteAccess,
    form: Form,
) -> Result<HttpResponse, ConsoleError> {
    let bulk = BulkRequest::read(&form.values)?;
    let RequestedAction::Complete(action) = bulk.action.with_value(&form.values) else {
        return Err(ConsoleError::MalformedForm("no value"));
    };
    let origin = signed_in.origin.clone();
    let change = BulkChange::new(bulk.selection.devices(), action.clone(), origin);
    let mut change = change.map_err(|_| ConsoleError::MalformedForm("invalid devices"))?;
    if let Some(seen) = form.values.get(SEEN) {
        let seen = seen.parse().ok().and_then(DateTime::from_timestamp_micros);
        change = change.if_unchanged_since(seen.ok_or(ConsoleError::MalformedForm("no time"))?);
    }
    let devices = signed_in.workspace().devices;
    let task = async move {
        match devices.change_many(Arc::new(change)).await {
            Ok(result) => Ok(Some(result)),
            Err(BulkChangeError::Rejected(_)) => Ok(None),
            Err(BulkChangeError::Repository(error)) => Err(error.into()),
        }
    };
    let result = run_to_completion(&request, signed_in.actor(), task).await?;
    Ok(respond::see_other(&next_address(&bulk, &action, result)))
}

fn next_address(bulk: &BulkRequest, action: &BulkAction, result: Option<BulkResult>) -> String {
    let parameters = action::parameters(action);
    let Some(result) = result else {
        let mut parameters = parameters;
        parameters.push(("notice".to_owned(), "changed".to_owned()));
        return bulk_address(BULK, parameters, &bulk.selection, &bulk.back);
    };
    // The second of two equal requests finds every device changed already. Its result is the one
    // that the browser shows.
    let changed = if result.changed.is_empty() {
        bulk.selection.clone()
    } else {
        Selection::new(result.changed)
    };
    bulk_address("/devices/bulk/result", parameters, &changed, &bulk.back)
}
