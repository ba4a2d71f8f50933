//! Values that contain HTML.

use devices_tests::Page;

/// A text that would run scripts if a page did not escape it, as a text or as an attribute.
pub(super) const HOSTILE: &str = "\"><script>alert(1)</script><img src=x onerror=alert(1)>";

/// Asserts that a page shows a text as text: it has no element that the text would create.
#[track_caller]
pub(super) fn assert_escaped(page: &Page) {
    assert!(page.all("img").is_empty(), "{}", page.text());
    for script in page.all("script") {
        let source = script.attribute("src");
        assert!(source.starts_with("/ui/assets/"), "{}", page.text());
    }
}
