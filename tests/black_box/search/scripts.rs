//! Matches in other scripts than Latin, of symbols, and despite invisible characters.

use devices_tests::Api;
use serde_json::json;

use super::{add_user, assert_found, assert_none_found, before_and_after_indexing, search};

/// Creates a device per name. Asserts that each of its texts finds it, and it alone.
fn assert_names_found(cases: &[(&str, &[&str])]) {
    let api = Api::start();
    let names = cases.iter().map(|(name, _)| json!({ "name": name }));
    let created = api.create_devices(names);
    before_and_after_indexing(&api, || {
        for ((_, texts), id) in cases.iter().zip(&created) {
            assert_found(&api, *id, texts);
        }
    });
}

#[test]
fn case_and_accents_of_any_script_are_ignored() {
    assert_names_found(&[
        ("Ноутбук", &["ноутбук", "НОУТ"]),
        ("Ёлка", &["елка", "ЁЛКА"]),
        ("Große Straße", &["strasse", "STRASSE", "straße", "STRAẞE"]),
        ("İstanbul", &["istanbul", "ISTANBUL", "ıstanbul"]),
        ("GRÂCE", &["grâce", "gra\u{302}ce", "grace"]),
        ("Oﬃce ＰＣ", &["office", "pc", "ｐｃ"]),
    ]);
}

#[test]
fn script_without_blanks_matches_by_substring() {
    assert_names_found(&[
        ("東京都庁", &["京都", "東京", "東京都庁", "庁"]),
        ("新しいノートパソコン", &["パソコン", "ノート", "ﾊﾟｿｺﾝ"]),
        ("เครื่องคอมพิวเตอร์", &["คอม", "คอมพิวเตอร์", "เครื่อง"]),
        ("iPhone15用ケース", &["iphone15", "用", "ケース"]),
    ]);
    let api = Api::start();
    api.create_device(json!({"name": "東京都庁"}));
    before_and_after_indexing(&api, || {
        assert_none_found(&api, &["京東", "東京都庁前", "大阪"]);
    });
}

#[test]
fn combining_marks_do_not_split_words() {
    assert_names_found(&[
        ("हिन्दी", &["हिन्दी", "हिन्"]),
        ("مُحَمَّد", &["مُحَمَّد"]),
        ("노트북", &["노트", "\u{1102}\u{1169}\u{1110}\u{1173}북"]),
    ]);
}

#[test]
fn invisible_characters_do_not_split_words() {
    assert_names_found(&[
        (
            "Schreib\u{AD}tisch",
            &["schreibtisch", "SCHREIB\u{AD}TISCH"],
        ),
        (
            "Thinkpad",
            &[
                "think\u{200B}pad",
                "\u{FEFF}thinkpad",
                "think\u{200D}pad \u{200C}",
            ],
        ),
    ]);
}

#[test]
fn symbols_match_by_substring() {
    let api = Api::start();
    let [computer, language, company] = api.create_devices([
        json!({"name": "Rechner 💻"}),
        json!({"name": "C++ Compiler"}),
        json!({"name": "Smith & Sons"}),
    ])[..] else {
        panic!("three devices");
    };
    before_and_after_indexing(&api, || {
        assert_found(&api, computer, &["💻", "rechner 💻", "💻\u{FE0F}"]);
        assert_found(&api, language, &["++", "+", "compiler ++"]);
        assert_found(&api, company, &["&", "smith & sons"]);
        assert_none_found(&api, &["smith ++", "rechner & ", "-", "💻💻", "🖥"]);
        assert_eq!(search(&api, "\u{200B}"), [company, language, computer]);
    });
}

#[test]
fn users_match_like_devices() {
    let api = Api::start();
    let artyom = add_user(&api, "GRÂCE@Acme.test", "Артём", "東京都");
    let id = api.create_device(json!({"user_id": artyom}));
    before_and_after_indexing(&api, || {
        let texts = ["артем", "АРТЁМ", "京都", "grace", "gra\u{302}ce@acme", "@"];
        assert_found(&api, id, &texts);
        for text in texts {
            let path = format!("/users?search={}", devices_tests::percent_encode(text));
            assert_eq!(api.get_json(&path)["meta"]["total"], 1, "{text}");
        }
    });
}
