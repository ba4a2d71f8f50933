//! Routes of the console.

use actix_web::dev::{AppService, HttpServiceFactory};
use actix_web::http::Method;
use actix_web::middleware::{Compress, from_fn};
use actix_web::{FromRequest, Handler, HttpResponse, Resource, Responder, web};

use crate::PATH;
use crate::assets;
use crate::error::ConsoleError;
use crate::host::Console;
use crate::pages::{
    activity, batches, device, devices, enrollments, import, keys, overview, sign_in, users,
};
use crate::response_headers::response_headers;
use crate::same_origin;
use crate::session;

/// Returns the configuration that adds the console to an application under [`PATH`].
pub fn routes(console: Console) -> impl FnOnce(&mut web::ServiceConfig) {
    move |app| {
        let pages = web::scope("")
            .wrap(from_fn(session::middleware))
            .configure(activity::routes)
            .configure(batches::routes)
            .configure(device::routes)
            .configure(devices::routes)
            .configure(import::routes)
            .configure(overview::routes)
            .configure(users::routes)
            .configure(enrollments::routes)
            .configure(keys::routes)
            .default_service(web::to(not_found));
        let scope = web::scope(PATH)
            .app_data(console)
            .app_data(
                web::PathConfig::default().error_handler(|_, _| ConsoleError::NotFound.into()),
            )
            // The last `wrap` is the outermost.
            .wrap(from_fn(same_origin::middleware))
            .wrap(response_headers())
            .wrap(Compress::default())
            .service(page("/assets/{name}").get(assets::get))
            .configure(sign_in::routes)
            .service(pages);
        app.service(scope);
    }
}

/// Creates the resource of a page.
pub(crate) fn page(path: &str) -> Page {
    Page {
        resource: web::resource(path),
        methods: Vec::new(),
    }
}

/// Resource of a page. Methods that it does not support get an error page (405).
pub(crate) struct Page {
    resource: Resource,
    methods: Vec<Method>,
}

impl Page {
    /// Adds a handler of GET and HEAD (RFC 9110, section 9.1).
    pub(crate) fn get<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        F::Output: Responder + 'static,
        Args: FromRequest + 'static,
    {
        let page = self.method(Method::GET, handler.clone());
        page.method(Method::HEAD, handler)
    }

    /// Adds a handler of POST.
    pub(crate) fn post<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        F::Output: Responder + 'static,
        Args: FromRequest + 'static,
    {
        self.method(Method::POST, handler)
    }

    /// Adds a handler of one method.
    pub(crate) fn method<F, Args>(mut self, method: Method, handler: F) -> Self
    where
        F: Handler<Args>,
        F::Output: Responder + 'static,
        Args: FromRequest + 'static,
    {
        self.methods.push(method.clone());
        let route = web::method(method).to(handler);
        Self {
            resource: self.resource.route(route),
            ..self
        }
    }
}

impl HttpServiceFactory for Page {
    fn register(self, app: &mut AppService) {
        let methods = self.methods;
        let not_allowed = move || {
            let error = ConsoleError::MethodNotAllowed(methods.clone());
            async { Err::<HttpResponse, _>(error) }
        };
        let resource = self.resource.default_service(web::to(not_allowed));
        resource.register(app);
    }
}

async fn not_found() -> Result<HttpResponse, ConsoleError> {
    Err(ConsoleError::NotFound)
}
