//! Filters of device lists that only the console has.

use chrono::{DateTime, Days, NaiveDate};
use devices_domain::{
    ClientStatus, DateRange, DeviceFilter, IdentifierKey, Lifecycle, NewDevice, PageRequest,
    PageStart, RawValue, Search, Total,
};

use super::list::all_pages;
use crate::{TestStore, block_on, device, device_of};

fn day(number: u64) -> NaiveDate {
    NaiveDate::from_ymd_opt(2030, 1, 1).unwrap() + Days::new(number)
}

fn between(first: u64, last: u64) -> DateRange {
    DateRange {
        first: Some(day(first)),
        last: Some(day(last)),
    }
}

fn open(first: Option<u64>, last: Option<u64>) -> DateRange {
    DateRange {
        first: first.map(day),
        last: last.map(day),
    }
}

fn keys(texts: &[&str]) -> Vec<IdentifierKey> {
    texts.iter().map(|text| IdentifierKey::new(text)).collect()
}

fn filter(change: impl FnOnce(&mut DeviceFilter)) -> DeviceFilter {
    let mut filter = DeviceFilter::default();
    change(&mut filter);
    filter
}

/// A filter, and the ids of the devices that it selects.
type Case = (DeviceFilter, Vec<i64>);

fn serial_number_and_brand_cases(ids: &[i64], archived: i64) -> Vec<Case> {
    let &[one, two, three, four, five] = ids else {
        panic!("{ids:?}");
    };
    vec![
        (
            filter(|f| f.serial_numbers = keys(&["sn-1", "SN-2 ", "SN-2", "SN-9", "", "SN-1B"])),
            vec![two, one],
        ),
        (filter(|f| f.serial_numbers = keys(&["", "SN-9"])), vec![]),
        (
            filter(|f| {
                f.serial_numbers = keys(&["SN-1", "SN-2"]);
                f.type_ = Some("phone".to_owned());
            }),
            vec![two],
        ),
        (
            filter(|f| {
                f.serial_numbers = keys(&["SN-1", "SN-1B"]);
                f.client_status = Some(ClientStatus::Archived);
            }),
            vec![archived],
        ),
        (
            filter(|f| {
                f.serial_numbers = keys(&["SN-1", "SN-2"]);
                f.search = Search::parse("phone").unwrap();
            }),
            vec![two],
        ),
        (
            filter(|f| f.brand = Some("dell".to_owned())),
            vec![two, one],
        ),
        (
            filter(|f| f.brand = Some("dell pro".to_owned())),
            vec![four],
        ),
        (
            filter(|f| {
                f.brand = Some("dell".to_owned());
                f.client_status = Some(ClientStatus::Archived);
            }),
            vec![archived],
        ),
        (filter(|f| f.without_brand = true), vec![five, three]),
    ]
}

fn end_cases(ids: &[i64]) -> Vec<Case> {
    let &[_, _, three, four, five] = ids else {
        panic!("{ids:?}");
    };
    vec![
        (
            filter(|f| f.warranty_ends = Some(between(0, 10))),
            vec![four, three],
        ),
        (filter(|f| f.warranty_ends = Some(between(1, 9))), vec![]),
        (
            filter(|f| f.warranty_ends = Some(open(Some(1), None))),
            vec![four],
        ),
        (
            filter(|f| f.warranty_ends = Some(open(None, Some(9)))),
            vec![three],
        ),
        (
            filter(|f| f.warranty_ends = Some(open(None, None))),
            vec![four, three],
        ),
        (
            filter(|f| f.rental_ends = Some(between(5, 5))),
            vec![five, four],
        ),
        (
            filter(|f| {
                f.rental_ends = Some(between(5, 5));
                f.warranty_ends = Some(between(0, 20));
            }),
            vec![four],
        ),
        (
            filter(|f| {
                f.rental_ends = Some(between(5, 5));
                f.client_status = Some(ClientStatus::InMaintenance);
            }),
            vec![five],
        ),
        (
            filter(|f| {
                f.rental_ends = Some(between(0, 9));
                f.brand = Some("dell pro".to_owned());
                f.type_ = Some("laptop".to_owned());
            }),
            vec![four],
        ),
        (
            filter(|f| {
                f.warranty_ends = Some(between(0, 10));
                f.search = Search::parse("pro").unwrap();
            }),
            vec![four],
        ),
    ]
}

#[test]
fn further_filters_select_devices() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let globex = store.writer("globex").await;
        let devices = || {
            vec![
                device(&[("serial_number", "SN-1"), ("brand", "Dell")]),
                device(&[
                    ("serial_number", "sn-2"),
                    ("brand", "DELL"),
                    ("type", "phone"),
                ]),
                device(&[
                    ("serial_number", "SN-3"),
                    ("client_warranty_endDate", "2030-01-01"),
                ]),
                device(&[
                    ("client_warranty_endDate", "2030-01-11"),
                    ("client_rental_endDate", "2030-01-06"),
                    ("brand", "Dell Pro"),
                ]),
                device(&[
                    ("client_rental_endDate", "2030-01-06"),
                    ("lifecycle", "IN_MAINTENANCE"),
                ]),
            ]
        };
        let created = acme.create(devices()).await.unwrap();
        globex.create(devices()).await.unwrap();
        let ids: Vec<i64> = created.iter().map(|device| device.id.0).collect();
        let archived = acme.create_archived(device(&[
            ("serial_number", "SN-1B"),
            ("client_warranty_endDate", "2030-01-05"),
            ("brand", "dell"),
        ]));
        let archived = archived.await.0;
        let mut cases = serial_number_and_brand_cases(&ids, archived);
        cases.extend(end_cases(&ids));
        for indexed in [false, true] {
            for (filter, expected) in &cases {
                let mut listed = acme.list_ids(filter.clone()).await;
                // A search is sorted by its rank.
                listed.sort_unstable_by(|one, other| other.cmp(one));
                assert_eq!(&listed, expected, "{filter:?}, indexed: {indexed}");
            }
            store.index_all().await;
        }
        let wanted = keys(&["SN-9", "sn-1", "SN-1", "SN-1B", "", "SN-3"]);
        let known = acme.devices.known_serial_numbers(wanted).await.unwrap();
        assert_eq!(known, keys(&["sn-1", "SN-1", "SN-3"]));
    });
}

#[test]
fn all_pages_of_many_serial_numbers_are_listed() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let devices = (0..DeviceFilter::MAX_SERIAL_NUMBERS)
            .map(|index| device_of([("serial_number", RawValue::text(format!("SN-{index}")))]));
        let created = acme.create(devices.collect()).await.unwrap();
        let wanted = (0..DeviceFilter::MAX_SERIAL_NUMBERS)
            .map(|index| IdentifierKey::new(&format!("SN-{index}")));
        let filter = DeviceFilter {
            serial_numbers: wanted.collect(),
            ..DeviceFilter::default()
        };
        let (ids, total) = all_pages(&acme, &filter).await;
        let newest_first: Vec<i64> = created.iter().rev().map(|device| device.id.0).collect();
        assert_eq!((ids, total), (newest_first, Total::exact(1_000)));
    });
}

/// Returns devices of which each ends on one of 40 days, every tenth on none, in no order.
fn ending_devices(count: u64) -> Vec<NewDevice> {
    let devices = (0..count).map(|index| {
        let mut fields = vec![
            (
                "type",
                RawValue::text(if index % 4 == 0 { "phone" } else { "laptop" }),
            ),
            (
                "brand",
                RawValue::text(if index % 300 == 7 { "Wacom" } else { "Dell" }),
            ),
        ];
        if index % 10 != 0 {
            let end = day(index * 17 % 40).to_string();
            fields.push(("client_warranty_endDate", RawValue::text(end)));
        }
        if index % 300 == 9 {
            fields.push((
                "lifecycle",
                RawValue::text(Lifecycle::OutOfService.as_str()),
            ));
        }
        device_of(fields)
    });
    devices.collect()
}

#[test]
fn old_devices_of_a_range_of_dates_are_found() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        for _ in 0..3 {
            acme.create(ending_devices(1_000)).await.unwrap();
        }
        store.index_all().await;
        // More than are read in the order of the ids.
        for _ in 0..11 {
            let devices = (0..1_000).map(|_| device(&[("type", "laptop")]));
            acme.create(devices.collect()).await.unwrap();
        }
        let in_range = |change: fn(&mut DeviceFilter)| {
            let mut filter = filter(|f| f.warranty_ends = Some(between(3, 30)));
            change(&mut filter);
            filter
        };
        let cases: [(DeviceFilter, &str); 6] = [
            (in_range(|_| {}), "true"),
            (
                in_range(|f| f.type_ = Some("phone".to_owned())),
                "type = 'phone'",
            ),
            (
                in_range(|f| f.brand = Some("wacom".to_owned())),
                "brand = 'Wacom'",
            ),
            (
                in_range(|f| f.client_status = Some(ClientStatus::Available)),
                "lifecycle IS NULL",
            ),
            (
                in_range(|f| f.client_status = Some(ClientStatus::OutOfService)),
                "lifecycle = 'OUT_OF_SERVICE'",
            ),
            (in_range(|f| f.rental_ends = Some(between(0, 9))), "false"),
        ];
        for (filter, condition) in cases {
            let expected = store.database.texts(&format!(
                "SELECT id FROM devices WHERE {condition} AND client_warranty_end_date \
                     BETWEEN '{}' AND '{}' ORDER BY id DESC",
                day(3),
                day(30)
            ));
            let expected: Vec<i64> = expected.iter().map(|id| id.parse().unwrap()).collect();
            let (ids, total) = all_pages(&acme, &filter).await;
            assert_eq!(ids, expected, "{condition}");
            let is_counted = expected.len() <= 500;
            assert_eq!(total.is_exact, is_counted, "{condition}");
            if let Some(offset) = expected.len().checked_sub(30) {
                let page = PageRequest {
                    limit: 20,
                    start: PageStart::Offset(offset as u64),
                };
                let page = acme.devices.list(filter, page).await.unwrap();
                let ids: Vec<i64> = page.items.iter().map(|item| item.device.id.0).collect();
                assert_eq!(ids, expected[offset..offset + 20], "{condition}");
            }
        }
    });
}

/// Returns devices of which most have no brand. Of the types, plotters are rare, phones are
/// frequent but rare without a brand, and laptops are frequent.
fn devices_without_brand(count: u64) -> Vec<NewDevice> {
    let devices = (0..count).map(|index| {
        let type_ = match index {
            index if index % 500 == 3 => "plotter",
            index if index % 3 == 0 || index % 100 == 1 => "phone",
            _ => "laptop",
        };
        let mut fields = vec![("type", type_), ("client_warranty_endDate", "2030-01-01")];
        if index % 3 == 0 && type_ == "phone" {
            fields.push(("brand", "Dell"));
        }
        device(&fields)
    });
    devices.collect()
}

#[test]
fn types_are_found_among_many_devices_of_an_index() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        for _ in 0..8 {
            acme.create(devices_without_brand(1_000)).await.unwrap();
        }
        store.index_all().await;
        // Devices that wait to be indexed.
        acme.create(devices_without_brand(10)).await.unwrap();
        let conditions: [(DeviceFilter, &str); 3] = [
            (filter(|f| f.without_brand = true), "brand IS NULL"),
            (
                filter(|f| f.updated_since = Some(DateTime::UNIX_EPOCH)),
                "true",
            ),
            (
                filter(|f| f.warranty_ends = Some(between(0, 3))),
                "client_warranty_end_date IS NOT NULL",
            ),
        ];
        for (condition, sql) in conditions {
            for type_ in ["plotter", "phone", "laptop", "fax"] {
                let expected = store.database.texts(&format!(
                    "SELECT id FROM devices WHERE {sql} AND type = '{type_}' ORDER BY id DESC"
                ));
                let expected: Vec<i64> = expected.iter().map(|id| id.parse().unwrap()).collect();
                let filter = DeviceFilter {
                    type_: Some(type_.to_owned()),
                    ..condition.clone()
                };
                let (ids, total) = all_pages(&acme, &filter).await;
                assert_eq!(ids, expected, "{sql}, {type_}");
                let is_counted = total.is_exact && total.count == expected.len() as u64;
                let is_bounded = expected.len() > 500 && total.count <= expected.len() as u64;
                assert!(is_counted || is_bounded, "{sql}, {type_}: {total:?}");
            }
        }
    });
}
