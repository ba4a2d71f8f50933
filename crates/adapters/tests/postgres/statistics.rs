//! [`FleetStatistics`](devices_domain::FleetStatistics).

use chrono::NaiveDate;
use devices_domain::{
    ClientStatus, DeviceFilter, Overview, RawValue, Store, WorkspaceId, fold_case,
};

use crate::{TestStore, Writer, block_on, device, device_of};

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

impl TestStore {
    async fn overview(&self, workspace: WorkspaceId, today: &str) -> Overview {
        let statistics = self.store().for_workspace(workspace).statistics;
        statistics.overview(day(today)).await.unwrap()
    }
}

impl Writer {
    async fn count(&self, change: impl FnOnce(&mut DeviceFilter)) -> u64 {
        let mut filter = DeviceFilter::default();
        change(&mut filter);
        self.list_ids(filter).await.len() as u64
    }
}

/// Creates devices that differ in every property that is counted.
async fn create_mixed_devices(store: &TestStore, acme: &Writer) {
    let ada = store.user(acme.workspace, "ada@example.com").await;
    let types = [
        "Laptop", "laptop", "LAPTOP", "laptop", "Straße", "STRASSE", "plotter", "ПК", "пк",
    ];
    let brands = [
        Some("Dell"),
        Some("DELL"),
        Some("dell"),
        Some("Dell"),
        Some("\u{212A}IA"),
        Some("kia"),
        Some("Électrolux"),
        Some("e\u{301}lectrolux"),
        Some("Аквариус"),
        Some("АКВАРИУС"),
        None,
    ];
    // Both ends of the 90 days, and the days outside of them.
    let ends = [
        "2029-12-31",
        "2030-01-01",
        "2030-02-15",
        "2030-04-01",
        "2030-04-02",
        "",
    ];
    let mut devices = Vec::new();
    for index in 0..96 {
        let mut fields = vec![
            ("type", RawValue::text(types[index % types.len()])),
            (
                "client_warranty_endDate",
                RawValue::text(ends[index % ends.len()]),
            ),
            (
                "client_rental_endDate",
                RawValue::text(ends[index / 7 % ends.len()]),
            ),
        ];
        if let Some(brand) = brands[index % brands.len()] {
            fields.push(("brand", RawValue::text(brand)));
        }
        if index % 4 == 0 {
            fields.push(("user_id", RawValue::Integer(ada.0)));
        }
        let lifecycle = ["IN_MAINTENANCE", "OUT_OF_SERVICE"].get(index % 5);
        if let Some(lifecycle) = lifecycle {
            fields.push(("lifecycle", RawValue::text(*lifecycle)));
        }
        devices.push(device_of(fields));
    }
    let created = acme.create(devices).await.unwrap();
    for device in created.iter().step_by(6) {
        acme.delete(device.id).await;
    }
}

#[test]
fn every_count_is_the_total_of_its_list() {
    block_on(async {
        let store = TestStore::new();
        let globex = store.writer("globex").await;
        globex
            .create(vec![device(&[("brand", "Dell")])])
            .await
            .unwrap();
        let acme = store.writer("acme").await;
        create_mixed_devices(&store, &acme).await;
        let overview = store.overview(acme.workspace, "2030-01-01").await;

        assert_eq!(overview.total, 80);
        assert_eq!(overview.archived, 16);
        let archived = Some(ClientStatus::Archived);
        assert_eq!(
            acme.count(|filter| filter.client_status = archived).await,
            16
        );
        let names = |counts: &[(String, u64)]| {
            let names: Vec<&str> = counts.iter().map(|(name, _)| name.as_str()).collect();
            names.join(" ")
        };
        assert_eq!(names(&overview.by_type), "laptop STRASSE ПК plotter");
        let brands: Vec<_> = overview
            .by_brand
            .iter()
            .map(|(brand, _)| brand.as_deref())
            .collect();
        assert_eq!(brands.len(), 5, "{brands:?}");
        assert_eq!(brands[0], Some("Dell"));

        for (status, count) in &overview.by_status {
            let status = Some(*status);
            let listed = acme.count(|filter| filter.client_status = status).await;
            assert_eq!(listed, *count, "{status:?}");
        }
        for (type_, count) in &overview.by_type {
            let folded = Some(fold_case(type_).into_owned());
            assert_eq!(
                acme.count(|filter| filter.type_ = folded).await,
                *count,
                "{type_}"
            );
        }
        for (brand, count) in &overview.by_brand {
            let listed = acme.count(|filter| match brand {
                Some(brand) => filter.brand = Some(fold_case(brand).into_owned()),
                None => filter.without_brand = true,
            });
            assert_eq!(listed.await, *count, "{brand:?}");
        }
        let sums = [
            overview
                .by_status
                .iter()
                .map(|(_, count)| count)
                .sum::<u64>(),
            overview.by_type.iter().map(|(_, count)| count).sum(),
            overview.by_brand.iter().map(|(_, count)| count).sum(),
        ];
        assert_eq!(sums, [80; 3]);
        let soon = Some(Overview::soon(day("2030-01-01")));
        let listed = [
            acme.count(|filter| filter.warranty_ends = soon).await,
            acme.count(|filter| filter.rental_ends = soon).await,
        ];
        assert_eq!([overview.warranty_ending, overview.rental_ending], listed);
        assert!(listed.iter().all(|count| *count > 0));
    });
}

#[test]
fn empty_workspace_has_no_counts() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.workspace("acme").await;
        let overview = store.overview(acme, "2030-01-01").await;
        assert_eq!((overview.total, overview.archived), (0, 0));
        assert!(overview.by_status.is_empty() && overview.by_type.is_empty());
        assert!(overview.by_brand.is_empty());
    });
}
