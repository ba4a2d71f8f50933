//! Access, repeated forms, and texts that could be HTML.

use devices_tests::{Api, Browser, Form, SAME_ORIGIN, Server};

use super::{count_devices, form_with, plan, read, run, send, tiles, upload_to_page};

const SHEET: &str = "name,type,category,Serial Number\nA,laptop,computers,SN-1\n";

#[test]
fn key_without_write_access_cannot_import() {
    let api = Api::start();
    let key = api.create_key("acme", "READ");
    let browser = Browser::signed_in(&api.server, &key);
    assert_eq!(browser.get("/ui/import").status, 403);
    for step in ["columns", "plan", "run", "rejected", "mapping"] {
        let path = format!("/ui/import/{step}");
        let response = browser.send_form(&path, Form::of_file("a.csv", SHEET));
        assert_eq!(response.status, 403, "{path}");
    }
    assert!(!browser.page("/ui/users").text().contains("Import"));
}

#[test]
fn form_of_another_site_is_rejected() {
    let api = Api::start();
    let browser = Browser::signed_in(&api.server, &api.key);
    let cross_site = [("Sec-Fetch-Site", "cross-site")];
    let request = browser.request("POST", "/ui/import/run", &cross_site);
    let form = Form::of_file("a.csv", SHEET);
    assert_eq!(browser.send(form.attach_to(request)).status, 403);
    let request = browser.request("POST", "/ui/import/plan", &[SAME_ORIGIN]);
    let form = Form::of_file("a.csv", SHEET);
    assert_eq!(browser.send(form.attach_to(request)).status, 200);
}

#[test]
fn address_of_a_step_leads_to_the_start() {
    let api = Api::start();
    let browser = Browser::signed_in(&api.server, &api.key);
    for step in ["columns", "plan", "run", "rejected", "mapping"] {
        let response = browser.get(&format!("/ui/import/{step}"));
        assert_eq!(
            (response.status, response.header("location")),
            (303, "/ui/import")
        );
    }
    assert_eq!(browser.get("/ui/import/results/99").status, 404);
    assert_eq!(browser.get("/ui/import/results/x").status, 404);
}

#[test]
fn form_that_is_sent_to_two_servers_is_stored_once() {
    let api = Api::start();
    let browser = Browser::signed_in(&api.server, &api.key);
    let columns = upload_to_page(&browser, "a.csv", SHEET);
    // Another server handles the rest: nothing of the file is kept between the steps.
    let second = Server::start(&api.database);
    let elsewhere = Browser::open(&second);
    elsewhere.set_cookie(browser.cookie());
    let checked = plan(&elsewhere, &columns, &[]);
    let values = checked.form("/ui/import/run");
    let first = send(&browser, "/ui/import/run", &values);
    let repeated = send(&elsewhere, "/ui/import/run", &values);
    assert_eq!((first.status, repeated.status), (303, 303));
    assert_eq!(first.header("location"), repeated.header("location"));
    assert_eq!(count_devices(&api), 1);
}

#[test]
fn import_in_progress_is_not_run_again() {
    let api = Api::start();
    let browser = Browser::signed_in(&api.server, &api.key);
    let columns = upload_to_page(&browser, "a.csv", SHEET);
    let values = plan(&browser, &columns, &[]).form("/ui/import/run");
    // One server imports one file of a workspace at a time.
    let second = Server::start(&api.database);
    let elsewhere = Browser::open(&second);
    elsewhere.set_cookie(browser.cookie());
    let blocker = api.lock("devices");
    std::thread::scope(|scope| {
        let first = scope.spawn(|| send(&browser, "/ui/import/run", &values));
        api.database.wait_for_blocked_statement();
        let repeated = read(&send(&elsewhere, "/ui/import/run", &values), 409);
        assert_eq!(repeated.heading(), "This form is being processed");
        drop(blocker);
        assert_eq!(first.join().unwrap().status, 303);
    });
    assert_eq!(count_devices(&api), 1);
}

#[test]
fn file_that_was_not_checked_is_not_stored() {
    let api = Api::start();
    let browser = Browser::signed_in(&api.server, &api.key);
    let columns = upload_to_page(&browser, "a.csv", SHEET);
    let checked = plan(&browser, &columns, &[]);
    let form = |values| super::multipart(values).with_file("a.csv", SHEET.replace("SN-1", "SN-2"));
    let values = checked.form("/ui/import/run");
    let other = browser.send_form("/ui/import/run", form(&values));
    let other = read(&other, 200);
    assert!(
        other.text().contains("not those that were checked"),
        "{}",
        other.text()
    );
    assert_eq!(count_devices(&api), 0);
    // So are other options.
    let values = form_with(
        &checked,
        "/ui/import/run",
        &[("options", r#"{"other_columns":"attributes"}"#)],
    );
    read(&send(&browser, "/ui/import/run", &values), 200);
    assert_eq!(count_devices(&api), 0);
}

#[test]
fn change_since_the_check_is_shown() {
    let api = Api::start();
    let browser = Browser::signed_in(&api.server, &api.key);
    let columns = upload_to_page(&browser, "a.csv", SHEET);
    let (first, second) = (plan(&browser, &columns, &[]), plan(&browser, &columns, &[]));
    run(&browser, &first);
    let values = second.form("/ui/import/run");
    let again = read(&send(&browser, "/ui/import/run", &values), 200);
    assert!(
        again.text().contains("changed after the last check"),
        "{}",
        again.text()
    );
    assert_eq!(tiles(&again), ["0 to create", "1 with errors"]);
    assert_eq!(count_devices(&api), 1);
}

#[test]
fn file_in_a_damaged_page_is_asked_for_again() {
    let api = Api::start();
    let browser = Browser::signed_in(&api.server, &api.key);
    let columns = upload_to_page(&browser, "a.csv", SHEET);
    let values = form_with(&columns, "/ui/import/plan", &[("content", "damaged")]);
    let start = read(&send(&browser, "/ui/import/plan", &values), 422);
    assert!(
        start.text().contains("Choose a spreadsheet"),
        "{}",
        start.text()
    );
}

#[test]
fn texts_of_a_file_are_no_html() {
    const IMAGE: &str = "<img src=x onerror=alert(1)>";
    const SCRIPT: &str = "\"><script>alert(1)</script>";
    let api = Api::start();
    let browser = Browser::signed_in(&api.server, &api.key);
    let quoted = SCRIPT.replace('"', "\"\"");
    let sheet = format!(
        "name,type,category,keyboard_layout,serial_number,\"{quoted}\",{IMAGE}\n\
         {IMAGE},\"{quoted}\",{IMAGE},\"{quoted}\",1.2E+11,{IMAGE},\"{quoted}\"\n\
         \"{quoted}\",{IMAGE},computers,{IMAGE},1.3E+11,\"{quoted}\",x\n"
    );
    let assert_harmless = |page: &devices_tests::Page| {
        assert!(page.all("img").is_empty());
        let scripts = page.all("script").into_iter();
        let inline = scripts.filter(|script| script.attribute("src").is_empty());
        assert_eq!(inline.count(), 0);
    };
    let name = "x<img src=x onerror=alert(1)>.csv";
    let columns = upload_to_page(&browser, name, &sheet);
    assert_harmless(&columns);
    assert!(columns.text().contains(IMAGE) && columns.text().contains(SCRIPT));
    let checked = plan(
        &browser,
        &columns,
        &[("other_columns", "attributes"), ("name_from", IMAGE)],
    );
    assert_harmless(&checked);
    assert!(checked.text().contains(SCRIPT), "{}", checked.text());
    let values = form_with(
        &columns,
        "/ui/import/plan",
        &[
            ("header_row", SCRIPT),
            ("sheet", IMAGE),
            ("encoding", SCRIPT),
        ],
    );
    assert_harmless(&read(&send(&browser, "/ui/import/columns", &values), 200));
    let valid = format!("name,type,category,\"{quoted}\"\n{IMAGE},\"{quoted}\",{IMAGE},{IMAGE}\n");
    let columns = upload_to_page(&browser, name, &valid);
    assert_harmless(&run(&browser, &plan(&browser, &columns, &[])));
    assert_eq!(count_devices(&api), 1);
}

/// The server rejects a log line with a recorded value when it stops.
#[test]
fn values_of_a_file_are_neither_logged_nor_kept() {
    let api = Api::start();
    let browser = Browser::signed_in(&api.server, &api.key);
    let header = "name,type,category,serial_number,user_email,keyboard_layout";
    let rows = [
        "Private Name 1,laptop,computers,PRIVATE-SN-1,private.person@example.com,",
        "Private Name 2,laptop,computers,PRIVATE-SN-2,,PRIVATE WORDS 17",
        "Private Name 3,laptop,computers,PRIVATE-SN-2,,",
    ];
    let form = Form::of_csv(header, &rows);
    let columns = read(&browser.send_form("/ui/import/columns", form), 200);
    let checked = plan(&browser, &columns, &[]);
    assert!(checked.text().contains("PRIVATE WORDS 17"));
    // Nothing of a file is in the database between the steps.
    assert_eq!(api.database.count("devices"), 0);
    assert_eq!(api.database.count("idempotency_keys"), 0);
    let values = form_with(
        &columns,
        "/ui/import/plan",
        &[("unknown_users", "leave_out")],
    );
    let checked = read(&send(&browser, "/ui/import/plan", &values), 200);
    let rest = form_with(&checked, "/ui/import/run", &[("atomic", "false")]);
    let result = read(&send(&browser, "/ui/import/run", &rest), 200);
    assert_eq!(tiles(&result), ["2 created", "1 rejected"]);
    let kept = "SELECT convert_from(outcome, 'UTF8') FROM idempotency_keys";
    let kept = api.database.texts(kept).concat();
    assert!(
        kept.contains("\"failed\"") && !kept.contains("PRIVATE"),
        "{kept}"
    );
}
