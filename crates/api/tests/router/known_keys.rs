//! Keys that the server has looked up before: the store checks them.

use actix_web::test;
use devices_domain::{
    Actor, AdmissionDecision, KeyId, MockDeviceRepository, MockKeyRepository, MockStore,
    RateLimitDecision, RepositoryError, Scope,
};

use crate::{send_all, workspace_store};

/// Returns the statuses of a GET of an unknown device, and then of further requests with the key.
/// `lookups` are the scopes that the look-ups of the key find. The store makes `decision` for each
/// request that it handles.
async fn statuses_after_get(
    lookups: impl IntoIterator<Item = Option<Scope>>,
    decision: Option<AdmissionDecision>,
    requests: impl IntoIterator<Item = test::TestRequest>,
) -> Vec<u16> {
    let mut keys = MockKeyRepository::new();
    for scope in lookups {
        let find = keys.expect_find_actor().times(1);
        find.returning(move |workspace, _| {
            Ok(scope.map(|scope| Actor {
                workspace,
                key: KeyId(1),
                scope,
            }))
        });
    }
    let mut store = MockStore::new();
    store.expect_for_request().returning(move |admission| {
        let mut devices = MockDeviceRepository::new();
        devices.expect_find().returning(move |_| {
            if let Some(decision) = decision {
                admission.decide(decision);
            }
            if decision == Some(AdmissionDecision::KeyInactive) && !admission.is_admitted() {
                return Err(RepositoryError::NotAdmitted);
            }
            Ok(None)
        });
        workspace_store(devices)
    });
    let requests = std::iter::once(get_device()).chain(requests);
    let responses = send_all(keys, store, requests).await;
    let statuses = responses.into_iter().map(|response| match response {
        Ok(response) => response.status().as_u16(),
        Err(error) => error.as_response_error().status_code().as_u16(),
    });
    statuses.collect()
}

fn get_device() -> test::TestRequest {
    test::TestRequest::get().uri("/devices/1")
}

#[actix_web::test]
async fn known_key_is_checked_by_the_store() {
    let active = AdmissionDecision::KeyActive(RateLimitDecision::UNLIMITED);
    let lookups = [Some(Scope::Read)];
    let statuses = statuses_after_get(lookups, Some(active), [get_device()]).await;
    assert_eq!(statuses, [404, 404]);
}

#[actix_web::test]
async fn known_key_that_the_store_rejects_is_forgotten() {
    let inactive = AdmissionDecision::KeyInactive;
    let lookups = [Some(Scope::Read), None];
    let requests = [get_device(), get_device()];
    let statuses = statuses_after_get(lookups, Some(inactive), requests).await;
    // The look-up of the first request decides for the store.
    assert_eq!(statuses, [404, 401, 401]);
}

#[actix_web::test]
async fn known_key_is_looked_up_if_the_store_did_nothing() {
    let requests = || {
        let with_query = test::TestRequest::get().uri("/devices/1?colour=red");
        let without_scope = test::TestRequest::delete().uri("/devices/1");
        let too_large = test::TestRequest::delete()
            .uri("/devices/1")
            .insert_header(("Content-Length", "100000000"));
        [get_device(), with_query, without_scope, too_large]
    };
    for (index, expected) in [404, 400, 403, 403].into_iter().enumerate() {
        let request = || requests().into_iter().skip(index).take(1);
        let active = [Some(Scope::Read), Some(Scope::Read)];
        assert_eq!(
            statuses_after_get(active, None, request()).await,
            [404, expected]
        );
        // A revoked key takes precedence over any other error.
        let revoked = [Some(Scope::Read), None];
        assert_eq!(
            statuses_after_get(revoked, None, request()).await,
            [404, 401]
        );
    }
}
