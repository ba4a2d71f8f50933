//! The filters of a list.

use devices_tests::{Api, percent_encode};
use serde_json::json;

use super::{create_many, create_named, names};

/// Creates devices that differ in every filter: `ada`'s laptop, `bob`'s phone in maintenance, a
/// broken chair, an available laptop, and an archived laptop of `ada`. Returns the two users.
fn create_mixed_devices(api: &Api) -> (i64, i64) {
    let ada = api.add_user("acme", "ada@example.com");
    let bob = api.add_user("acme", "bob@example.com");
    for fields in [
        json!({"name": "assigned", "user_id": ada, "serial_number": "Sn-A1/b"}),
        json!({"name": "repaired", "type": "phone", "category": "phones", "user_id": bob,
            "lifecycle": "IN_MAINTENANCE"}),
        json!({"name": "broken", "type": "chair", "category": "furniture",
            "lifecycle": "OUT_OF_SERVICE"}),
        json!({"name": "free", "type": "LapTop", "category": "COMPUTERS"}),
    ] {
        api.create_device(fields);
    }
    let archived = json!({"name": "gone", "user_id": ada, "serial_number": "GONE-1",
        "lifecycle": "IN_MAINTENANCE"});
    let archived = api.create_device(archived);
    assert_eq!(
        api.call("DELETE", &format!("/devices/{archived}")).status,
        200
    );
    (ada, bob)
}

#[test]
fn each_filter_selects_matching_devices() {
    let api = Api::start();
    let (ada, bob) = create_mixed_devices(&api);
    let unknown = bob + 100;
    for (query, expected) in [
        ("", vec!["free", "broken", "repaired", "assigned"]),
        (&format!("user_id={ada}"), vec!["assigned"]),
        (&format!("user_id={bob}"), vec!["repaired"]),
        (&format!("user_id={unknown}"), vec![]),
        (&format!("user_id={}", i64::MAX), vec![]),
        ("client_status=AVAILABLE", vec!["free"]),
        ("client_status=IN_SERVICE", vec!["assigned"]),
        ("client_status=IN_MAINTENANCE", vec!["repaired"]),
        ("client_status=OUT_OF_SERVICE", vec!["broken"]),
        ("client_status=ARCHIVED", vec!["gone"]),
        ("client_status=PENDING_VALIDATION", vec![]),
        ("client_status=IN_PREPARATION", vec![]),
        ("client_status=DELIVERED", vec![]),
        ("client_status=SHIPPED", vec![]),
        ("serial_number=Sn-A1/b", vec!["assigned"]),
        ("serial_number=sN-a1%2FB", vec!["assigned"]),
        ("serial_number=%20SN-A1/B%20", vec!["assigned"]),
        ("serial_number=SN-A1", vec![]),
        ("serial_number=GONE-1", vec![]),
        ("type=laptop", vec!["free", "assigned"]),
        ("type=PHONE", vec!["repaired"]),
        ("type=lap", vec![]),
        ("type=lap%25", vec![]),
        ("category=computers", vec!["free", "assigned"]),
        ("category=Furniture", vec!["broken"]),
        ("category=furnitur_", vec![]),
        (
            "updated_since=2000-01-01",
            vec!["free", "broken", "repaired", "assigned"],
        ),
        (
            "updated_since=0001-01-01T00:00:00Z",
            vec!["free", "broken", "repaired", "assigned"],
        ),
        ("updated_since=9999-12-31", vec![]),
    ] {
        let list = api.get_json(&format!("/devices?{query}"));
        assert_eq!(names(&list), expected, "{query}");
        assert_eq!(list["meta"]["total"], expected.len(), "{query}");
    }
}

#[test]
fn impossible_serial_number_matches_nothing() {
    let api = Api::start();
    api.create_devices([json!({}), json!({"serial_number": "SN-1"})]);
    let long = "A1".repeat(500);
    for value in [
        "None",
        "N/A",
        "0000",
        "xxxx",
        "-1",
        "%23N/A",
        "123456789",
        "8.96529E%2B19",
        "%C3%A9",
        "a%00b",
        "%00",
        "a%0Ab",
        "%E2%80%AE",
        "%23%2F",
        "%25",
        "_",
        "(",
        &long,
    ] {
        for query in [
            format!("serial_number={value}"),
            format!("serial_number={value}&search=xps&limit=1"),
            format!("serial_number={value}&client_status=ARCHIVED"),
        ] {
            let list = api.get_json(&format!("/devices?{query}"));
            assert_eq!(list["data"], json!([]), "{query}");
            assert_eq!(list["meta"]["total"], 0, "{query}");
        }
        let export = api.get_json(&format!("/devices/export?serial_number={value}"));
        assert_eq!(export, json!({"devices": []}), "{value}");
    }
}

#[test]
fn type_and_category_fold_all_scripts() {
    let api = Api::start();
    api.create_device(json!({"name": "first", "type": "Ноутбук", "category": "Große Geräte"}));
    api.create_device(json!({"name": "second", "type": "NOTIZ", "category": "Andere"}));
    for (query, expected) in [
        ("type=ноутбук", vec!["first"]),
        ("type=НОУТБУК", vec!["first"]),
        ("category=GROSSE GERÄTE", vec!["first"]),
        ("category=große gera\u{308}te", vec!["first"]),
        ("type=notiz", vec!["second"]),
        ("type=Notız", vec![]),
        ("category=große", vec![]),
        ("category=grosse gerate", vec![]),
    ] {
        let (name, value) = query.split_once('=').unwrap();
        let path = format!("/devices?{name}={}", percent_encode(value));
        let list = api.get_json(&path);
        assert_eq!(names(&list), expected, "{query}");
    }
}

#[test]
fn earlier_placeholder_matches_stored_device() {
    let api = Api::start();
    let id = api.create_device(json!({"serial_number": "SN-1"}));
    // Earlier versions accepted more serial numbers.
    api.database
        .execute("UPDATE devices SET serial_number = 'Null', serial_number_folded = 'NULL'");
    let list = api.get_json("/devices?serial_number=null");
    assert_eq!(list["data"][0]["id"], id);
}

#[test]
fn combined_filters_must_all_match() {
    let api = Api::start();
    let (ada, bob) = create_mixed_devices(&api);
    for (query, expected) in [
        (
            format!(
                "user_id={ada}&client_status=IN_SERVICE&serial_number=sn-a1/B&type=LAPTOP\
                 &category=Computers&updated_since=2000-01-01"
            ),
            vec!["assigned"],
        ),
        (format!("user_id={ada}&type=phone"), vec![]),
        (
            format!("user_id={bob}&client_status=IN_MAINTENANCE"),
            vec!["repaired"],
        ),
        (format!("user_id={bob}&client_status=IN_SERVICE"), vec![]),
        (
            format!("user_id={ada}&client_status=ARCHIVED"),
            vec!["gone"],
        ),
        (
            "client_status=ARCHIVED&serial_number=gone-1&type=laptop".to_owned(),
            vec!["gone"],
        ),
        (
            "type=laptop&category=computers&client_status=AVAILABLE".to_owned(),
            vec!["free"],
        ),
        (
            "type=laptop&updated_since=2000-01-01&limit=1&offset=1".to_owned(),
            vec!["assigned"],
        ),
        ("type=laptop&category=furniture".to_owned(), vec![]),
    ] {
        let list = api.get_json(&format!("/devices?{query}"));
        assert_eq!(names(&list), expected, "{query}");
    }
}

#[test]
fn type_and_category_ignore_case() {
    let api = Api::start();
    api.create_device(json!({"name": "screen", "type": "Écran", "category": "ЭКРАНЫ"}));
    for query in [
        "type=%C3%89cran",
        "type=%C3%A9CRAN",
        "category=%D1%8D%D0%BA%D1%80%D0%B0%D0%BD%D1%8B",
    ] {
        let list = api.get_json(&format!("/devices?{query}"));
        assert_eq!(names(&list), ["screen"], "{query}");
    }
    // Accents are significant.
    assert_eq!(api.get_json("/devices?type=ecran")["data"], json!([]));
}

#[test]
fn updated_since_accepts_instant_or_date() {
    let api = Api::start();
    let ids = create_named(&api, ["before", "at", "after"]);
    for (id, instant) in ids.iter().zip([
        "2026-01-30T23:59:59.999999Z",
        "2026-01-31T00:00:00Z",
        "2026-01-31T08:00:00Z",
    ]) {
        api.database.execute(&format!(
            "UPDATE devices SET created_at = '{instant}', updated_at = '{instant}' WHERE id = {id}"
        ));
    }
    for (since, expected) in [
        ("2026-01-31", vec!["after", "at"]),
        ("2026-01-30", vec!["after", "at", "before"]),
        ("2026-02-01", vec![]),
        ("2026-01-31T00:00:00Z", vec!["after", "at"]),
        ("2026-01-31T01:00:00%2B01:00", vec!["after", "at"]),
        ("2026-01-30T19:00:00-05:00", vec!["after", "at"]),
        ("2026-01-31T00:00:00.000001Z", vec!["after"]),
        ("2026-01-30T23:59:59.999999Z", vec!["after", "at", "before"]),
        ("2026-01-31T08:00:00Z", vec!["after"]),
        ("2026-01-31T08:00:01Z", vec![]),
    ] {
        let list = api.get_json(&format!("/devices?updated_since={since}"));
        assert_eq!(names(&list), expected, "{since}");
    }
}

#[test]
fn updated_since_includes_its_own_instant() {
    let api = Api::start();
    let ids = create_named(&api, ["one", "two", "three"]);
    let path = format!("/devices/{}", ids[0]);
    let patched = api.send("PATCH", &path, &json!({"color": "red"})).json();
    let instant = patched["data"]["updated_at"].as_str().unwrap();
    let instant = instant.replace('+', "%2B");
    let list = api.get_json(&format!("/devices?updated_since={instant}"));
    assert_eq!(names(&list), ["one"]);
}

#[test]
fn archived_devices_are_hidden_by_default() {
    let api = Api::start();
    let created = create_many(&api, 3);
    let path = format!("/devices/{}", created[1]);
    let deleted = api.call("DELETE", &path).json();
    assert_eq!(
        names(&api.get_json("/devices")),
        ["device 3", "device 1"],
        "hidden"
    );
    assert_eq!(api.get_json("/devices")["meta"]["total"], 2);
    let archived = api.get_json("/devices?client_status=ARCHIVED");
    assert_eq!(archived["data"], json!([deleted["data"]]));
    assert_eq!(archived["data"][0]["client_status"], "ARCHIVED");
    assert_eq!(archived["meta"]["total"], 1);
}

#[test]
fn list_excludes_other_workspaces() {
    let api = Api::start();
    api.create_workspace("globex");
    let globex = api.create_key("globex", "WRITE");
    let foreign = api.add_user("globex", "stranger@example.com");
    let row = json!({"name": "theirs", "user_id": foreign, "serial_number": "THEIRS-1"});
    api.create_device_as(&globex, row);
    create_named(&api, ["ours"]);
    let archived = api.create_device_as(&globex, json!({"name": "gone"}));
    let archived = api.call_as(&globex, "DELETE", &format!("/devices/{archived}"));
    assert_eq!(archived.status, 200);

    for (query, expected) in [
        (String::new(), vec!["ours"]),
        (format!("user_id={foreign}"), vec![]),
        ("client_status=IN_SERVICE".to_owned(), vec![]),
        ("client_status=ARCHIVED".to_owned(), vec![]),
        ("serial_number=THEIRS-1".to_owned(), vec![]),
        ("type=laptop".to_owned(), vec!["ours"]),
        ("category=computers".to_owned(), vec!["ours"]),
        ("updated_since=2000-01-01".to_owned(), vec!["ours"]),
    ] {
        let list = api.get_json(&format!("/devices?{query}"));
        assert_eq!(names(&list), expected, "{query}");
        assert_eq!(list["meta"]["total"], expected.len(), "{query}");
    }
    let foreign_list = api.call_as(&globex, "GET", "/devices").json();
    assert_eq!(names(&foreign_list), ["theirs"]);
}
