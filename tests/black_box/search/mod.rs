//! `GET /devices?search=`: full text over devices and their assignees.

use std::time::{Duration, Instant};

use devices_tests::{Api, encoded, execute, ids};
use serde_json::{Value, json};

/// The numbers of the devices that are found, the most relevant first.
fn found(api: &Api, search: &str) -> Vec<i64> {
    found_with(api, search, "")
}

/// With more parameters.
fn found_with(api: &Api, search: &str, more: &str) -> Vec<i64> {
    let list = api.list(&format!("/devices?search={}{more}", encoded(search)));
    let found = ids(&list["data"]);
    assert_eq!(list["meta"]["total"], found.len(), "{search}");
    found
}

/// Asserts that a device is found, once, by each of these.
fn assert_found(api: &Api, id: i64, searches: &[&str]) {
    for search in searches {
        assert_eq!(found(api, search), [id], "{search:?}");
    }
}

/// Asserts that nothing is found by any of these.
fn assert_nothing(api: &Api, searches: &[&str]) {
    for search in searches {
        assert_eq!(found(api, search), [0; 0], "{search:?}");
    }
}

/// Waits until the devices that were created are indexed.
fn wait_until_indexed(api: &Api) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while api.database.count("device_search_queue") > 0 {
        assert!(Instant::now() < deadline, "devices wait to be indexed");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Runs the assertions on new devices, and again once they are indexed.
fn now_and_later(api: &Api, assertions: impl Fn()) {
    assertions();
    wait_until_indexed(api);
    assertions();
}

/// A user with a first and a last name; its number.
fn add_user(api: &Api, email: &str, first_name: &str, last_name: &str) -> i64 {
    let body = json!({"email": email, "first_name": first_name, "last_name": last_name});
    let answer = api.send("POST", "/users", &body);
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.json()["data"]["id"].as_i64().unwrap()
}

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
fn a_renamed_assignee_is_found_by_its_new_name_alone_at_once() {
    let api = Api::start();
    let grace = add_user(&api, "gh@acme.test", "Grace", "Murray");
    let id = api.create_device(json!({"user_id": grace}));
    assert_found(&api, id, &["murray"]);
    let rename = |name: &str| {
        let patch = json!({ "last_name": name });
        let renamed = api.send("PATCH", &format!("/users/{grace}"), &patch);
        assert_eq!(renamed.status, 200);
    };
    rename("Hopper");
    now_and_later(&api, || {
        assert_found(&api, id, &["hopper", "grace hopp"]);
        assert_nothing(&api, &["murray"]);
    });
    rename("Vanderbilt");
    assert_found(&api, id, &["vanderbilt"]);
    assert_nothing(&api, &["hopper"]);
}

#[test]
fn a_device_that_is_given_to_another_is_found_by_the_other_alone_at_once() {
    let api = Api::start();
    let grace = add_user(&api, "grace@acme.test", "Grace", "Hopper");
    let alan = add_user(&api, "alan@acme.test", "Alan", "Turing");
    let id = api.create_device(json!({"user_id": grace}));
    let give = |patch: Value| {
        let given = api.send("PATCH", &format!("/devices/{id}"), &patch);
        assert_eq!(given.status, 200, "{}", given.text);
    };
    give(json!({"user_id": alan}));
    now_and_later(&api, || {
        assert_found(&api, id, &["turing"]);
        assert_nothing(&api, &["hopper"]);
    });
    give(json!({"user_email": "grace@acme.test"}));
    assert_found(&api, id, &["hopper"]);
    assert_nothing(&api, &["turing"]);
    give(json!({"user_id": null}));
    assert_nothing(&api, &["turing", "hopper"]);
}

#[test]
fn a_changed_device_is_found_by_what_it_is_now_at_once() {
    let api = Api::start();
    // Changed before it is indexed, for as far as one can be that fast, and after.
    let id = api.create_device(json!({
        "name": "Oldname", "brand": "Oldbrand", "serial_number": "OLD-4711", "comment": "Oldremark",
    }));
    let change = |patch: Value| {
        let changed = api.send("PATCH", &format!("/devices/{id}"), &patch);
        assert_eq!(changed.status, 200, "{}", changed.text);
    };
    change(json!({
        "name": "Midname", "brand": "Midbrand", "serial_number": "MID-4711", "comment": "Midremark",
    }));
    now_and_later(&api, || {
        assert_found(
            &api,
            id,
            &["midname", "midbrand", "mid-4711", "d-47", "midremark"],
        );
        assert_nothing(&api, &["oldname", "oldbrand", "old-4711", "oldremark"]);
    });
    change(json!({"name": "Newname", "brand": null, "serial_number": null, "comment": null}));
    assert_found(&api, id, &["newname"]);
    assert_nothing(
        &api,
        &["midname", "midbrand", "mid-4711", "d-47", "midremark"],
    );
}

#[test]
fn a_deleted_device_is_found_among_the_archived_ones_alone() {
    let api = Api::start();
    let grace = add_user(&api, "grace@acme.test", "Grace", "Hopper");
    let row = || json!({"name": "Thinkpad", "serial_number": "SN-4711", "user_id": grace});
    // One of them is deleted before it is indexed, for as far as one can be that fast.
    let early = api.create_device(row());
    assert_eq!(api.ask("DELETE", &format!("/devices/{early}")).status, 200);
    let archived = |search: &str| found_with(&api, search, "&client_status=ARCHIVED");
    now_and_later(&api, || {
        assert_nothing(&api, &["thinkpad", "n-47", "hopper"]);
        assert_eq!(archived("thinkpad"), [early]);
    });
    let late = api.create_device(row());
    wait_until_indexed(&api);
    assert_found(&api, late, &["thinkpad", "n-47", "hopper"]);
    assert_eq!(api.ask("DELETE", &format!("/devices/{late}")).status, 200);
    assert_nothing(&api, &["thinkpad", "n-47", "hopper"]);
    for search in ["thinkpad", "n-47", "hopper", "sn-4711 grace"] {
        assert_eq!(archived(search), [late, early], "{search}");
    }
}

#[test]
fn new_devices_are_found_while_they_wait_to_be_indexed_and_once_afterwards() {
    let api = Api::start();
    let grace = add_user(&api, "grace@acme.test", "Grace", "Hopper");
    // Nobody can index anything until this ends.
    let mut holder = api.database.connect();
    execute(
        &mut holder,
        "BEGIN; LOCK TABLE device_search IN EXCLUSIVE MODE",
    );
    let ids = api.create_devices((0..30).map(|n| {
        let (name, serial_number) = (format!("Thinkpad {n}"), format!("SN-{n:04}"));
        json!({"name": name, "serial_number": serial_number, "user_id": grace})
    }));
    let twice = api.create_device(json!({"name": "Latecomer"}));
    let newest_first: Vec<i64> = ids.iter().rev().copied().collect();
    let all_are_found = || {
        for search in ["thinkp", "sn-00", "hopper", "n-00"] {
            assert_eq!(found(&api, search), newest_first, "{search}");
        }
        assert_found(&api, twice, &["latecomer"]);
        assert_found(&api, ids[7], &["thinkpad sn-0007", "-0007 hopper"]);
    };
    all_are_found();
    assert_eq!(api.database.count("device_search_queue"), 2);
    assert_eq!(api.database.count("device_search"), 0);
    execute(&mut holder, "COMMIT");
    wait_until_indexed(&api);
    all_are_found();
    assert_eq!(api.database.count("device_search"), 31);
}

#[test]
fn a_cursor_leads_through_all_that_is_found_once_each() {
    let api = Api::start();
    // Of four relevances, all over the place, with many equals.
    let created = api.create_devices((0..60).map(|n| match n % 4 {
        0 => json!({"name": "Thinkpad"}),
        1 => json!({"comment": "like a thinkpad"}),
        2 => json!({"brand": "Thinkpad", "comment": "thinkpad"}),
        _ => json!({"name": format!("Thinkpad thinkpad {n}")}),
    }));
    api.create_devices((0..5).map(|_| json!({"name": "Desk"})));
    let walk = |limit: usize| {
        let mut seen = Vec::new();
        for answer in api.pages(&format!("/devices?search=thinkpad&limit={limit}")) {
            let list = answer.json();
            assert_eq!(list["meta"]["total"], 60);
            assert_eq!(list["meta"]["offset"], seen.len());
            let page = ids(&list["data"]);
            assert!(!page.is_empty() && page.len() <= limit);
            seen.extend(page);
        }
        seen
    };
    // The first walk may happen while they are indexed.
    let early = [walk(7), walk(30)];
    wait_until_indexed(&api);
    let whole = ids_of_page(&api, "limit=100");
    let mut sorted = whole.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, created);
    for seen in early
        .iter()
        .chain(&[walk(1), walk(7), walk(59), walk(60), walk(100)])
    {
        assert_eq!(seen, &whole);
    }
    for offset in [0, 13, 59, 60] {
        let part = ids_of_page(&api, &format!("limit=10&offset={offset}"));
        assert_eq!(part, whole[offset..whole.len().min(offset + 10)]);
    }
    // A cursor is for its own search.
    let first = api.ask("GET", "/devices?search=thinkpad&limit=7");
    let other = first
        .link("next")
        .unwrap()
        .replace("search=thinkpad", "search=think");
    let answer = api.ask("GET", &other);
    assert_eq!(answer.status, 400, "{}", answer.text);
    assert_eq!(answer.json()["errors"][0]["field"], "cursor");
}

fn ids_of_page(api: &Api, paging: &str) -> Vec<i64> {
    ids(&api.list(&format!("/devices?search=thinkpad&{paging}"))["data"])
}

#[test]
fn what_is_searched_for_survives_in_the_links() {
    let api = Api::start();
    api.create_devices((0..3).map(|n| json!({"name": format!("Zoé & Co {n}")})));
    let search = encoded("zoé & co");
    let path = format!("/devices?search={search}&type=laptop&limit=1");
    let first = api.ask("GET", &path);
    let second = api.ask("GET", &first.link("next").unwrap());
    let third = api.ask("GET", &second.link("next").unwrap());
    assert_eq!(third.link("next"), None);
    let found: Vec<_> = [&first, &second, &third]
        .iter()
        .flat_map(|answer| ids(&answer.json()["data"]))
        .collect();
    assert_eq!(found, [3, 2, 1]);
    assert_eq!(api.list(&third.link("first").unwrap()), first.json());
}

#[test]
fn a_search_and_filters_must_all_be_passed() {
    let api = Api::start();
    let grace = add_user(&api, "grace@acme.test", "Grace", "Hopper");
    let [laptop, phone, free, broken, desk] = api.create_devices([
        json!({"name": "Acme one", "user_id": grace}),
        json!({"name": "Acme two", "type": "phone", "user_id": grace, "serial_number": "SN-2"}),
        json!({"name": "Acme three"}),
        json!({"name": "Acme four", "lifecycle": "IN_MAINTENANCE", "user_id": grace}),
        json!({"name": "Desk", "category": "furniture", "user_id": grace}),
    ])[..] else {
        panic!("five devices");
    };
    let user = format!("&user_id={grace}");
    now_and_later(&api, || {
        let with = |more: &str| found_with(&api, "acme", more);
        let mut of_grace = with(&user);
        of_grace.sort_unstable();
        // The desk is found by its assignee's address.
        assert_eq!(of_grace, [laptop, phone, broken, desk]);
        assert_eq!(with("&client_status=AVAILABLE"), [free]);
        assert_eq!(with("&client_status=IN_MAINTENANCE"), [broken]);
        assert_eq!(with("&client_status=SHIPPED"), [0; 0]);
        assert_eq!(with("&type=PHONE"), [phone]);
        assert_eq!(
            with(&format!("&type=phone&client_status=IN_SERVICE{user}")),
            [phone]
        );
        assert_eq!(with("&type=phone&client_status=AVAILABLE"), [0; 0]);
        assert_eq!(with("&serial_number=sn-2"), [phone]);
        assert_eq!(with("&category=Furniture"), [desk]);
        assert_eq!(with("&updated_since=2999-01-01"), [0; 0]);
        assert_eq!(with("&updated_since=2000-01-01").len(), 5);
        assert_eq!(found_with(&api, "two", &user), [phone]);
        assert_eq!(found_with(&api, "three", &user), [0; 0]);
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

#[test]
fn punctuation_is_no_operator() {
    let api = Api::start();
    let id = api.create_device(json!({"name": "Alpha Beta", "serial_number": "SN-4711"}));
    api.create_device(json!({"name": "Gamma"}));
    let operators = [
        "&",
        "|",
        "!",
        "!!",
        "<->",
        "<2>",
        "(",
        ")",
        "()",
        ":*",
        ":",
        ":A",
        "*",
        "'",
        "''",
        "\"",
        "\\",
        "\\\\",
        "%",
        "_",
        "-",
        "+",
        "@@",
        "||",
        "&&",
        "::tsquery",
        ";",
        "--",
        "/*",
        "*/",
        "$1",
        "{}",
        "[]",
        "<",
        ">",
        "=",
        "~",
        "^",
        "`",
        "?",
        "#",
        ",",
        ".",
        "/",
        "E'\\\\'",
        "\u{2013}",
        "\u{201C}",
        "\u{2019}",
        "\u{A0}",
        "\u{FF06}",
        "\u{200B}",
        "\u{1F4BB}",
        "\u{0301}",
    ];
    now_and_later(&api, || {
        for operator in operators {
            for search in [
                operator.to_owned(),
                operator.repeat(20),
                format!("alpha{operator}"),
                format!("{operator}alpha"),
                format!("alpha {operator} beta"),
                format!("alpha{operator}beta"),
                format!("{operator} {operator} alpha"),
                format!("({operator} alpha"),
            ] {
                let answer = api.ask("GET", &format!("/devices?search={}", encoded(&search)));
                assert_eq!(answer.status, 200, "{search:?}: {}", answer.text);
                let users = api.ask("GET", &format!("/users?search={}", encoded(&search)));
                assert_eq!(users.status, 200, "{search:?}: {}", users.text);
            }
        }
        assert_found(
            &api,
            id,
            &[
                "alpha & beta",
                "alpha | beta",
                "!alpha",
                "alpha !beta",
                "alpha <-> beta",
                "beta <-> alpha",
                "beta & alpha",
                "alpha:*",
                "alph:*",
                "(alpha",
                "alpha)",
                "(alpha | beta)",
                "'alpha'",
                "\"alpha beta\"",
                "\"beta alpha\"",
                "alpha\\",
                "\\alpha",
                "%alpha%",
                "alpha-beta",
                "alpha/beta",
                "alpha;",
                "alpha' --",
            ],
        );
        // All words are required, whatever stands between them.
        assert_nothing(
            &api,
            &[
                "alpha | gamma",
                "alpha & !gamma",
                "' OR 1=1 --",
                "alpha | 1",
            ],
        );
    });
}

#[test]
fn nothing_but_punctuation_finds_nothing_and_a_blank_search_is_none() {
    let api = Api::start();
    api.create_devices([
        json!({"name": "A_B % \"C\" (D)"}),
        json!({"name": "E", "serial_number": "S_-/.4"}),
    ]);
    now_and_later(&api, || {
        assert_nothing(
            &api,
            &[
                "&", "| !", "%", "%%%", "___", "_", "-", "---", "/", "()", "<->", "\" '", "\\",
                "*", ":*", ".",
            ],
        );
        for blank in ["", "+", "%20", "%20%20+", "%E3%80%80", "%09"] {
            let list = api.list(&format!("/devices?search={blank}"));
            assert_eq!(list["meta"]["total"], 2, "{blank:?}");
        }
    });
}

#[test]
fn a_search_that_is_too_long_or_no_text_is_refused_by_name() {
    let api = Api::start();
    let id = api.create_device(json!({"name": "w".repeat(255)}));
    let words = |number: usize| vec!["w"; number].join(" ");
    now_and_later(&api, || {
        assert_found(
            &api,
            id,
            &[
                &"w".repeat(255),
                &words(16),
                &format!(" {} ", "w".repeat(255)),
            ],
        );
        assert_nothing(&api, &[&"é".repeat(255), &"x".repeat(255)]);
    });
    for (search, reason) in [
        ("x".repeat(256), "too_long"),
        ("é".repeat(256), "too_long"),
        ("x".repeat(10_000), "too_long"),
        ("& ".repeat(5_000), "too_long"),
        (words(17), "too_many_items"),
        (words(100), "too_many_items"),
        ("a\0b".to_owned(), "control_character"),
        ("\0".to_owned(), "control_character"),
        ("a\u{7}b".to_owned(), "control_character"),
        ("a\nb".to_owned(), "control_character"),
        ("a\u{202E}b".to_owned(), "bidirectional_override"),
    ] {
        for list in ["devices", "users"] {
            let answer = api.ask("GET", &format!("/{list}?search={}", encoded(&search)));
            let body = answer.assert_parameters_refused(&["search"], &search);
            assert_eq!(body["errors"][0]["reason"], reason, "{search:?}");
        }
    }
    let twice = api.ask("GET", "/devices?search=a&search=b");
    assert_eq!(twice.status, 400);
    assert_eq!(twice.json()["errors"][0]["reason"], "repeated_field");
}

#[test]
fn a_search_that_is_not_utf_8_breaks_nothing() {
    let api = Api::start();
    api.create_device(json!({}));
    for search in [
        "%ff",
        "a%ffb",
        "%C3",
        "%ED%A0%80",
        "%C0%AF",
        "%",
        "%zz",
        "%F4%90%80%80",
    ] {
        for list in ["devices", "users"] {
            let answer = api.ask("GET", &format!("/{list}?search={search}"));
            assert!(
                [200, 400].contains(&answer.status),
                "{search}: {}",
                answer.text
            );
        }
    }
}

#[test]
fn a_head_of_a_search_has_its_links() {
    let api = Api::start();
    api.create_devices((0..2).map(|_| json!({"name": "Thinkpad"})));
    let path = "/devices?search=thinkpad&limit=1";
    let (get, head) = (api.ask("GET", path), api.ask("HEAD", path));
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    assert_eq!(head.header("link"), get.header("link"));
    assert!(head.link("next").is_some());
}
