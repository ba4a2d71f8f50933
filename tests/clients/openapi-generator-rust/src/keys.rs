//! Exercises the operations of keys.

use std::error::Error;

use fleet_devices::apis::configuration::Configuration;
use fleet_devices::apis::keys_api::{
    self as keys, CreateKeyParams, ListKeysParams, RevokeKeyError, RevokeKeyParams, RotateKeyParams,
};
use fleet_devices::models::{KeyRotation, NewKey, Scope};

use super::rejection;

/// Creates a key, rotates it, and revokes it. Tries to revoke the only ADMIN key.
pub(crate) async fn manage(service: &Configuration) -> Result<(), Box<dyn Error>> {
    let params = CreateKeyParams {
        new_key: NewKey {
            expires_in: Some(Some("30d".into())),
            ..NewKey::new("nightly import".into(), Scope::Read)
        },
        ..Default::default()
    };
    let created = keys::create_key(service, params).await?.data;
    println!("create key: {} {}", created.name, created.scope);

    let params = RotateKeyParams {
        key_id: created.id,
        key_rotation: Some(KeyRotation {
            overlap: Some(Some("1h".into())),
        }),
        ..Default::default()
    };
    let rotated = keys::rotate_key(service, params).await?.data;
    assert!(rotated.secret != created.secret, "{rotated:?}");
    println!("rotate key: {} {}", rotated.name, rotated.scope);

    let listed = keys::list_keys(service, ListKeysParams::default()).await?;
    let mut listed = listed.data.into_iter();
    let admin = listed.find(|key| key.scope == Scope::Admin).expect("a key");
    let rejected = rejection(keys::revoke_key(service, revocation(admin.id)).await);
    // The enum is untagged, and all its variants have the same type: serde picks the first.
    let Some(RevokeKeyError::Status400(report)) = rejected.entity else {
        panic!("{rejected:?}");
    };
    println!(
        "reject revocation: {} {}",
        rejected.status.as_u16(),
        report.error
    );

    let revoked = keys::revoke_key(service, revocation(rotated.id)).await?.data;
    revoked.revoked_at.expect("a time");
    println!("revoke key: {}", revoked.name);
    Ok(())
}

fn revocation(key_id: i64) -> RevokeKeyParams {
    RevokeKeyParams {
        key_id,
        ..Default::default()
    }
}
