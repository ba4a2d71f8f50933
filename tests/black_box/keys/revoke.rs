//! `DELETE /keys/{key_id}`.

use std::collections::BTreeSet;

use devices_tests::{Response, race};
use serde_json::json;

use super::{ADMIN_ID, Keys, assert_forbidden, data, id_and_secret};

fn revoke(keys: &Keys, key: &str, id: i64) -> Response {
    keys.api.call_as(key, "DELETE", &format!("/keys/{id}"))
}

#[test]
fn revoked_key_is_rejected_at_once() {
    let keys = Keys::start();
    let (id, secret) = keys.create_scope("WRITE");
    assert_eq!(keys.api.call_as(&secret, "GET", "/users").status, 200);
    // The time of the last use is stored after the response.
    let last_use = format!("SELECT last_used_at IS NOT NULL FROM api_keys WHERE id = {id}");
    keys.api.database.wait_until(&last_use);
    let revoked = data(&revoke(&keys, &keys.admin, id), 200);
    assert!(revoked["revoked_at"].is_string(), "{revoked}");
    assert_eq!(keys.api.call_as(&secret, "GET", "/users").status, 401);
    // A second revocation changes nothing. The command prints the same key.
    assert_eq!(data(&revoke(&keys, &keys.admin, id), 200), revoked);
    assert_eq!(keys.command(&["revoke", &id.to_string()]), revoked);
    let events = keys.api.all_events();
    let revocations = events.iter().filter(|event| event["action"] == "REVOKED");
    let keys: Vec<_> = revocations.map(|event| event["key_id"].clone()).collect();
    assert_eq!(keys, [json!(ADMIN_ID)]);
}

#[test]
fn last_admin_key_remains() {
    let keys = Keys::start();
    assert_forbidden(&revoke(&keys, &keys.admin, ADMIN_ID), "No other ADMIN key");
    let temporary = json!({"name": "temporary", "scope": "ADMIN", "expires_in": "2h"});
    let (temporary_id, temporary) = id_and_secret(&keys.create(&temporary));
    for key in [&keys.admin, &temporary] {
        assert_forbidden(&revoke(&keys, key, ADMIN_ID), "No other ADMIN key");
    }
    assert_eq!(revoke(&keys, &temporary, temporary_id).status, 200);
    let (_, other) = keys.create_scope("ADMIN");
    // A key may revoke itself while another one lasts.
    assert_eq!(revoke(&keys, &keys.admin, ADMIN_ID).status, 200);
    assert_eq!(keys.call("GET", "/keys").status, 401);
    assert_eq!(keys.api.call_as(&other, "GET", "/keys").status, 200);
}

#[test]
fn expired_admin_key_is_revoked() {
    let keys = Keys::start();
    let (id, _) = keys.create_scope("ADMIN");
    let expire = format!("UPDATE api_keys SET expires_at = now() WHERE id = {id}");
    keys.api.database.execute(&expire);
    // The expired key does not count as another ADMIN key.
    assert_forbidden(&revoke(&keys, &keys.admin, ADMIN_ID), "No other ADMIN key");
    assert_eq!(revoke(&keys, &keys.admin, id).status, 200);
}

#[test]
fn admin_keys_that_revoke_each_other_leave_one() {
    let keys = Keys::start();
    for _ in 0..5 {
        let created = [(); 4].map(|()| keys.create_scope("ADMIN"));
        // Each key revokes the next one.
        let statuses = race(created.len(), |index| {
            let (_, secret) = &created[index];
            let (id, _) = created[(index + 1) % created.len()];
            revoke(&keys, secret, id).status
        });
        let expected = BTreeSet::from([200, 401]);
        assert!(
            statuses.iter().all(|status| expected.contains(status)),
            "{statuses:?}"
        );
        let active = created
            .iter()
            .filter(|(_, secret)| keys.api.call_as(secret, "GET", "/keys").status == 200);
        assert_ne!(active.count(), 0, "{statuses:?}");
    }
}

#[test]
fn racing_self_revocations_leave_an_admin_key() {
    let keys = Keys::start();
    let (other_id, other) = keys.create_scope("ADMIN");
    let admins = [(ADMIN_ID, keys.admin.clone()), (other_id, other)];
    let mut statuses = race(2, |index| {
        let (id, secret) = &admins[index];
        revoke(&keys, secret, *id).status
    });
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 403]);
}
