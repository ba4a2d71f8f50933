//! [`DeviceRepository`](devices_domain::DeviceRepository).

mod change_many;
mod conflicts;
mod create;
mod device_limit;
mod fair_shares;
mod further_filters;
mod interface;
mod large_upserts;
mod list;
mod races;
mod restore;
mod search;
mod search_index;
mod unknown_users;
mod update;

use std::sync::Arc;

use devices_domain::{
    ChangeDeviceError, DeviceChange, DeviceFilter, DeviceId, DevicePatch, NewDevice, Page,
    PageRequest, PageStart, Precondition, RawRow, RawValue, StoredDevice, UnknownFields,
};

use futures_util::future::join_all;

use crate::{TestStore, Writer, block_on, device};

fn patch<'a>(fields: impl IntoIterator<Item = (&'static str, RawValue<'a>)>) -> DevicePatch {
    let mut row = RawRow::for_device();
    for (name, value) in fields {
        row.set(name, value);
    }
    DevicePatch::from_row(&row, UnknownFields::Reject).unwrap()
}

impl Writer {
    pub(crate) async fn update<'a>(
        &self,
        device: i64,
        fields: impl IntoIterator<Item = (&'static str, RawValue<'a>)>,
        precondition: Precondition,
    ) -> Result<StoredDevice, ChangeDeviceError> {
        let change = DeviceChange {
            device: DeviceId(device),
            patch: patch(fields),
            precondition,
            origin: self.origin(),
        };
        self.devices.update(Arc::new(change)).await
    }

    /// Creates a device and archives it. Returns its id.
    async fn create_archived(&self, device: NewDevice) -> DeviceId {
        let created = self.create(vec![device]).await.unwrap();
        self.delete(created[0].id).await;
        created[0].id
    }

    pub(crate) async fn delete(&self, device: DeviceId) {
        let deleted = self
            .devices
            .delete(device, Precondition::Any, self.origin());
        deleted.await.unwrap();
    }

    pub(crate) async fn restore(
        &self,
        device: DeviceId,
    ) -> Result<StoredDevice, ChangeDeviceError> {
        let restored = self
            .devices
            .restore(device, Precondition::Any, self.origin());
        restored.await
    }

    async fn list(&self, filter: DeviceFilter) -> Page<StoredDevice> {
        let page = PageRequest {
            limit: 100,
            start: PageStart::Offset(0),
        };
        self.devices.list(filter, page).await.unwrap()
    }

    pub(crate) async fn list_ids(&self, filter: DeviceFilter) -> Vec<i64> {
        let page = self.list(filter).await;
        assert_eq!(page.total.count as usize, page.items.len());
        page.items.iter().map(|stored| stored.device.id.0).collect()
    }
}

#[test]
fn concurrent_finds_return_the_device_of_each() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let created = acme.create(vec![device(&[]), device(&[])]).await.unwrap();
        let (first, second) = (created[0].id, created[1].id);
        let unknown = DeviceId(second.0 + 1_000);
        let ids = [first, unknown, second, first, unknown, second, first];
        let found = join_all(ids.map(|id| acme.devices.find(id))).await;
        for (id, found) in ids.into_iter().zip(found) {
            let found = found.unwrap().map(|stored| stored.device.id);
            assert_eq!(found, (id != unknown).then_some(id));
        }
    });
}
