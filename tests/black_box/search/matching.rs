//! Matches of words and parts of serial numbers, and their order.

use devices_tests::{Api, ids};
use serde_json::json;

use super::{add_user, assert_found, assert_none_found, before_and_after_indexing, search};

#[test]
fn word_prefixes_match_in_all_searched_fields() {
    let api = Api::start();
    let grace = add_user(&api, "g.hopper@acme.test", "Grace", "Murray");
    let id = api.create_device(json!({
        "name": "MacBook Pro", "brand": "Apple", "type": "Notebook", "category": "Computers",
        "serial_number": "C02-XL4", "processor": "Silicon M3", "comment": "Lent by the museum",
        "user_id": grace, "color": "Violet", "client_contract_number": "Contract77",
    }));
    api.create_device(json!({"name": "Desk", "type": "furniture", "category": "furniture"}));
    before_and_after_indexing(&api, || {
        assert_found(
            &api,
            id,
            &[
                "macb",
                "macbook",
                "MACBOOK",
                "macbook pro",
                "pro",
                "app",
                "apple",
                "noteb",
                "computers",
                "comp",
                "c02",
                "C02-XL4",
                "silic",
                "m3",
                "lent",
                "museum",
                "muse",
                "grace",
                "murr",
                "hopper",
                "g.hopper@acme.test",
                "G.HOPPER@ACME.TEST",
                "acme",
            ],
        );
        // Suffixes of words do not match, nor do fields that are not searched.
        assert_none_found(
            &api,
            &[
                "acbook",
                "useum",
                "violet",
                "contract77",
                "macbooks",
                "IN_SERVICE",
            ],
        );
    });
}

#[test]
fn all_words_must_match_in_any_field() {
    let api = Api::start();
    let grace = add_user(&api, "grace@acme.test", "Grace", "Hopper");
    let alan = add_user(&api, "alan@acme.test", "Alan", "Turing");
    let [grace_lenovo, alan_lenovo, grace_dell] = api.create_devices([
        json!({"brand": "Lenovo", "serial_number": "PF-4711-QX", "user_id": grace}),
        json!({"brand": "Lenovo", "serial_number": "PF-4712-QX", "user_id": alan}),
        json!({"brand": "Dell", "serial_number": "DL-4711-QX", "user_id": grace}),
    ])[..] else {
        panic!("three devices");
    };
    before_and_after_indexing(&api, || {
        assert_found(
            &api,
            grace_lenovo,
            &[
                "lenovo grace",
                "leno hopp 711-q",
                "grace lenovo hopper pf-4711",
                "  hopper\u{3000} leno ",
            ],
        );
        assert_found(&api, alan_lenovo, &["lenovo turing", "4712-qx alan"]);
        assert_found(&api, grace_dell, &["grace dell", "dl-47"]);
        assert_eq!(search(&api, "lenovo"), [alan_lenovo, grace_lenovo]);
        assert_eq!(search(&api, "grace"), [grace_dell, grace_lenovo]);
        assert_eq!(search(&api, "711-qx"), [grace_dell, grace_lenovo]);
        assert_none_found(
            &api,
            &["dell alan", "lenovo grace 4712-qx", "lenovo grace missing"],
        );
    });
}

#[test]
fn serial_number_substrings_match() {
    let api = Api::start();
    let id = api.create_device(json!({"serial_number": "Ab-12/Xy_Z.9"}));
    api.create_device(json!({"serial_number": "AB-12/XYQZ.9", "name": "Other"}));
    api.create_device(json!({"name": "Without"}));
    before_and_after_indexing(&api, || {
        assert_found(
            &api,
            id,
            &[
                "y_z",
                "Y_Z",
                "xy_z.9",
                "2/xy_",
                "ab-12/xy_z.9",
                "AB-12/XY_Z.9",
                "ｘｙ_z",
            ],
        );
        assert_eq!(search(&api, "b-1").len(), 2);
        assert_eq!(search(&api, "2/x").len(), 2);
        // The wildcards of LIKE are ordinary characters.
        assert_none_found(&api, &["b%1", "b_1", "y%z", "y\\_z", "b-3"]);
    });
}

#[test]
fn accents_and_case_are_ignored() {
    let api = Api::start();
    let cases: [(&str, &[&str]); 12] = [
        ("Zoé", &["zoe", "ZOE", "zoé", "ZOÉ", "Zoe\u{301}"]),
        ("Gruse", &["Grüse", "GRÜSE"]),
        ("Noe\u{308}l", &["noel", "noël", "NOËL"]),
        ("Ørsted", &["orsted", "ørsted", "ØRSTED"]),
        ("Oresund", &["Øresund", "øresund"]),
        (
            "Straße",
            &["strasse", "STRASSE", "straße", "STRAẞE", "stras"],
        ),
        ("Grosse", &["große"]),
        ("Łódź", &["lodz", "ŁÓDŹ"]),
        ("Čapek", &["capek", "ČAPEK"]),
        ("ÆTHER", &["æther", "aether"]),
        ("Клавиатура", &["клавиатура", "КЛАВ"]),
        ("Πληκτρολόγιο", &["πληκτρολογιο", "ΠΛΗΚΤΡΟΛΌΓΙΟ"]),
    ];
    let created = api.create_devices(cases.map(|(name, _)| json!({ "name": name })));
    before_and_after_indexing(&api, || {
        for ((_, searches), id) in cases.iter().zip(&created) {
            assert_found(&api, *id, searches);
        }
    });
}

#[test]
fn stroke_letters_match_base_letters() {
    let api = Api::start();
    let cases = [
        ("Đặng", "dang"),
        ("Đorđe", "dorde"),
        ("Ħal", "hal"),
        ("Øre", "ore"),
    ];
    let created = api.create_devices(cases.map(|(name, _)| json!({ "name": name })));
    before_and_after_indexing(&api, || {
        for ((name, plain), id) in cases.iter().zip(&created) {
            assert_found(&api, *id, &[name, &name.to_lowercase(), plain]);
        }
    });
}

#[test]
fn final_sigma_matches_sigma() {
    let api = Api::start();
    let [upper, lower] =
        api.create_devices([json!({"name": "ΓΙΩΡΓΟΣ"}), json!({"name": "Νίκος"})])[..]
    else {
        panic!("two devices");
    };
    before_and_after_indexing(&api, || {
        assert_found(&api, upper, &["γιωργοσ", "γιώργος"]);
        assert_found(&api, lower, &["νικος", "ΝΙΚΟΣ"]);
    });
}

#[test]
fn assignee_matches_without_accents() {
    let api = Api::start();
    let zoe = add_user(&api, "z@acme.test", "Zoé", "Ångström");
    let id = api.create_device(json!({"user_id": zoe}));
    before_and_after_indexing(&api, || {
        assert_found(&api, id, &["zoe", "ZOÉ angstrom", "ång xps"]);
    });
}

#[test]
fn results_are_ordered_by_relevance_then_age() {
    let api = Api::start();
    let created = api.create_devices([
        json!({"name": "Thinkpad"}),
        json!({"name": "Thinkpad"}),
        json!({"comment": "like a thinkpad"}),
        json!({"brand": "Thinkpad"}),
        json!({"name": "Thinkpad"}),
        json!({"comment": "like a thinkpad"}),
    ]);
    let expected = [4, 1, 0, 3, 5, 2].map(|at: usize| created[at]);
    before_and_after_indexing(&api, || {
        assert_eq!(search(&api, "thinkpad"), expected);
        assert_eq!(search(&api, "think"), expected);
    });
    // A device that is not indexed yet has the same rank.
    let newest = api.create_device(json!({"name": "Thinkpad"}));
    before_and_after_indexing(&api, || {
        assert_eq!(
            search(&api, "thinkpad"),
            [&[newest], &expected[..]].concat()
        );
    });
}

#[test]
fn search_excludes_other_workspaces() {
    let api = Api::start();
    api.create_workspace("globex");
    let globex = api.create_key("globex", "WRITE");
    let own = api.create_device(json!({"name": "Thinkpad", "serial_number": "SN-4711"}));
    let body = json!({"email": "grace@globex.test", "first_name": "Grace"});
    let user = api.send_as(&globex, "POST", "/users", &body).json()["data"]["id"].clone();
    let foreign = json!({"name": "Thinkpad", "serial_number": "SN-4711", "user_id": user});
    let foreign = api.create_devices_as(&globex, [foreign]);
    before_and_after_indexing(&api, || {
        assert_found(&api, own, &["thinkpad", "n-47", "sn-4711"]);
        assert_none_found(&api, &["grace", "globex", "thinkpad grace"]);
        let search_globex = |search: &str| {
            let path = format!("/devices?search={search}");
            ids(&api.send_as(&globex, "GET", &path, &json!({})).json()["data"])
        };
        for search in ["thinkpad", "n-47", "grace", "globex"] {
            assert_eq!(search_globex(search), foreign, "{search}");
        }
        assert_eq!(api.get_json("/users?search=grace")["meta"]["total"], 0);
    });
}
