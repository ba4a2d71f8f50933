//! Admission of requests: their keys and rate limits, on the connection that does their work.

use std::sync::Arc;

use devices_domain::{Admission, AdmissionDecision, RepositoryError, WorkspaceId};
use diesel::pg::PgConnection;

use super::lookup::{self, ActiveKey};
use crate::postgres::connection::error::classify;
use crate::postgres::rate_limits;

/// Decides the undecided admissions of requests of one workspace.
///
/// The look-up starts after all requests were submitted, so that each of them sees every revocation
/// that precedes it.
///
/// # Errors
/// If a statement fails. The remaining requests are then not admitted.
pub(crate) fn decide(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    admissions: &[&Arc<Admission>],
) -> Result<(), RepositoryError> {
    let undecided: Vec<_> = admissions
        .iter()
        .filter(|admission| admission.decision().is_none())
        .collect();
    if undecided.is_empty() {
        return Ok(());
    }
    let hashes: Vec<_> = undecided
        .iter()
        .map(|admission| admission.secret_sha256())
        .collect();
    let keys = lookup::find(connection, workspace, &hashes).map_err(classify)?;
    for admission in undecided {
        let row = keys.get(admission.secret_sha256().as_slice());
        let key = row.map(|row| ActiveKey::new(workspace, row)).transpose()?;
        let actor = admission.actor();
        admission.decide(if key.is_some_and(|key| key.actor == actor) {
            let taken = rate_limits::take(connection, actor, admission.limits());
            AdmissionDecision::KeyActive(taken.map_err(classify)?)
        } else {
            AdmissionDecision::KeyInactive
        });
    }
    Ok(())
}
