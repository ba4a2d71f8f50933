//! Texts to search for: punctuation, limits, malformed text.

use devices_tests::{Api, encoded};
use serde_json::json;

use super::{assert_found, assert_nothing, now_and_later};

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
