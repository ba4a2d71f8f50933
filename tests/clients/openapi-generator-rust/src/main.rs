//! Exercises the server with the generated client, and prints the lines of ../expected.txt.

mod keys;

use std::collections::HashMap;
use std::env;
use std::error::Error;
use std::fmt::Debug;

use fleet_devices::apis::batches_api::{self as batches, GetBatchParams, UndoBatchParams};
use fleet_devices::apis::configuration::Configuration;
use fleet_devices::apis::devices_api::{self as devices, *};
use fleet_devices::apis::enrolments_api::{
    self as enrolments, GetEnrollmentParams, PutEnrollmentParams,
};
use fleet_devices::apis::events_api::{self as events, ListEventsParams};
use fleet_devices::apis::users_api::{self as users, CreateUserParams, DeleteUserParams};
use fleet_devices::apis::{Error as ApiError, ResponseContent};
use fleet_devices::models::{
    ClientStatus, Device, EnrollmentStatus, KeyboardLayout, Lifecycle, NewDevice, NewDevices,
    NewEnrollment, NewUser, OnConflict, PatchDevice, TextOrList, User,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let service = Configuration {
        base_path: env::var("SERVICE_ADDRESS")?,
        bearer_access_token: Some(env::var("SERVICE_KEY")?),
        ..Configuration::default()
    };
    let serial_number = env::var("SERIAL_NUMBER")?;

    let user = create_user(&service).await?;
    let laptop = laptop(&user, &serial_number);
    let device_id = create(&service, laptop.clone()).await?;
    create_rejected(&service, laptop.clone()).await;
    sync_and_undo(&service, laptop, &serial_number).await?;
    let device = get(&service, device_id).await?;
    enrol(&service, &serial_number).await?;
    change(&service, &device).await?;
    list(&service, &serial_number).await?;
    keys::manage(&service).await?;
    delete(&service, device_id).await?;
    let params = RestoreDeviceParams {
        device_id,
        ..Default::default()
    };
    let restored = devices::restore_device(&service, params).await?.data;
    println!("restore device: {}", restored.client_status);
    delete(&service, device_id).await?;
    let params = DeleteUserParams {
        user_id: user.id,
        ..Default::default()
    };
    let former = users::delete_user(&service, params).await?.data;
    println!("delete user: {}", former.email);
    Ok(())
}

async fn create_user(service: &Configuration) -> Result<User, Box<dyn Error>> {
    let new_user = NewUser {
        first_name: Some(Some("Mary".into())),
        ..NewUser::new(env::var("USER_EMAIL")?)
    };
    let params = CreateUserParams {
        new_user,
        ..Default::default()
    };
    let user = users::create_user(service, params).await?.data;
    println!("create user: {}", user.email);
    Ok(*user)
}

fn laptop(user: &User, serial_number: &str) -> NewDevice {
    let compliance = TextOrList::ArrayVecString(vec!["CE".into(), "EPEAT Gold".into()]);
    NewDevice {
        serial_number: Some(Some(serial_number.into())),
        user_id: Some(Some(user.id)),
        keyboard_layout: Some(Some(KeyboardLayout::FrenchAzerty)),
        compliance: Some(Some(Box::new(compliance))),
        tags: Some(Some(Box::new(TextOrList::String("loan pool".into())))),
        attributes: Some(Some(HashMap::from([("room".into(), "B-204".into())]))),
        comment: Some(Some("Bought with a docking station".into())),
        ..NewDevice::new("LT-0412".into(), "laptop".into(), "computers".into())
    }
}

/// Creates a device. Returns its id.
async fn create(service: &Configuration, device: NewDevice) -> Result<i64, Box<dyn Error>> {
    let params = CreateDevicesParams {
        new_devices: NewDevices::new(vec![device]),
        ..Default::default()
    };
    let response = devices::create_devices(service, params).await?;
    let created = &response.data.devices.expect("a 201")[0];
    println!("create device: {} {}", created.name, created.client_status);
    Ok(created.id)
}

/// Sends a batch with a serial number that is taken and a user that does not exist.
async fn create_rejected(service: &Configuration, laptop: NewDevice) {
    let orphan = NewDevice {
        user_id: Some(Some(4_000_000_000)),
        ..NewDevice::new("LT-0413".into(), "laptop".into(), "computers".into())
    };
    let params = CreateDevicesParams {
        new_devices: NewDevices::new(vec![laptop, orphan]),
        ..Default::default()
    };
    let rejected = rejection(devices::create_devices(service, params).await);
    let Some(CreateDevicesError::Status400(report)) = rejected.entity else {
        panic!("{rejected:?}");
    };
    println!(
        "reject batch: {} {}",
        rejected.status.as_u16(),
        report.error
    );
    for entry in report.errors.expect("a report") {
        let row = entry.index.expect("a row");
        let field = entry.field.expect("a field");
        println!(
            "reject batch: row {row} {field} {} {}",
            entry.code, entry.reason
        );
    }
}

/// Validates a batch with options, sends it, and undoes it.
async fn sync_and_undo(
    service: &Configuration,
    laptop: NewDevice,
    serial_number: &str,
) -> Result<(), Box<dyn Error>> {
    let known = NewDevice {
        row_ref: Some(Some("A-17".into())),
        comment: Some(Some("In the storage room".into())),
        ..laptop.clone()
    };
    let new = NewDevice {
        row_ref: Some(Some("A-18".into())),
        name: "LT-0414".into(),
        serial_number: Some(Some(format!("{serial_number}-2"))),
        ..laptop.clone()
    };
    let invalid = NewDevice {
        row_ref: Some(Some("A-19".into())),
        serial_number: Some(Some("none".into())),
        ..laptop
    };
    let batch = NewDevices::new(vec![known, new, invalid]);
    validate(service, batch.clone()).await?;
    let batch_id = sync(service, batch).await?;

    let params = GetBatchParams {
        batch_id,
        ..Default::default()
    };
    let batch = batches::get_batch(service, params).await?.data;
    println!(
        "show batch: {}, {} created, {} updated, {} failed",
        batch.on_conflict, batch.created, batch.updated, batch.failed
    );
    let params = UndoBatchParams {
        batch_id,
        ..Default::default()
    };
    let undone = batches::undo_batch(service, params).await?.data;
    println!(
        "undo batch: {} archived, {} not undone",
        undone.archived.len(),
        undone.not_undone.updated
    );
    let types = event_types(service, batch_id).await?;
    println!("follow events: {}", types.join(" "));
    Ok(())
}

async fn validate(service: &Configuration, batch: NewDevices) -> Result<(), Box<dyn Error>> {
    let params = ValidateDevicesParams {
        new_devices: batch,
        on_conflict: Some(OnConflict::Update),
        atomic: Some(false),
        ..Default::default()
    };
    let planned = devices::validate_devices(service, params).await?.data;
    for row in planned.plan {
        print!("validate batch: {} {}", reference(row.row_ref), row.action);
        for (name, change) in row.changes.unwrap_or_default() {
            let [from, to] = [change.from, change.to].map(|value| value.expect("a value"));
            let text = "a text";
            print!(
                " {name}: {} -> {}",
                from.as_str().expect(text),
                to.as_str().expect(text)
            );
        }
        for error in row.errors.unwrap_or_default() {
            print!(" {}", error.reason);
        }
        println!();
    }
    Ok(())
}

/// Sends a batch with options. Returns its number.
async fn sync(service: &Configuration, batch: NewDevices) -> Result<i64, Box<dyn Error>> {
    let params = CreateDevicesParams {
        new_devices: batch,
        on_conflict: Some(OnConflict::Update),
        atomic: Some(false),
        ..Default::default()
    };
    let outcome = devices::create_devices(service, params).await?.data;
    for row in outcome.results.expect("a 207") {
        print!("sync batch: {} {}", reference(row.row_ref), row.result);
        if let Some(device) = row.device {
            print!(" {}", device.name);
        }
        for name in row.changed_fields.unwrap_or_default() {
            print!(" {name}");
        }
        for error in row.errors.unwrap_or_default() {
            print!(" {}", error.reason);
        }
        println!();
    }
    Ok(outcome.batch.and_then(|batch| batch.id).expect("a batch"))
}

fn reference(row_ref: Option<String>) -> String {
    row_ref.expect("a reference")
}

/// Reads all events. Returns the types of those of a batch.
async fn event_types(
    service: &Configuration,
    batch_id: i64,
) -> Result<Vec<String>, Box<dyn Error>> {
    let mut types = Vec::new();
    let mut params = ListEventsParams::default();
    loop {
        let page = events::list_events(service, params.clone()).await?;
        let events = page.data.into_iter();
        let events = events.filter(|event| event.batch_id == Some(batch_id));
        types.extend(events.map(|event| event.r#type.to_string()));
        if !page.meta.has_more {
            return Ok(types);
        }
        params.after = Some(page.meta.cursor);
    }
}

async fn get(service: &Configuration, device_id: i64) -> Result<Device, Box<dyn Error>> {
    let params = GetDeviceParams {
        device_id,
        ..Default::default()
    };
    let device = devices::get_device(service, params).await?.data;
    let assignee = device.user.as_ref().expect("an assignee");
    let layout = device.characteristics.keyboard_layout.expect("a layout");
    let compliance = device.characteristics.compliance.join(",");
    let tags = device.tags.join(",");
    let room = &device.attributes["room"];
    println!(
        "get device: {} {layout} {compliance} {tags} {room}",
        assignee.email
    );
    Ok(*device)
}

async fn enrol(service: &Configuration, serial_number: &str) -> Result<(), Box<dyn Error>> {
    let params = PutEnrollmentParams {
        serial_number: serial_number.into(),
        new_enrollment: NewEnrollment {
            last_seen_date: Some(Some("2026-01-30T16:42:07Z".into())),
            ..NewEnrollment::new(EnrollmentStatus::Enrolled)
        },
        ..Default::default()
    };
    let enrolment = enrolments::put_enrollment(service, params).await?.data;
    println!("report enrolment: {}", enrolment.status);

    let params = GetEnrollmentParams {
        serial_number: serial_number.into(),
        ..Default::default()
    };
    let stored = enrolments::get_enrollment(service, params).await?.data;
    let seen = stored.last_seen_date.expect("a time").date_naive();
    println!("get enrolment: {} {seen}", stored.serial_number);
    Ok(())
}

async fn change(service: &Configuration, device: &Device) -> Result<(), Box<dyn Error>> {
    let mut params = UpdateDeviceParams {
        device_id: device.id,
        patch_device: PatchDevice {
            lifecycle: Some(Some(Lifecycle::InMaintenance)),
            ..PatchDevice::default()
        },
        ..Default::default()
    };
    let changed = devices::update_device(service, params.clone()).await?.data;
    let enrolment = changed.mdm.expect("an enrolment");
    println!(
        "patch device: {} {}",
        changed.client_status, enrolment.status
    );

    params.patch_device = PatchDevice {
        comment: Some(None),
        ..PatchDevice::default()
    };
    let cleared = devices::update_device(service, params.clone()).await?.data;
    println!(
        "clear comment: {}",
        cleared.comment.as_deref().unwrap_or("null")
    );

    // The generated functions return no headers, and therefore no ETag.
    params.if_match = Some("\"outdated\"".into());
    let stale = rejection(devices::update_device(service, params).await);
    // The enum is untagged, and all its variants have the same type: serde picks the first.
    let Some(UpdateDeviceError::Status400(report)) = stale.entity else {
        panic!("{stale:?}");
    };
    println!(
        "reject stale change: {} {}",
        stale.status.as_u16(),
        report.error
    );
    Ok(())
}

async fn list(service: &Configuration, serial_number: &str) -> Result<(), Box<dyn Error>> {
    let params = ListDevicesParams {
        search: Some(format!("LT-0412 {serial_number}")),
        client_status: Some(ClientStatus::InMaintenance),
        ..Default::default()
    };
    let found = devices::list_devices(service, params).await?;
    let serial_number = found.data[0].serial_number.as_deref().unwrap_or("null");
    println!("list devices: {} {serial_number}", found.meta.total);
    Ok(())
}

async fn delete(service: &Configuration, device_id: i64) -> Result<(), Box<dyn Error>> {
    let params = DeleteDeviceParams {
        device_id,
        ..Default::default()
    };
    let deleted = devices::delete_device(service, params).await?.data;
    println!("delete device: {}", deleted.client_status);
    Ok(())
}

/// Returns the response to a request that must be rejected.
fn rejection<T: Debug, E: Debug>(result: Result<T, ApiError<E>>) -> ResponseContent<E> {
    match result {
        Err(ApiError::ResponseError(response)) => response,
        other => panic!("expected a rejection: {other:?}"),
    }
}
