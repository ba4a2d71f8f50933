//! Which devices a search finds, and in which order.

use devices_tests::{Api, ids};
use serde_json::json;

use super::{add_user, assert_found, assert_nothing, found, now_and_later};

#[test]
fn a_device_is_found_by_the_beginnings_of_the_words_of_every_field_that_is_searched() {
    let api = Api::start();
    let grace = add_user(&api, "g.hopper@acme.test", "Grace", "Murray");
    let id = api.create_device(json!({
        "name": "MacBook Pro", "brand": "Apple", "type": "Notebook", "category": "Computers",
        "serial_number": "C02-XL4", "processor": "Silicon M3", "comment": "Lent by the museum",
        "user_id": grace, "color": "Violet", "client_contract_number": "Contract77",
    }));
    api.create_device(json!({"name": "Desk", "type": "furniture", "category": "furniture"}));
    now_and_later(&api, || {
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
        // Neither the ends of words nor fields that are not searched.
        assert_nothing(
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
fn every_word_must_be_found_whichever_field_it_is_found_in() {
    let api = Api::start();
    let grace = add_user(&api, "grace@acme.test", "Grace", "Hopper");
    let alan = add_user(&api, "alan@acme.test", "Alan", "Turing");
    let [of_grace, of_alan, other] = api.create_devices([
        json!({"brand": "Lenovo", "serial_number": "PF-4711-QX", "user_id": grace}),
        json!({"brand": "Lenovo", "serial_number": "PF-4712-QX", "user_id": alan}),
        json!({"brand": "Dell", "serial_number": "DL-4711-QX", "user_id": grace}),
    ])[..] else {
        panic!("three devices");
    };
    now_and_later(&api, || {
        assert_found(
            &api,
            of_grace,
            &[
                "lenovo grace",
                "leno hopp 711-q",
                "grace lenovo hopper pf-4711",
                "  hopper\u{3000} leno ",
            ],
        );
        assert_found(&api, of_alan, &["lenovo turing", "4712-qx alan"]);
        assert_found(&api, other, &["grace dell", "dl-47"]);
        assert_eq!(found(&api, "lenovo"), [of_alan, of_grace]);
        assert_eq!(found(&api, "grace"), [other, of_grace]);
        assert_eq!(found(&api, "711-qx"), [other, of_grace]);
        assert_nothing(
            &api,
            &["dell alan", "lenovo grace 4712-qx", "lenovo grace missing"],
        );
    });
}

#[test]
fn parts_of_a_serial_number_are_found_from_three_characters_on_in_any_case() {
    let api = Api::start();
    let id = api.create_device(json!({"serial_number": "Ab-12/Xy_Z.9"}));
    api.create_device(json!({"serial_number": "AB-12/XYQZ.9", "name": "Other"}));
    api.create_device(json!({"name": "Without"}));
    now_and_later(&api, || {
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
        assert_eq!(found(&api, "b-1").len(), 2);
        assert_eq!(found(&api, "2/x").len(), 2);
        // Wildcards of LIKE are none.
        assert_nothing(&api, &["b%1", "b_1", "y%z", "y\\_z", "b-3"]);
    });
}

#[test]
fn accents_and_case_are_ignored_both_ways() {
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
    let numbers = api.create_devices(cases.map(|(name, _)| json!({ "name": name })));
    now_and_later(&api, || {
        for ((_, searches), id) in cases.iter().zip(&numbers) {
            assert_found(&api, *id, searches);
        }
    });
}

#[test]
fn a_letter_with_a_stroke_is_the_letter() {
    let api = Api::start();
    let cases = [
        ("Đặng", "dang"),
        ("Đorđe", "dorde"),
        ("Ħal", "hal"),
        ("Øre", "ore"),
    ];
    let numbers = api.create_devices(cases.map(|(name, _)| json!({ "name": name })));
    now_and_later(&api, || {
        for ((name, plain), id) in cases.iter().zip(&numbers) {
            assert_found(&api, *id, &[name, &name.to_lowercase(), plain]);
        }
    });
}

#[test]
fn a_sigma_at_the_end_of_a_word_is_a_sigma() {
    let api = Api::start();
    let [upper, lower] =
        api.create_devices([json!({"name": "ΓΙΩΡΓΟΣ"}), json!({"name": "Νίκος"})])[..]
    else {
        panic!("two devices");
    };
    now_and_later(&api, || {
        assert_found(&api, upper, &["γιωργοσ", "γιώργος"]);
        assert_found(&api, lower, &["νικος", "ΝΙΚΟΣ"]);
    });
}

#[test]
fn an_assignee_is_found_without_accents_too() {
    let api = Api::start();
    let zoe = add_user(&api, "z@acme.test", "Zoé", "Ångström");
    let id = api.create_device(json!({"user_id": zoe}));
    now_and_later(&api, || {
        assert_found(&api, id, &["zoe", "ZOÉ angstrom", "ång xps"])
    });
}

#[test]
fn what_the_name_says_comes_before_what_a_comment_says_and_the_newest_among_equals() {
    let api = Api::start();
    let numbers = api.create_devices([
        json!({"name": "Thinkpad"}),
        json!({"name": "Thinkpad"}),
        json!({"comment": "like a thinkpad"}),
        json!({"brand": "Thinkpad"}),
        json!({"name": "Thinkpad"}),
        json!({"comment": "like a thinkpad"}),
    ]);
    let expected = [4, 1, 0, 3, 5, 2].map(|at: usize| numbers[at]);
    now_and_later(&api, || {
        assert_eq!(found(&api, "thinkpad"), expected);
        assert_eq!(found(&api, "think"), expected);
    });
    // A new one, which is not indexed yet, stands among the others as they do.
    let newest = api.create_device(json!({"name": "Thinkpad"}));
    now_and_later(&api, || {
        assert_eq!(found(&api, "thinkpad"), [&[newest], &expected[..]].concat());
    });
}

#[test]
fn another_workspaces_devices_and_users_are_never_found() {
    let api = Api::start();
    api.create_workspace("globex");
    let globex = api.create_key("globex", "WRITE");
    let own = api.create_device(json!({"name": "Thinkpad", "serial_number": "SN-4711"}));
    let body = json!({"email": "grace@globex.test", "first_name": "Grace"});
    let user = api.send_as(&globex, "POST", "/users", &body).json()["data"]["id"].clone();
    let foreign = json!({"name": "Thinkpad", "serial_number": "SN-4711", "user_id": user});
    let foreign = api.create_devices_as(&globex, [foreign]);
    now_and_later(&api, || {
        assert_found(&api, own, &["thinkpad", "n-47", "sn-4711"]);
        assert_nothing(&api, &["grace", "globex", "thinkpad grace"]);
        let theirs = |search: &str| {
            let path = format!("/devices?search={search}");
            ids(&api.send_as(&globex, "GET", &path, &json!({})).json()["data"])
        };
        for search in ["thinkpad", "n-47", "grace", "globex"] {
            assert_eq!(theirs(search), foreign, "{search}");
        }
        assert_eq!(api.list("/users?search=grace")["meta"]["total"], 0);
    });
}
