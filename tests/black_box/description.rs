//! The description of the API, against the domain and against what is answered.

use devices_tests::Api;

#[test]
fn the_description_is_served_in_both_forms() {
    let api = Api::start();
    let yaml = api.get("/openapi.yaml");
    assert_eq!(yaml.text, include_str!("../../openapi.yaml"));
    assert_eq!(yaml.header("content-type"), "application/yaml");
    let json = api.get("/openapi.json");
    assert_eq!(json.header("content-type"), "application/json");
    let from_yaml: serde_json::Value = serde_yaml_ng::from_str(&yaml.text).unwrap();
    assert_eq!(json.json(), from_yaml);
}

#[test]
fn the_docs_page_loads_nothing_from_elsewhere() {
    let api = Api::start();
    assert_eq!(api.get("/docs").status, 200); // after a redirect
    let page = api.get("/docs/");
    assert_eq!(page.status, 200);
    assert!(page.header("content-type").starts_with("text/html"));
    let attributes = page.text.split(['"', '\'']);
    let assets: Vec<_> = attributes
        .filter(|value| {
            [".js", ".css", ".png"]
                .iter()
                .any(|end| value.ends_with(end))
        })
        .collect();
    assert!(assets.len() >= 4, "{assets:?}");
    for asset in assets {
        assert!(!asset.contains("//"), "{asset}");
        let path = format!("/docs/{}", asset.trim_start_matches("./"));
        assert_eq!(api.get(&path).status, 200, "{path}");
    }
    let start = api.get("/docs/swagger-initializer.js").text;
    assert!(start.contains("/openapi.json"));
    assert!(!start.contains("petstore"));
}
