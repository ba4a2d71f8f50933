//! The operations that `openapi.yaml` describes.

use devices_tests::{Api, Form, device};
use reqwest::blocking::RequestBuilder;
use serde_json::{Value, json};

/// An operation of `openapi.yaml` that requires a key.
pub(crate) struct Operation {
    pub(crate) method: String,
    /// Path with placeholders, such as `/devices/{device_id}`.
    pub(crate) path_template: String,
    /// Names of the query parameters.
    pub(crate) parameters: Vec<String>,
    /// Example of a request body; null if the operation has none.
    body: Value,
    /// `true` if the members of the body are the parts of a form.
    is_form: bool,
}

impl Operation {
    /// Returns all operations, under both prefixes.
    pub(crate) fn all() -> Vec<Self> {
        let description: Value =
            serde_yaml_ng::from_str(include_str!("../../openapi.yaml")).unwrap();
        let mut operations = Vec::new();
        for (path, item) in description["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                // An operation without `security` inherits that of the whole description: a key.
                if !operation["operationId"].is_string() || !operation["security"].is_null() {
                    continue;
                }
                let content = &operation["requestBody"]["content"];
                let form = &content["multipart/form-data"];
                let is_form = form.is_object();
                let content = if is_form {
                    form
                } else {
                    &content["application/json"]
                };
                let examples = content["examples"].as_object();
                let pick = |examples: &serde_json::Map<_, Value>| {
                    let minimal = examples.get("minimal").or_else(|| examples.values().next());
                    minimal.map(|example| example["value"].clone())
                };
                for prefix in ["", "/platform/v1"] {
                    let mut body = examples.and_then(pick).unwrap_or_default();
                    if !body["email"].is_null() {
                        body["email"] = json!(format!("grace@example.com{}", prefix.len()));
                    }
                    operations.push(Self {
                        method: method.to_uppercase(),
                        path_template: format!("{prefix}{path}"),
                        parameters: query_parameters(&description, operation),
                        body,
                        is_form,
                    });
                }
            }
        }
        assert!(operations.len() >= 56, "{}", operations.len());
        operations
    }

    /// Creates the resources that the path names. Returns the path with their ids.
    pub(crate) fn create_path(&self, api: &Api) -> String {
        let mut path = self.path_template.clone();
        if path.contains("{device_id}") {
            let id = api.create_device(json!({}));
            path = path.replace("{device_id}", &id.to_string());
        }
        if path.contains("{batch_id}") {
            let created = api.post(&json!([device(json!({}))]));
            let batch = created.header("location");
            assert_eq!(created.status, 201, "{}", created.text);
            path = path.replace("/batches/{batch_id}", batch);
        }
        if path.contains("{user_id}") {
            let email = format!("user{}@example.com", api.database.count("users"));
            let user = api
                .send("POST", "/users", &json!({ "email": email }))
                .json();
            path = path.replace("{user_id}", &user["data"]["id"].to_string());
        }
        if path.contains("{key_id}") {
            api.create_key("acme", "WRITE");
            let id = api.database.texts("SELECT max(id) FROM api_keys").remove(0);
            path = path.replace("{key_id}", &id);
        }
        if path.contains("{serial_number}") {
            let enrollment = api.send(
                "PUT",
                "/mdm/enrollments/SN-1",
                &json!({"status": "ENROLLED"}),
            );
            assert!(enrollment.status < 300, "{}", enrollment.text);
            path = path.replace("{serial_number}", "SN-1");
        }
        path
    }

    pub(crate) fn request(&self, api: &Api, path: &str) -> RequestBuilder {
        let request = api.request(&self.method, path);
        if self.body.is_null() {
            request
        } else if self.is_form {
            Form::of_texts(&self.body).attach_to(request)
        } else {
            request.json(&self.body)
        }
    }

    /// Returns whether a READ key is sufficient.
    pub(crate) fn is_read(&self) -> bool {
        ["GET", "HEAD"].contains(&self.method.as_str()) && !self.is_administration()
    }

    /// Returns whether only an ADMIN key is sufficient.
    pub(crate) fn is_administration(&self) -> bool {
        self.path_template.contains("/keys")
    }

    /// Returns the number of events of the changes that the operation can make.
    pub(crate) fn count_events(&self, api: &Api) -> u64 {
        api.database.count(if self.is_administration() {
            "audit_events"
        } else {
            "device_events"
        })
    }
}

/// Returns the names of an operation's query parameters.
fn query_parameters(description: &Value, operation: &Value) -> Vec<String> {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let resolved = parameters.map(|parameter| match parameter["$ref"].as_str() {
        Some(reference) => description.pointer(&reference[1..]).unwrap(),
        None => parameter,
    });
    let in_query = resolved.filter(|parameter| parameter["in"] == "query");
    in_query
        .map(|parameter| parameter["name"].as_str().unwrap().to_owned())
        .collect()
}
