//! A browser without JavaScript that uses the web console.

use std::sync::Mutex;
use std::time::Duration;

use reqwest::blocking::{Client, RequestBuilder};
use reqwest::redirect::Policy;
use serde_json::Value;

use crate::{Form, Page, Response, Server, record_secret, record_values};

/// Header with which a browser marks a request that a page of the same origin caused.
pub const SAME_ORIGIN: (&str, &str) = ("Sec-Fetch-Site", "same-origin");

/// A browser at one server. It keeps the cookie of the session, and follows no redirects.
#[derive(Debug)]
pub struct Browser {
    client: Client,
    base: String,
    port: u16,
    /// Name and value of the cookie of the session.
    cookie: Mutex<Option<String>>,
}

impl Browser {
    /// Opens a browser that is not signed in.
    pub fn open(server: &Server) -> Self {
        let base = server.url("");
        let port = base.rsplit(':').next().and_then(|port| port.parse().ok());
        let client = Client::builder()
            .redirect(Policy::none())
            .timeout(Duration::from_secs(60));
        Self {
            client: client.build().expect("the client has valid options"),
            port: port.expect("a server has a port"),
            base,
            cookie: Mutex::default(),
        }
    }

    /// Opens a browser that is signed in with this key.
    #[track_caller]
    pub fn signed_in(server: &Server, key: &str) -> Self {
        let browser = Self::open(server);
        let response = browser.sign_in(key);
        assert_eq!(response.status, 303, "{}", response.text);
        browser
    }

    /// Sends the form of the sign-in.
    pub fn sign_in(&self, key: &str) -> Response {
        self.post("/ui/sign-in", &[("key", key)])
    }

    /// Returns the cookie of the session: `name=value`.
    pub fn cookie(&self) -> Option<String> {
        self.cookie.lock().expect("no thread panics").clone()
    }

    /// Sets or removes the cookie of the session.
    pub fn set_cookie(&self, cookie: Option<String>) {
        *self.cookie.lock().expect("no thread panics") = cookie;
    }

    /// Returns the token of the session.
    pub fn token(&self) -> Option<String> {
        let cookie = self.cookie()?;
        Some(cookie.split_once('=')?.1.to_owned())
    }

    /// Returns a builder of a request with the cookie and these headers.
    pub fn request(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> RequestBuilder {
        let method = method.parse().expect("a valid method");
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        if let Some(cookie) = self.cookie() {
            request = request.header("Cookie", cookie);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request
    }

    /// Sends a request. Keeps the cookie of its response, and records its token as confidential.
    pub fn send(&self, request: RequestBuilder) -> Response {
        let response = Response::from(request.send().expect("the server responds"));
        for cookie in response.headers.get_all("set-cookie") {
            let cookie = cookie.to_str().expect("a cookie is ASCII");
            let pair = cookie.split(';').next().unwrap_or_default();
            let (name, token) = pair.split_once('=').unwrap_or_default();
            if name != "fleet_devices_session" {
                continue;
            }
            if token.is_empty() {
                self.set_cookie(None);
            } else {
                record_secret(token);
                self.set_cookie(Some(pair.to_owned()));
            }
        }
        response
    }

    /// Opens an address.
    pub fn get(&self, path: &str) -> Response {
        self.send(self.request("GET", path, &[("Accept", "text/html")]))
    }

    /// Opens an address, and reads the page. Panics unless the status is 200.
    #[track_caller]
    pub fn page(&self, path: &str) -> Page {
        let response = self.get(path);
        assert_eq!(response.status, 200, "{path}: {response:?}");
        Page::read(&response.text)
    }

    /// Sends a form, as a page of the console does. Records its values as confidential.
    pub fn post(&self, path: &str, form: &[(&str, &str)]) -> Response {
        self.post_with(path, &[SAME_ORIGIN], form)
    }

    /// Sends a form like [`post`](Self::post), with these headers only.
    pub fn post_with(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        form: &[(&str, &str)],
    ) -> Response {
        // Addresses of pages contain no values, and the log has those of routes.
        let values = form.iter().filter(|(_, value)| !value.starts_with("/ui"));
        for (_, value) in values {
            record_values(self.port, &Value::from(*value));
        }
        let body = form_urlencoded(form);
        let content_type = ("Content-Type", "application/x-www-form-urlencoded");
        let request = self.request("POST", path, headers);
        self.send(request.header(content_type.0, content_type.1).body(body))
    }

    /// Sends a form that may have a file, as a page of the console does. Records the values of its
    /// file as confidential.
    pub fn send_form(&self, path: &str, form: Form) -> Response {
        record_values(self.port, &Value::from(form.values.clone()));
        self.send(form.attach_to(self.request("POST", path, &[SAME_ORIGIN])))
    }

    /// Sends a form, and opens the address to which its response leads. Panics unless the response
    /// is a 303.
    #[track_caller]
    pub fn post_and_follow(&self, path: &str, form: &[(&str, &str)]) -> Page {
        let response = self.post(path, form);
        assert_eq!(response.status, 303, "{path}: {response:?}");
        self.page(response.header("location"))
    }
}

/// Encodes a form as `application/x-www-form-urlencoded`.
pub fn form_urlencoded(form: &[(&str, &str)]) -> String {
    let encode = crate::percent_encode;
    let pairs = form.iter();
    let pairs = pairs.map(|(name, value)| format!("{}={}", encode(name), encode(value)));
    pairs.collect::<Vec<_>>().join("&")
}
