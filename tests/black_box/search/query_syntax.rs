//! Search texts: punctuation, limits and malformed text.

use devices_tests::{Api, percent_encode};
use serde_json::json;

use super::{assert_found, assert_none_found, before_and_after_indexing, search};

#[expect(clippy::too_many_lines, reason = "a list of cases")]
#[test]
fn punctuation_is_not_an_operator() {
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
    before_and_after_indexing(&api, || {
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
                let response = api.call(
                    "GET",
                    &format!("/devices?search={}", percent_encode(&search)),
                );
                assert_eq!(response.status, 200, "{search:?}: {}", response.text);
                let users = api.call("GET", &format!("/users?search={}", percent_encode(&search)));
                assert_eq!(users.status, 200, "{search:?}: {}", users.text);
            }
        }
        assert_found(
            &api,
            id,
            &[
                "!alpha",
                "alpha !beta",
                "alpha:*",
                "alph:*",
                "(alpha",
                "alpha)",
                "'alpha'",
                "\"alpha beta\"",
                "\"beta alpha\"",
                "alpha\\",
                "\\alpha",
                "%alpha%",
                "alpha-beta",
                "alpha/beta",
                "alpha;",
            ],
        );
        // A term without letters and digits is a text to find, too.
        assert_none_found(
            &api,
            &[
                "alpha & beta",
                "alpha | beta",
                "alpha <-> beta",
                "(alpha | beta)",
                "alpha' --",
                "alpha | gamma",
                "alpha & !gamma",
                "' OR 1=1 --",
                "alpha | 1",
            ],
        );
    });
}

#[test]
fn punctuation_finds_itself_and_blank_all() {
    let api = Api::start();
    let [name, serial_number] = api.create_devices([
        json!({"name": "A_B % \"C\" (D)"}),
        json!({"name": "E", "serial_number": "S_-/.4"}),
    ])[..] else {
        panic!("two devices are created");
    };
    before_and_after_indexing(&api, || {
        assert_found(&api, name, &["%", "\"", "(", ") %", "\" _"]);
        assert_found(&api, serial_number, &["-", "/", ".", "-/.", "_-/."]);
        assert_eq!(search(&api, "_"), [serial_number, name]);
        assert_none_found(
            &api,
            &[
                "&", "| !", "%%", "%%%", "___", "---", "()", "<->", "\" '", "'", "\\", "*", ":*",
                "./",
            ],
        );
        for blank in ["", "+", "%20", "%20%20+", "%E3%80%80", "%09"] {
            let list = api.get_json(&format!("/devices?search={blank}"));
            assert_eq!(list["meta"]["total"], 2, "{blank:?}");
        }
    });
}

#[test]
fn invalid_search_text_is_rejected() {
    let api = Api::start();
    let id = api.create_device(json!({"name": "w".repeat(255)}));
    let words = |number: usize| vec!["w"; number].join(" ");
    before_and_after_indexing(&api, || {
        assert_found(
            &api,
            id,
            &[
                &"w".repeat(255),
                &words(16),
                &format!(" {} ", "w".repeat(255)),
            ],
        );
        assert_none_found(&api, &[&"é".repeat(255), &"x".repeat(255)]);
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
            let response = api.call(
                "GET",
                &format!("/{list}?search={}", percent_encode(&search)),
            );
            let body = response.assert_parameters_rejected(&["search"], &search);
            assert_eq!(body["errors"][0]["reason"], reason, "{search:?}");
        }
    }
    let repeated = api.call("GET", "/devices?search=a&search=b");
    assert_eq!(repeated.status, 400);
    assert_eq!(repeated.json()["errors"][0]["reason"], "repeated_field");
}

#[test]
fn malformed_utf8_does_not_fail() {
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
            let response = api.call("GET", &format!("/{list}?search={search}"));
            assert!(
                [200, 400].contains(&response.status),
                "{search}: {}",
                response.text
            );
        }
    }
}
