//! Sign-in and sessions.

use devices_tests::{Api, Browser, Page, Response, SAME_ORIGIN, Server, ServerOptions, run, send};

/// A page that every key may open.
const PAGE: &str = "/ui/users";

/// Asserts that a response leads to the sign-in, and from there back to [`PAGE`].
#[track_caller]
fn assert_signed_out(response: &Response) {
    let expected = "/ui/sign-in?next=%2Fui%2Fusers";
    let actual = (response.status, response.header("location"));
    assert_eq!(actual, (303, expected), "{response:?}");
}

/// Returns the attributes of the cookie that a response sets, without its name and value.
fn cookie_attributes(response: &Response) -> Vec<&str> {
    let cookie = response.header("set-cookie");
    let attributes = cookie.split("; ").skip(1);
    let mut attributes: Vec<_> = attributes
        .filter(|attribute| !attribute.starts_with("Expires="))
        .collect();
    attributes.sort_unstable();
    attributes
}

/// Returns the id of the key with this secret.
fn key_id(api: &Api, secret: &str) -> String {
    let ids = api.database.texts(&format!(
        "SELECT id FROM api_keys WHERE secret_sha256 = sha256('{secret}')"
    ));
    ids.concat()
}

fn revoke(api: &Api, secret: &str) {
    let id = key_id(api, secret);
    let revoked = run(&api.database, &["key", "revoke", &id]);
    assert_eq!(revoked.code, 0, "{revoked:?}");
}

#[test]
fn browser_at_the_root_is_led_to_the_console() {
    let api = Api::start();
    let browser = Browser::open(&api.server);
    let root = browser.get("/");
    assert_eq!((root.status, root.header("location")), (303, "ui/"));
    assert_signed_out(&browser.get(PAGE));
    let sign_in = browser.page("/ui/sign-in?next=%2Fui%2Fusers");
    assert_eq!(sign_in.value("next"), PAGE);
    // Programs get the links of the API.
    assert_eq!(api.get_without_key("/").status, 200);
}

#[test]
fn console_can_be_disabled() {
    let api = Api::start_with(&ServerOptions::with("DEVICES__WEB__ENABLED", "false"));
    let browser = Browser::open(&api.server);
    assert_eq!(browser.get("/").header("location"), "docs/");
    for path in ["/ui", PAGE, "/ui/sign-in"] {
        assert_eq!(browser.get(path).status, 404, "{path}");
    }
}

#[test]
fn key_of_any_scope_signs_in() {
    let api = Api::start();
    for scope in ["READ", "WRITE", "ADMIN"] {
        let key = api.create_key("acme", scope);
        let browser = Browser::open(&api.server);
        let signed_in = browser.post(
            "/ui/sign-in",
            &[("key", &format!(" {key}\n")), ("next", PAGE)],
        );
        assert_eq!(
            (signed_in.status, signed_in.header("location")),
            (303, PAGE)
        );
        let text = browser.page(PAGE).text();
        assert!(
            text.contains("acme") && text.contains(&format!("({scope})")),
            "{text}"
        );
    }
    assert_eq!(api.database.count("console_sessions"), 3);
}

#[test]
fn wrong_key_is_rejected_at_the_field() {
    let api = Api::start();
    let key = api.create_key("acme", "WRITE");
    revoke(&api, &key);
    let unknown = api.key.replacen("fdk_1_", "fdk_2_", 1);
    for wrong in ["", "secret", unknown.as_str(), key.as_str()] {
        let browser = Browser::open(&api.server);
        let response = browser.post("/ui/sign-in", &[("key", wrong), ("next", PAGE)]);
        assert_eq!(response.status, 401, "{wrong}");
        assert_eq!(browser.cookie(), None);
        let page = Page::read(&response.text);
        let summary = page.by_class("error-summary");
        assert_eq!(summary.len(), 1, "{}", response.text);
        assert_eq!(page.value("next"), PAGE);
        assert_eq!(page.value("key"), "");
    }
    assert_eq!(api.database.count("console_sessions"), 0);
}

#[test]
fn cookie_is_protected() {
    let api = Api::start();
    for (headers, expected) in [
        (
            vec![SAME_ORIGIN],
            ["HttpOnly", "Path=/ui", "SameSite=Strict"].as_slice(),
        ),
        (
            vec![SAME_ORIGIN, ("X-Forwarded-Proto", "https")],
            &["HttpOnly", "Path=/ui", "SameSite=Strict", "Secure"],
        ),
    ] {
        let browser = Browser::open(&api.server);
        let response = browser.post_with("/ui/sign-in", &headers, &[("key", &api.key)]);
        assert_eq!(cookie_attributes(&response), expected);
        assert!(response.header("set-cookie").contains("; Expires="));
        assert_eq!(browser.get(PAGE).status, 200);
    }
}

#[test]
fn session_ends_with_its_key() {
    let api = Api::start();
    let key = api.create_key("acme", "WRITE");
    let revoked = Browser::signed_in(&api.server, &key);
    let other = Browser::signed_in(&api.server, &api.key);
    // Both servers of the database have seen the session.
    let second = Server::start(&api.database);
    let at_second = Browser::open(&second);
    at_second.set_cookie(revoked.cookie());
    assert_eq!(revoked.get(PAGE).status, 200);
    assert_eq!(at_second.get(PAGE).status, 200);
    revoke(&api, &key);
    assert_signed_out(&revoked.get(PAGE));
    assert_signed_out(&at_second.get(PAGE));
    assert_eq!(other.get(PAGE).status, 200);
}

#[test]
fn expired_session_leads_to_the_sign_in() {
    let api = Api::start();
    let browser = Browser::signed_in(&api.server, &api.key);
    let expires_in = api.database.texts(
        "SELECT round(extract(epoch FROM expires_at - created_at) / 3600) FROM console_sessions",
    );
    assert_eq!(expires_in, ["12"]);
    api.database
        .execute("UPDATE console_sessions SET expires_at = now()");
    assert_signed_out(&browser.get(PAGE));
    // A form that was open is not stored, and says how to keep it: the page sends it again.
    let response = browser.post("/ui/users", &[("email", "ada@example.com")]);
    assert_eq!(response.status, 401);
    assert_eq!(api.database.count("users"), 0);
    let page = Page::read(&response.text);
    assert!(page.text().contains("reload it to send the form again"));
    let links = page.all("a").into_iter();
    let mut sign_in = links.filter(|link| link.attribute("href") == "/ui/sign-in");
    let sign_in = sign_in.next().expect("the page leads to the sign-in");
    assert_eq!(sign_in.attribute("target"), "_blank");
    let part = browser.request("GET", PAGE, &[("HX-Request", "true")]);
    let part = browser.send(part);
    assert_eq!((part.status, part.header("hx-refresh")), (401, "true"));
}

#[test]
fn sign_out_deletes_the_session() {
    let api = Api::start();
    let browser = Browser::signed_in(&api.server, &api.key);
    let other = Browser::signed_in(&api.server, &api.key);
    let cookie = browser.cookie();
    for _ in 0..2 {
        let response = browser.post("/ui/sign-out", &[]);
        assert_eq!(
            (response.status, response.header("location")),
            (303, "/ui/sign-in")
        );
        assert_eq!(api.database.count("console_sessions"), 1);
        // Somebody who has copied the cookie is signed out, too.
        browser.set_cookie(cookie.clone());
        assert_signed_out(&browser.get(PAGE));
    }
    assert_eq!(other.get(PAGE).status, 200);
}

#[test]
fn sign_in_ends_the_former_session() {
    let api = Api::start();
    let browser = Browser::signed_in(&api.server, &api.key);
    let former = browser.cookie();
    // A wrong key ends nothing.
    assert_eq!(browser.sign_in("wrong").status, 401);
    assert_eq!(browser.get(PAGE).status, 200);
    assert_eq!(browser.sign_in(&api.key).status, 303);
    assert_eq!(browser.get(PAGE).status, 200);
    assert_eq!(api.database.count("console_sessions"), 1);
    browser.set_cookie(former);
    assert_signed_out(&browser.get(PAGE));
}

#[test]
fn other_cookies_do_not_hide_the_session() {
    let api = Api::start();
    let browser = Browser::signed_in(&api.server, &api.key);
    let own = browser.cookie().unwrap();
    let unknown = format!("{own}x");
    for cookies in [
        format!("fleet_devices_session=x; {own}"),
        format!("{own}; fleet_devices_session="),
        format!("broken; %; a=%ff; =; fleet_devices_session; {unknown};{own}"),
    ] {
        browser.set_cookie(Some(cookies.clone()));
        assert_eq!(browser.get(PAGE).status, 200, "{cookies}");
    }
    let sign_out = browser.post("/ui/sign-out", &[]);
    assert_eq!(sign_out.status, 303);
    assert_eq!(api.database.count("console_sessions"), 0);
}

#[test]
fn second_session_of_a_request_is_rejected() {
    let api = Api::start();
    api.create_workspace("globex");
    // Another host of the domain can set a cookie that precedes the own one.
    let foreign = Browser::signed_in(&api.server, &api.create_key("globex", "WRITE"));
    let browser = Browser::signed_in(&api.server, &api.key);
    let cookies = [foreign.cookie(), browser.cookie()].map(Option::unwrap);
    browser.set_cookie(Some(cookies.join("; ")));
    assert_signed_out(&browser.get(PAGE));
    // The sign-in ends both.
    assert_eq!(browser.sign_in(&api.key).status, 303);
    let own = browser.cookie().unwrap();
    browser.set_cookie(Some(format!("{}; {own}", cookies[0])));
    assert!(browser.page(PAGE).text().contains("acme"));
    assert_eq!(api.database.count("console_sessions"), 1);
}

#[test]
fn unsupported_method_is_rejected_with_the_supported_ones() {
    let api = Api::start();
    let browser = Browser::signed_in(&api.server, &api.key);
    for (method, path, allowed) in [
        ("DELETE", PAGE, "GET, HEAD, POST"),
        ("POST", "/ui/users/new", "GET, HEAD"),
        ("HEAD", "/ui/devices/export", "GET, POST"),
        ("GET", "/ui/sign-out", "POST"),
    ] {
        let response = browser.send(browser.request(method, path, &[SAME_ORIGIN]));
        assert_eq!(
            (response.status, response.header("allow")),
            (405, allowed),
            "{method} {path}"
        );
    }
}

#[test]
fn token_of_another_workspace_is_not_accepted() {
    let api = Api::start();
    let globex = api.create_workspace("globex");
    let browser = Browser::signed_in(&api.server, &api.key);
    let cookie = browser.cookie().unwrap();
    let forged = cookie.replacen("fds_1_", &format!("fds_{globex}_"), 1);
    for cookie in [
        forged,
        format!("fleet_devices_session={}", api.key),
        "fleet_devices_session=x".to_owned(),
    ] {
        browser.set_cookie(Some(cookie));
        assert_signed_out(&browser.get(PAGE));
    }
    // The token of a session is no key.
    browser.set_cookie(Some(cookie));
    let token = browser.token().unwrap();
    api.call_as(&token, "GET", "/devices")
        .assert_error(401, "UNAUTHORIZED");
}

#[test]
fn failed_sign_ins_throttle_the_address() {
    let api = Api::start_with(&ServerOptions::with(
        "DEVICES__RATE_LIMIT__FAILED_AUTHENTICATIONS_PER_MINUTE",
        2,
    ));
    let browser = Browser::open(&api.server);
    let statuses: Vec<_> = (0..3).map(|_| browser.sign_in("wrong").status).collect();
    assert_eq!(statuses, [401, 401, 429]);
    let throttled = browser.sign_in("wrong");
    assert!(!throttled.header("retry-after").is_empty());
    assert_eq!(
        Page::read(&throttled.text).by_class("error-summary").len(),
        1
    );
    // The API counts the same failures, and a valid key still works.
    let unknown = send(api.request("GET", "/devices").bearer_auth("wrong"));
    assert_eq!(unknown.status, 429);
    assert_eq!(browser.sign_in(&api.key).status, 303);
    assert_eq!(browser.get(PAGE).status, 200);
}

#[test]
fn malformed_tokens_do_not_throttle_the_address() {
    let api = Api::start_with(&ServerOptions::with(
        "DEVICES__RATE_LIMIT__FAILED_AUTHENTICATIONS_PER_MINUTE",
        2,
    ));
    let browser = Browser::open(&api.server);
    browser.set_cookie(Some("fleet_devices_session=x".to_owned()));
    let statuses: Vec<_> = (0..3).map(|_| browser.get(PAGE).status).collect();
    assert_eq!(statuses, [303, 303, 303]);
}

#[test]
fn rate_limit_of_the_key_covers_its_sessions() {
    let api = Api::start_with(&ServerOptions::with(
        "DEVICES__RATE_LIMIT__REQUESTS_PER_MINUTE",
        4,
    ));
    let browser = Browser::signed_in(&api.server, &api.key);
    assert_eq!(browser.get(PAGE).status, 200);
    assert_eq!(api.call("GET", "/devices").status, 200);
    // A page without work in the store counts, too.
    assert_eq!(browser.get("/ui/no-such-page").status, 404);
    let limited = browser.get(PAGE);
    assert_eq!(limited.status, 429);
    assert!(!limited.header("retry-after").is_empty());
    assert_eq!(api.call("GET", "/devices").status, 429);
    assert_eq!(browser.sign_in(&api.key).status, 429);
}

#[test]
fn access_log_names_the_key_of_the_session() {
    let api = Api::start();
    let browser = Browser::signed_in(&api.server, &api.key);
    let response = browser.get(PAGE);
    let entry = api.server.access_log_entry(response.header("x-request-id"));
    assert_eq!(entry["workspace"], 1);
    assert_eq!(entry["key"].to_string(), key_id(&api, &api.key));
    assert_eq!(entry["route"], "/ui/users");
    let rejected = browser.post_with("/ui/sign-out", &[], &[]);
    let entry = api.server.access_log_entry(rejected.header("x-request-id"));
    assert_eq!(
        (entry["status"].as_i64(), &entry["problem"]),
        (Some(403), &"CROSS_ORIGIN".into())
    );
}

#[test]
fn token_occurs_in_no_log() {
    let api = Api::start();
    let browser = Browser::signed_in(&api.server, &api.key);
    let token = browser.token().unwrap();
    assert_eq!(browser.get(PAGE).status, 200);
    // A token in the wrong header.
    browser.send(browser.request("GET", PAGE, &[("X-Request-Id", &token)]));
    api.server
        .wait_for_log_line(|line| line.contains("/ui/users"));
    let mut lines = api.server.log_lines();
    lines.extend(api.server.output_lines());
    lines.extend(api.server.postgres_log_entries());
    for secret in [token.as_str(), api.key.as_str()] {
        let leaked = lines.iter().find(|line| line.contains(secret));
        assert_eq!(leaked, None);
    }
    let stored = api
        .database
        .texts("SELECT to_jsonb(console_sessions) FROM console_sessions");
    assert!(!stored[0].contains(&token), "{stored:?}");
}

#[test]
fn sign_in_needs_no_large_form() {
    let api = Api::start();
    let browser = Browser::open(&api.server);
    let response = browser.sign_in(&"x".repeat(100_000));
    assert_eq!(response.status, 413);
}
