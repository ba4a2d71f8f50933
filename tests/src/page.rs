//! A reader of the HTML of the console: text, tables, links and forms.

use std::collections::BTreeMap;

/// Elements without content and end tag.
const VOID: [&str; 8] = ["br", "hr", "img", "input", "link", "meta", "source", "wbr"];

/// A page of the console.
#[derive(Debug)]
pub struct Page {
    nodes: Vec<Node>,
}

#[derive(Debug)]
enum Node {
    Element(Element),
    Text(String),
}

/// An element of a page.
#[derive(Debug)]
pub struct Element {
    /// Name in lower case.
    pub name: String,
    /// Attributes. The value of one without a value is empty.
    pub attributes: BTreeMap<String, String>,
    children: Vec<Node>,
}

impl Page {
    /// Reads a page. Panics if an element is not closed, or closed twice.
    #[track_caller]
    pub fn read(html: &str) -> Self {
        let mut stack = vec![Element::new("")];
        let mut rest = html;
        while let Some(start) = rest.find('<') {
            push_text(&mut stack, &rest[..start]);
            rest = &rest[start..];
            if let Some(after) = rest.strip_prefix("<!--") {
                rest = after.split_once("-->").map_or("", |(_, after)| after);
            } else if let Some(after) = rest.strip_prefix("</") {
                let (name, after) = after.split_once('>').expect("an end tag ends");
                close(&mut stack, name.trim());
                rest = after;
            } else {
                let (element, is_closed, after) = read_tag(&rest[1..]);
                rest = after;
                let is_raw = ["script", "style"].contains(&element.name.as_str());
                let is_void = is_closed
                    || element.name.starts_with('!')
                    || VOID.contains(&element.name.as_str());
                let end = format!("</{}", element.name);
                stack.push(element);
                if is_void {
                    pop(&mut stack);
                } else if is_raw {
                    rest = &rest[rest.find(&end).expect("a script ends")..];
                }
            }
        }
        push_text(&mut stack, rest);
        let root = stack.pop().expect("the root is never closed");
        assert!(stack.is_empty(), "<{}> is not closed in {html}", root.name);
        Self {
            nodes: root.children,
        }
    }

    /// Returns all elements with this name, in order.
    pub fn all(&self, name: &str) -> Vec<&Element> {
        let mut found = Vec::new();
        collect(&self.nodes, &|element| element.name == name, &mut found);
        found
    }

    /// Returns the element with this id.
    pub fn by_id(&self, id: &str) -> Option<&Element> {
        self.with_attribute("id", id).pop()
    }

    /// Returns the elements with this class.
    pub fn by_class(&self, class: &str) -> Vec<&Element> {
        let has_class = |element: &Element| {
            let classes = element.attribute("class");
            classes.split_whitespace().any(|given| given == class)
        };
        let mut found = Vec::new();
        collect(&self.nodes, &has_class, &mut found);
        found
    }

    fn with_attribute(&self, name: &str, value: &str) -> Vec<&Element> {
        let has_value =
            |element: &Element| element.attributes.get(name).is_some_and(|v| v == value);
        let mut found = Vec::new();
        collect(&self.nodes, &has_value, &mut found);
        found
    }

    /// Returns the text of the page, with single spaces.
    pub fn text(&self) -> String {
        text_of(&self.nodes)
    }

    /// Returns the title.
    pub fn title(&self) -> String {
        self.all("title")
            .first()
            .map_or_else(String::new, |e| e.text())
    }

    /// Returns the main heading. Panics unless there is exactly one.
    #[track_caller]
    pub fn heading(&self) -> String {
        let headings = self.all("h1");
        assert_eq!(headings.len(), 1, "{headings:?}");
        headings[0].text()
    }

    /// Returns the texts of the links by their addresses.
    pub fn links(&self) -> BTreeMap<String, String> {
        let links = self.all("a").into_iter();
        links
            .map(|link| (link.attribute("href").to_owned(), link.text()))
            .collect()
    }

    /// Returns the address of the link with this text. Panics if there is none.
    #[track_caller]
    pub fn link(&self, text: &str) -> String {
        let links = self.all("a");
        let link = links.iter().find(|link| link.text() == text);
        let link = link.unwrap_or_else(|| panic!("no link {text:?}: {:?}", self.links()));
        link.attribute("href").to_owned()
    }

    /// Returns the value of the control with this name. Panics if there is none.
    #[track_caller]
    pub fn value(&self, name: &str) -> String {
        let controls = self.with_attribute("name", name);
        let control = controls.iter().find(|control| control.name != "meta");
        let control = control.unwrap_or_else(|| panic!("no control {name}: {}", self.text()));
        control.value()
    }

    /// Returns the names and values of the controls of the form with this action, as a browser
    /// sends them. Panics if there is no such form.
    #[track_caller]
    pub fn form(&self, action: &str) -> Vec<(String, String)> {
        let forms = self.all("form");
        let mut forms = forms.into_iter();
        let form = forms.find(|form| form.attribute("action") == action);
        let form = form.unwrap_or_else(|| panic!("no form {action}: {}", self.text()));
        form.controls()
    }

    /// Returns the texts of the cells of all rows in the bodies of tables.
    pub fn rows(&self) -> Vec<Vec<String>> {
        let bodies = self.all("tbody").into_iter();
        let rows = bodies.flat_map(|body| body.all("tr"));
        let cells = |row: &Element| {
            let mut cells = Vec::new();
            let is_cell = |element: &Element| ["td", "th"].contains(&element.name.as_str());
            collect(&row.children, &is_cell, &mut cells);
            cells.into_iter().map(Element::text).collect()
        };
        rows.map(cells).collect()
    }
}

impl Element {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_ascii_lowercase(),
            attributes: BTreeMap::new(),
            children: Vec::new(),
        }
    }

    /// Returns an attribute, or "" if it is absent.
    pub fn attribute(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }

    /// Returns the text in the element, with single spaces.
    pub fn text(&self) -> String {
        text_of(&self.children)
    }

    /// Returns all elements with this name in the element, in order.
    pub fn all(&self, name: &str) -> Vec<&Self> {
        let mut found = Vec::new();
        collect(&self.children, &|element| element.name == name, &mut found);
        found
    }

    /// Returns the value of a control.
    pub fn value(&self) -> String {
        match self.name.as_str() {
            // The first line break after the start tag does not count.
            "textarea" => {
                let text = raw_text(&self.children);
                text.strip_prefix('\n').unwrap_or(&text).to_owned()
            }
            "select" => {
                let options = self.all("option");
                let selected = |option: &&&Self| option.attributes.contains_key("selected");
                let option = options.iter().find(selected).or(options.first());
                option.map_or_else(String::new, |option| option.value())
            }
            "option" if !self.attributes.contains_key("value") => self.text(),
            _ => self.attribute("value").to_owned(),
        }
    }

    /// Returns the names and values of the controls in the element, as a browser sends them.
    pub fn controls(&self) -> Vec<(String, String)> {
        let is_sent = |element: &Self| {
            let is_control = ["input", "select", "textarea"].contains(&element.name.as_str());
            let kind = element.attribute("type");
            let is_choice = ["checkbox", "radio"].contains(&kind);
            is_control
                && !element.attribute("name").is_empty()
                && !element.attributes.contains_key("disabled")
                && (!is_choice || element.attributes.contains_key("checked"))
        };
        let mut controls = Vec::new();
        collect(&self.children, &is_sent, &mut controls);
        let controls = controls.into_iter();
        controls
            .map(|control| (control.attribute("name").to_owned(), control.value()))
            .collect()
    }
}

fn collect<'n>(
    nodes: &'n [Node],
    is_match: &dyn Fn(&Element) -> bool,
    found: &mut Vec<&'n Element>,
) {
    for node in nodes {
        if let Node::Element(element) = node {
            if is_match(element) {
                found.push(element);
            }
            collect(&element.children, is_match, found);
        }
    }
}

fn raw_text(nodes: &[Node]) -> String {
    let texts = nodes.iter().map(|node| match node {
        Node::Text(text) => text.clone(),
        Node::Element(element) => raw_text(&element.children),
    });
    texts.collect()
}

fn text_of(nodes: &[Node]) -> String {
    let text = raw_text(nodes);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn push_text(stack: &mut [Element], text: &str) {
    if !text.is_empty()
        && let Some(parent) = stack.last_mut()
    {
        parent.children.push(Node::Text(unescape(text)));
    }
}

/// Moves the last open element into its parent.
fn pop(stack: &mut Vec<Element>) {
    let element = stack.pop().expect("an element is open");
    let parent = stack.last_mut().expect("the root is open");
    parent.children.push(Node::Element(element));
}

#[track_caller]
fn close(stack: &mut Vec<Element>, name: &str) {
    let open = stack.last().map_or("", |element| element.name.as_str());
    assert_eq!(open, name.to_ascii_lowercase(), "</{name}> closes <{open}>");
    pop(stack);
}

/// Reads a start tag after its `<`. Returns the element, whether it closes itself, and the rest.
fn read_tag(tag: &str) -> (Element, bool, &str) {
    let name_end = tag.find([' ', '\n', '\t', '/', '>']).expect("a tag ends");
    let mut element = Element::new(&tag[..name_end]);
    let mut rest = tag[name_end..].trim_start();
    loop {
        if let Some(after) = rest.strip_prefix("/>") {
            return (element, true, after);
        }
        if let Some(after) = rest.strip_prefix('>') {
            return (element, false, after);
        }
        let name_end = rest
            .find(['=', ' ', '\n', '\t', '/', '>'])
            .expect("a tag ends");
        let name = rest[..name_end].to_ascii_lowercase();
        rest = rest[name_end..].trim_start();
        let mut value = "";
        if let Some(after) = rest.strip_prefix('=') {
            (value, rest) = read_value(after);
        }
        element.attributes.insert(name, unescape(value));
        rest = rest.trim_start();
    }
}

/// Reads the value of an attribute after its `=`. Returns the value and the rest.
fn read_value(text: &str) -> (&str, &str) {
    for quote in ['"', '\''] {
        if let Some(after) = text.strip_prefix(quote) {
            return after.split_once(quote).expect("a quoted value ends");
        }
    }
    let end = text.find([' ', '\n', '>']).expect("a tag ends");
    text.split_at(end)
}

/// Replaces character references. Panics at a named one that the console does not use.
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        plain.push_str(before);
        let (reference, after) = after.split_once(';').expect("`&` is escaped");
        let code = |digits: &str, radix| char::from_u32(u32::from_str_radix(digits, radix).ok()?);
        let character = match reference {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "nbsp" => Some('\u{a0}'),
            _ => match reference.strip_prefix('#') {
                Some(hex) if hex.starts_with(['x', 'X']) => code(&hex[1..], 16),
                Some(decimal) => code(decimal, 10),
                None => None,
            },
        };
        plain.push(character.unwrap_or_else(|| panic!("unknown reference &{reference};")));
        rest = after;
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_is_read() {
        let page = Page::read(
            "<!DOCTYPE html>\n<title>A &#60;b&gt;</title><h1>H <b>1</b></h1><script>if (a < b) {}\
             </script><form action=\"/x\"><input name=a value='1 &amp; 2'><input type=checkbox name=b>\
             <textarea name=c>\nd</textarea><select name=e><option value=1>One</option>\
             <option value=2 selected>Two</option></select></form>",
        );
        assert_eq!(page.title(), "A <b>");
        assert_eq!(page.heading(), "H 1");
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let expected = [pair("a", "1 & 2"), pair("c", "d"), pair("e", "2")];
        assert_eq!(page.form("/x"), expected);
    }

    #[test]
    #[should_panic(expected = "closes")]
    fn wrong_nesting_is_rejected() {
        Page::read("<p><b></p></b>");
    }
}
