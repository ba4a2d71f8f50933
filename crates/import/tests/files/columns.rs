//! Columns, defaults, translations and the template of the name.

use devices_import::{ErrorColumn, FileErrorReason, MatchedBy};
use rstest::rstest;

use super::{Value, fields, file_error, open, option_error, rows, values};

#[test]
fn best_match_provides_the_field() {
    let by = |text: &str, json: &str| {
        let file = open(text, json);
        let columns = file.columns().iter();
        columns
            .map(|column| column.by.map_or("-", MatchedBy::as_str))
            .collect::<Vec<_>>()
    };
    let text = "serial_number,Serial,Seriel,name\nA,B,C,D\n";
    assert_eq!(by(text, "{}"), ["name", "-", "-", "name"]);
    assert_eq!(
        by(text, r#"{"columns":{"Seriel":"serial_number"}}"#),
        ["-", "-", "given", "name"]
    );
    assert_eq!(by("Serial,name\nA,B\n", "{}"), ["synonym", "name"]);
    assert_eq!(by("Seriel Number,name\nA,B\n", "{}"), ["similar", "name"]);
    assert_eq!(
        by("Model Number,Model,name\nA,B,C\n", "{}"),
        ["-", "synonym", "name"]
    );
    assert_eq!(by("Model Number,name\nA,C\n", "{}"), ["synonym", "name"]);
}

#[rstest]
#[case::given(
    "A,B\n1,2\n",
    r#"{"columns":{"A":"name","B":"name"}}"#,
    "`A` (A)",
    "`B` (B)"
)]
#[case::names("name,x,name\n1,2,3\n", "{}", "`name` (A)", "`name (2)` (C)")]
#[case::synonyms("Service Tag,Serial\n1,2\n", "{}", "`Service Tag` (A)", "`Serial` (B)")]
#[case::attributes(
    "attributes.R,B\n1,2\n",
    r#"{"columns":{"attributes.R":"attributes.R","B":"attributes.R"}}"#,
    "`attributes.R` (A)",
    "`B` (B)"
)]
fn field_of_two_columns_is_an_error(
    #[case] text: &str,
    #[case] json: &str,
    #[case] first: &str,
    #[case] second: &str,
) {
    let error = file_error(text, json);
    assert_eq!(error.reason, FileErrorReason::DuplicateField);
    assert_eq!(error.columns.len(), 2);
    for name in [first, second] {
        assert!(error.message.contains(name), "{}", error.message);
    }
}

#[test]
fn column_without_field_is_listed() {
    let file = open("name,Room\nA,R1\n", r#"{"columns":{"name":null}}"#);
    assert_eq!(fields(&file), ["-", "-"]);
    assert_eq!(file.columns()[1].samples, ["R1"]);
    assert_eq!(file.columns()[1].by, None);
}

#[test]
fn other_columns_become_attributes() {
    let text = "name,Room,Room,,Floor,Error\nA,R1,R2,x,,old message\nB,,,,2,\n";
    let json = r#"{"other_columns":"attributes","columns":{"Floor":null}}"#;
    let mut file = open(text, json);
    assert_eq!(
        fields(&file),
        [
            "name",
            "attributes.Room",
            "attributes.Room (2)",
            "-",
            "-",
            "-"
        ]
    );
    let rows = rows(&mut file);
    assert_eq!(rows[0].text("attributes.Room (2)"), "R2");
    assert_eq!(rows[1].values.len(), 1);
}

#[test]
fn other_columns_can_be_an_error() {
    let json = r#"{"other_columns":"error"}"#;
    let error = file_error("name,Room,,Floor,Error\nA,R1,,2,e\n", json);
    assert_eq!(error.reason, FileErrorReason::UnknownColumn);
    let columns: Vec<_> = error.columns.iter().map(ErrorColumn::letters).collect();
    assert_eq!(columns, ["B", "D"]);
    open(
        "name,Room,Error,\nA,R1,e,\n",
        r#"{"other_columns":"error","columns":{"Room":null}}"#,
    );
}

#[test]
fn error_column_is_ignored() {
    let file = open("name,Error\nA,`type` is required\n", "{}");
    assert_eq!(fields(&file), ["name", "-"]);
    assert_eq!(file.warnings(), []);
    let file = open("name,Error\nA,E7\n", r#"{"columns":{"Error":"comment"}}"#);
    assert_eq!(fields(&file), ["name", "comment"]);
}

#[rstest]
#[case(
    r#"{"columns":{"Servce Tag":"name"}}"#,
    "/columns/Servce Tag",
    "did you mean `Service Tag`?"
)]
#[case(
    r#"{"columns":{"zzzz":"name"}}"#,
    "/columns/zzzz",
    "the file has no column `zzzz`"
)]
#[case(
    r#"{"columns":{"Room":"colour"}}"#,
    "/columns/Room",
    "did you mean `color`?"
)]
#[case(r#"{"columns":{"Room":"attributes"}}"#, "/columns/Room", "needs a key")]
#[case(
    r#"{"columns":{"Room":"name","room":"type"}}"#,
    "/columns/room",
    "named twice"
)]
#[case(r#"{"defaults":{"typ":"x"}}"#, "/defaults/typ", "did you mean `type`?")]
#[case(
    r#"{"defaults":{"lifecycle":"new"}}"#,
    "/defaults/lifecycle",
    "must be one of"
)]
#[case(
    r#"{"defaults":{"client_purchase_date":"03/04/2024"}}"#,
    "/defaults/client_purchase_date",
    "date"
)]
#[case(
    r#"{"values":{"typ":{"a":"b"}}}"#,
    "/values/typ",
    "did you mean `type`?"
)]
#[case(
    r#"{"name_from":"{Make} {Room}"}"#,
    "/name_from",
    "the file has no column `Make`"
)]
#[case(r#"{"name_from":"{Room"}"#, "/name_from", "pair of braces")]
#[case(r#"{"name_from":"Room}"}"#, "/name_from", "pair of braces")]
fn option_that_does_not_fit_is_named(
    #[case] json: &str,
    #[case] pointer: &str,
    #[case] message: &str,
) {
    let error = option_error("Service Tag,Room\nA,B\n", json);
    assert_eq!(error.pointer, pointer);
    assert!(error.message.contains(message), "{}", error.message);
}

#[test]
fn column_is_named_regardless_of_case() {
    let file = open(
        "Service Tag,Room\nA,B\n",
        r#"{"columns":{"ROOM":"comment"}}"#,
    );
    assert_eq!(fields(&file), ["serial_number", "comment"]);
}

#[test]
fn defaults_apply_to_fields_without_a_column() {
    let json = r#"{"defaults":{"type":"laptop","category":"computers","is_rented":"ja",
        "client_purchase_price":"1.299,00 EUR","client_purchase_date":"2024-05-31",
        "attributes.Site":"Berlin","tags":"a\nb"}}"#;
    let mut file = open("name,type\nA,\nB,phone\n", json);
    assert_eq!(file.missing_fields(), [""; 0]);
    let rows = rows(&mut file);
    assert_eq!(rows[0].text("type"), "", "its column provides it");
    assert_eq!(rows[1].text("type"), "phone");
    assert_eq!(rows[0].text("category"), "computers");
    assert_eq!(rows[0].values["is_rented"], Value::Boolean(true));
    assert_eq!(rows[0].text("client_purchase_price"), "1299.00");
    assert_eq!(rows[0].text("attributes.Site"), "Berlin");
    assert_eq!(
        rows[0].values["tags"],
        Value::List(vec!["a".into(), "b".into()])
    );
}

#[test]
fn missing_fields_are_named() {
    assert_eq!(
        open("brand,model\nA,B\n", "{}").missing_fields(),
        ["name", "type", "category"]
    );
    let json = r#"{"name_from":"{model}","defaults":{"type":"laptop"}}"#;
    assert_eq!(
        open("brand,model\nA,B\n", json).missing_fields(),
        ["category"]
    );
}

#[test]
fn values_are_translated() {
    let json = r#"{"values":{"type":{"Notebook":"laptop","NOTEBOOK":"big laptop","":"chair"},
        "is_rented":{"leased":"yes","owned":"no"},"attributes.Room":{"n/a":""}}}"#;
    let text = "name,type,is_rented,attributes.Room\nA, notebook ,Leased,n/a\nB,NOTEBOOK,owned,1\n\
                C,,leased,2\nD,phone,x,3\n";
    let rows = rows(&mut open(text, json));
    let types: Vec<_> = rows.iter().map(|row| row.text("type")).collect();
    assert_eq!(types, ["big laptop", "big laptop", "chair", "phone"]);
    assert_eq!(rows[0].values["is_rented"], Value::Boolean(true));
    assert_eq!(rows[1].values["is_rented"], Value::Boolean(false));
    assert_eq!(rows[0].text("attributes.Room"), "");
}

#[test]
fn template_provides_the_name() {
    let text = "Manufacturer,Model,Serial\nDell,XPS 13,A1\n,XPS 13,A2\nDell,,A3\n,,A4\n";
    let names = values(text, r#"{"name_from":"{Manufacturer} {Model}"}"#, "name");
    let text = |text: &str| Some(Value::Text(text.to_owned()));
    assert_eq!(
        names,
        [text("Dell XPS 13"), text("XPS 13"), text("Dell"), None]
    );
}

#[test]
fn template_fills_empty_names_only() {
    let text = "Name,Manufacturer,Model\nFront desk,Dell,XPS\n,HP,G10\n";
    let names = values(text, r#"{"name_from":"{brand} {{{model}}}"}"#, "name");
    let text = |text: &str| Some(Value::Text(text.to_owned()));
    assert_eq!(names, [text("Front desk"), text("HP {G10}")]);
}

#[test]
fn template_uses_translations_and_defaults() {
    let json = r#"{"name_from":"{brand} {type}","defaults":{"type":"laptop"},
        "values":{"brand":{"Dell Inc.":"Dell"}}}"#;
    let names = values("Manufacturer\nDell Inc.\n", json, "name");
    assert_eq!(names, [Some(Value::Text("Dell laptop".to_owned()))]);
}

#[test]
fn long_template_is_bounded() {
    let json = format!(r#"{{"name_from":"{}"}}"#, "{Model}".repeat(1_000));
    let text = format!("Model\n{}\n", "é".repeat(10_000));
    let Some(Value::Text(name)) = &values(text, &json, "name")[0] else {
        panic!("no name");
    };
    assert!((256..1_100).contains(&name.chars().count()));
}

#[test]
fn attribute_above_the_limit_is_rejected() {
    let json = r#"{"other_columns":"attributes"}"#;
    for columns in [51, 120] {
        let header: Vec<_> = (1..=columns).map(|n| format!("H{n}")).collect();
        let full = vec!["x"; columns].join(",");
        let text = format!("name,{}\nA,{full}\nB,x\n", header.join(","));
        let rows = rows(&mut open(text, json));
        assert_eq!(rows[0].reason("attributes.H51"), "too_many_items");
        assert_eq!(rows[0].values.len(), 51, "the name and 50 attributes");
        assert_eq!(rows[1].text("attributes.H1"), "x");
    }
}
