//! Tests of loading settings.

use rstest::rstest;

use super::*;

fn load(environment: &str, variables: &[(&str, &str)]) -> Result<Settings, String> {
    let url = ("DEVICES__DATABASE__URL", "postgres://localhost/devices");
    let variables = [&[url], variables].concat();
    Settings::for_environment(environment, &variables).map_err(|error| error.to_string())
}

#[test]
fn every_environment_has_valid_settings() {
    for environment in ["development", "production", "test"] {
        let settings = load(environment, &[]).unwrap();
        assert_eq!(settings.server.port, 8080);
    }
}

#[test]
fn variable_overrides_file() {
    let settings = load("production", &[("DEVICES__SERVER__PORT", "9000")]).unwrap();
    assert_eq!(settings.server.port, 9000);
}

#[rstest]
#[case("http")]
#[case("")]
#[case("8080.5")]
#[case("true")]
#[case("-1")]
#[case("65536")]
fn number_must_be_an_integer_in_range(#[case] value: &str) {
    assert_eq!(
        load("development", &[("DEVICES__SERVER__PORT", value)]).unwrap_err(),
        "DEVICES__SERVER__PORT must be from 0 to 65535."
    );
}

#[test]
fn value_out_of_range_is_reported_with_range() {
    assert_eq!(
        load("test", &[("DEVICES__LIMITS__MAX_DEVICES_PER_BATCH", "0")]).unwrap_err(),
        "DEVICES__LIMITS__MAX_DEVICES_PER_BATCH must be from 1 to 10000."
    );
}

#[rstest]
#[case("DEVICES__LIMITS__BODY_BYTES", "1023", "from 1024 to 1073741824")]
#[case("DEVICES__LIMITS__MAX_IMPORT_ROWS", "100001", "from 1 to 100000")]
#[case("DEVICES__DATABASE__POOL_SIZE", "1001", "from 1 to 1000")]
#[case("DEVICES__IDEMPOTENCY__RETENTION_HOURS", "0", "from 1 to 87600")]
#[case("DEVICES__LOG__LEVEL", "loud", "error, warn")]
#[case("DEVICES__LOG__LEVEL", "", "error, warn")]
#[case("DEVICES__LOG__LEVEL", "a=b=c", "error, warn")]
#[case("DEVICES__LOG__FORMAT", "xml", "text or json")]
#[case("DEVICES__DATABASE__POOLER", "session", "none or transaction")]
#[case("DEVICES__SERVER__HOST", "", "127.0.0.1")]
#[case("DEVICES__SERVER__HOST", "http://localhost", "127.0.0.1")]
#[case("DEVICES__METRICS__HOST", "", "127.0.0.1")]
#[case("DEVICES__SERVER__CLIENT_ADDRESS_HEADER", "a b", "X-Forwarded-For")]
#[case("DEVICES__BOOTSTRAP__WORKSPACE", " acme", "with a letter or digit")]
#[case("DEVICES__DATABASE__URL", "", "make run")]
fn invalid_value_is_reported_with_variable(
    #[case] variable: &str,
    #[case] value: &str,
    #[case] allowed: &str,
) {
    let error = load("test", &[(variable, value)]).unwrap_err();
    assert!(
        error.starts_with(&format!("{variable} must be ")) && error.contains(allowed),
        "{error}"
    );
}

#[test]
fn bootstrap_settings_are_set_together() {
    let workspace = ("DEVICES__BOOTSTRAP__WORKSPACE", "acme");
    let file = ("DEVICES__BOOTSTRAP__KEY_FILE", "/run/key");
    assert_eq!(
        load("test", &[workspace]).unwrap_err(),
        "DEVICES__BOOTSTRAP__KEY_FILE must be set, because DEVICES__BOOTSTRAP__WORKSPACE is."
    );
    let settings = load("test", &[workspace, file]).unwrap();
    let expected = Some(("acme", Path::new("/run/key")));
    assert_eq!(settings.bootstrap.first_workspace(), expected);
    assert_eq!(load("test", &[]).unwrap().bootstrap.first_workspace(), None);
}

#[test]
fn log_levels_and_filters_are_valid() {
    for filter in ["warn", "DEBUG", "info,devices_api=debug,actix_server=off"] {
        assert!(
            load("test", &[("DEVICES__LOG__LEVEL", filter)]).is_ok(),
            "{filter}"
        );
    }
}

#[test]
fn unknown_environment_is_reported_with_choices() {
    for name in ["staging", "default", ""] {
        let error = load(name, &[]).unwrap_err();
        assert!(error.contains("development, production or test"));
    }
}

#[test]
fn sections_list_the_settings_of_the_default_file() {
    let mut listed = Vec::new();
    for section in Settings::sections() {
        listed.push(format!("[{}]", section.name));
        listed.extend(section.fields.iter().map(|field| field.name.to_owned()));
    }
    let lines = Settings::built_in_file("default").unwrap().lines();
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let names: Vec<_> = lines
        .map(|line| line.split(" = ").next().unwrap())
        .collect();
    assert_eq!(listed, names);
}

#[test]
fn section_describes_its_fields() {
    let sections = Settings::sections();
    let mut fields = sections.iter().flat_map(|section| &section.fields);
    let pool_size = fields.find(|field| field.name == "pool_size").unwrap();
    assert_eq!(pool_size.variable, "DEVICES__DATABASE__POOL_SIZE");
    assert_eq!(pool_size.allowed, "from 1 to 1000");
    assert!(pool_size.doc.starts_with("Maximum number of connections"));
}

#[rstest]
#[case("16777216", "4194304", "10", 40)]
#[case("1024", "4194304", "10", 10)]
#[case("16777216", "1024", "10", 60)]
#[case("16777216", "1024", "90", 90)]
fn import_deadline_is_at_most_a_minute(
    #[case] max_import_bytes: &str,
    #[case] body_bytes: &str,
    #[case] body_timeout_seconds: &str,
    #[case] seconds: u64,
) {
    let variables = [
        ("DEVICES__LIMITS__MAX_IMPORT_BYTES", max_import_bytes),
        ("DEVICES__LIMITS__BODY_BYTES", body_bytes),
        (
            "DEVICES__LIMITS__BODY_TIMEOUT_SECONDS",
            body_timeout_seconds,
        ),
    ];
    let limits = load("production", &variables).unwrap().limits;
    assert_eq!(limits.import_deadline(), Duration::from_secs(seconds));
}

#[test]
fn at_least_two_uploads_may_arrive() {
    let limits = load("production", &[]).unwrap().limits;
    assert_eq!(limits.max_uploads(), 8);
    let single = [("DEVICES__LIMITS__MAX_LARGE_BODIES", "1")];
    assert_eq!(load("production", &single).unwrap().limits.max_uploads(), 2);
}

#[test]
fn proxy_accepts_the_largest_form() {
    let nginx = include_str!("../../../../deploy/nginx.conf");
    let (_, size) = nginx.split_once("client_max_body_size ").unwrap();
    let (mebibytes, _) = size.split_once("m;").unwrap();
    let bytes = mebibytes.parse::<usize>().unwrap() << 20;
    let limits = load("production", &[]).unwrap().limits;
    assert!(bytes >= limits.max_import_bytes + (1 << 20));
    assert!(bytes >= limits.body_bytes);
}
