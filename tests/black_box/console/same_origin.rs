//! Protection against requests of other sites.

use devices_tests::{Api, Browser};

#[test]
fn link_of_another_site_starts_no_export() {
    let api = Api::start();
    let browser = Browser::open(&api.server);
    let headers = [
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Dest", "document"),
    ];
    let open = |path: &str| browser.send(browser.request("GET", path, &headers));
    // The page opens itself again, with the cookie.
    let page = open("/ui/users");
    assert_eq!(page.status, 200);
    assert!(
        page.text.contains("http-equiv=\"refresh\""),
        "{}",
        page.text
    );
    let export = open("/ui/devices/export?search=x+y&format=csv");
    let expected = "/ui/sign-in?next=%2Fui%2Fdevices%3Fsearch%3Dx%2By";
    assert_eq!((export.status, export.header("location")), (303, expected));
}

/// Headers of a request, with `HOST` for the address of the server, and whether they show that a
/// page of the console sent it.
const ORIGINS: [(&[(&str, &str)], bool); 11] = [
    (&[("Sec-Fetch-Site", "same-origin")], true),
    (&[("Sec-Fetch-Site", "same-site")], false),
    (&[("Sec-Fetch-Site", "cross-site")], false),
    (&[("Sec-Fetch-Site", "none")], false),
    (&[("Origin", "http://HOST")], true),
    (&[("Origin", "https://evil.example")], false),
    (&[("Origin", "http://HOST.evil.example")], false),
    (&[("Origin", "null")], false),
    (&[], false),
    (
        &[("Sec-Fetch-Site", "cross-site"), ("Origin", "http://HOST")],
        false,
    ),
    (
        &[
            ("Origin", "https://devices.example"),
            ("X-Forwarded-Host", "devices.example"),
        ],
        true,
    ),
];

#[test]
fn write_of_another_origin_is_forbidden() {
    let api = Api::start();
    let browser = Browser::signed_in(&api.server, &api.key);
    let cookie = browser.cookie();
    for (headers, is_allowed) in ORIGINS {
        let headers = headers.iter();
        let headers: Vec<_> = headers
            .map(|(name, value)| (*name, value.replace("HOST", api.server.address())))
            .collect();
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        for path in ["/ui/sign-out", "/ui/sign-in"] {
            browser.set_cookie(cookie.clone());
            let response = browser.post_with(path, &headers, &[("key", &api.key)]);
            let expected = if is_allowed { 303 } else { 403 };
            assert_eq!(response.status, expected, "{path} {headers:?}");
            let sets_cookie = response.headers.contains_key("set-cookie");
            assert_eq!(sets_cookie, is_allowed, "{path} {headers:?}");
        }
    }
}
