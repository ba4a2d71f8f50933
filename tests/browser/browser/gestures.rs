//! Mouse and keyboard, as a person uses them.

use fantoccini::Locator;
use fantoccini::actions::{
    InputSource, KeyAction, KeyActions, MOUSE_BUTTON_LEFT, MouseActions, PointerAction,
};
use fantoccini::key::Key;

use super::{Browser, button, quoted};

/// Maximum number of controls and links of a page.
const MAX_STOPS: usize = 250;

impl Browser {
    /// Clicks the button with this text twice, faster than a page can load.
    pub(crate) fn double_click(&self, text: &str) {
        let element = self.wait_for(Locator::XPath(&button(text)));
        let argument = serde_json::to_value(&element).expect("an element has an id");
        let scroll = "arguments[0].scrollIntoView({ block: 'center' });";
        self.run(self.client.execute(scroll, vec![argument]));
        let position = PointerAction::MoveToElement {
            element,
            duration: None,
            x: 0.0,
            y: 0.0,
        };
        let button = MOUSE_BUTTON_LEFT;
        let (down, up) = (PointerAction::Down { button }, PointerAction::Up { button });
        let actions = MouseActions::new("mouse".to_owned()).then(position);
        let actions = actions.then(down.clone()).then(up.clone());
        self.run(self.client.perform_actions(actions.then(down).then(up)));
    }

    /// Pastes a text into the control with this label.
    pub(crate) fn paste(&self, label: &str, text: &str) {
        const PASTE: &str = "\
            const [control, text] = arguments; control.value = text; \
            control.dispatchEvent(new InputEvent('input', { bubbles: true }));";
        let control = serde_json::to_value(self.labelled(label));
        let control = control.expect("an element has an id");
        self.run(self.client.execute(PASTE, vec![control, text.into()]));
    }

    /// Changes to the window that was opened as the first, the second and so on.
    pub(crate) fn switch_to_window(&self, index: usize) {
        let windows = self.run(self.client.windows());
        let window = windows.get(index).expect("the window is open").clone();
        self.run(self.client.switch_to_window(window));
    }

    /// Opens the details with this summary, unless they are open.
    pub(crate) fn unfold(&self, summary: &str) {
        let path = format!("//details[summary[normalize-space(.)={}]]", quoted(summary));
        let details = self.wait_for(Locator::XPath(&path));
        if self.run(details.attr("open")).is_none() {
            self.click(&format!("{path}/summary"));
        }
    }

    /// Presses a key.
    pub(crate) fn press_key(&self, key: Key) {
        self.type_text(&char::from(key).to_string());
    }

    /// Types a text into the control that has the focus.
    pub(crate) fn type_text(&self, text: &str) {
        let actions = KeyActions::new("keyboard".to_owned());
        let actions = text.chars().fold(actions, |actions, value| {
            let pressed = actions.then(KeyAction::Down { value });
            pressed.then(KeyAction::Up { value })
        });
        self.run(self.client.perform_actions(actions));
    }

    /// Presses Tab until the control, the link or the button whose name begins with this text has
    /// the focus. Asserts that each element on the way shows that it has the focus.
    pub(crate) fn tab_to(&self, name: &str) {
        let mut stops = Vec::new();
        for _ in 0..MAX_STOPS {
            self.press_key(Key::Tab);
            let (stop, is_visible) = self.focus();
            assert!(is_visible, "{stop} does not show that it has the focus");
            if stop.starts_with(name) {
                return;
            }
            stops.push(stop);
        }
        panic!("{name} does not get the focus: {stops:?}");
    }

    /// Returns the name of the element that has the focus, and whether it shows that.
    fn focus(&self) -> (String, bool) {
        const FOCUS: &str = "\
            const element = document.activeElement; \
            const name = element.labels?.[0]?.innerText ?? element.getAttribute('aria-label') \
                ?? element.innerText; \
            const isShown = element === document.body \
                || getComputedStyle(element).outlineStyle !== 'none'; \
            return [name.replace(/\\s+/g, ' ').trim(), isShown];";
        let focus = self.execute(FOCUS);
        let name = focus[0].as_str().expect("an element has a text");
        (name.to_owned(), focus[1] == true)
    }
}
