//! Focus and motion.

use fantoccini::key::Key;

use super::data::{Console, fill};

/// Maximum number of controls and links of a page.
const MAX_STOPS: usize = 250;

/// Returns a description of the focused element, and what is wrong with how its focus is shown.
const FOCUS: &str = "\
    const e = document.activeElement; \
    if (e === document.body) { return null; } \
    const style = getComputedStyle(e); \
    const box = e.getBoundingClientRect(); \
    const isOutlined = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2; \
    const isInside = box.right > 0 && box.bottom > 0 && box.left < innerWidth && box.top < innerHeight; \
    return [e.outerHTML.slice(0, 120), isOutlined && isInside];";

#[test]
fn keyboard_focus_is_visible() {
    let console = Console::open();
    let full = fill(&console);
    for path in [
        "/ui/devices",
        "/ui/users",
        &format!("/ui/devices/{}/edit", full.complete),
    ] {
        console.browser.visit(path);
        let mut count = 0;
        for _ in 0..MAX_STOPS {
            console.browser.press_key(Key::Tab);
            let focus = console.browser.execute(FOCUS);
            // Between the last element and the first one, the focus is on the page itself.
            if focus.is_null() && count > 0 {
                break;
            }
            if !focus.is_null() {
                assert_eq!(focus[1], true, "{path}: {}", focus[0]);
                count += 1;
            }
        }
        assert!(
            (10..MAX_STOPS).contains(&count),
            "{path}: {count} elements have the focus"
        );
    }
}

#[test]
fn reduced_motion_stops_transitions() {
    let console = Console::open();
    console.browser.visit("/ui/users");
    let script = "return getComputedStyle(document.querySelector('.button')).transitionDuration;";
    assert_eq!(console.browser.execute(script), "0s");
}
