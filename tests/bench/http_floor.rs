//! Handlers on the product's HTTP stack that do almost nothing: the cost of HTTP alone.

use std::sync::mpsc;
use std::thread;

use actix_web::{App, HttpResponse, HttpServer, web};
use serde::de::IgnoredAny;

/// Returns the request body.
async fn echo(body: web::Bytes) -> HttpResponse {
    HttpResponse::Created()
        .content_type("application/json")
        .body(body)
}

/// Parses the body as JSON, discards the result and returns the body.
async fn parse(body: web::Bytes) -> HttpResponse {
    match serde_json::from_slice::<IgnoredAny>(&body) {
        Ok(_) => echo(body).await,
        Err(_) => HttpResponse::BadRequest().finish(),
    }
}

/// Serves `/echo` and `/parse` until the program ends. Returns the address.
pub(crate) fn serve() -> String {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let app = || {
                App::new()
                    .app_data(web::PayloadConfig::new(16 << 20))
                    .route("/echo", web::post().to(echo))
                    .route("/parse", web::post().to(parse))
            };
            let server = HttpServer::new(app).bind("127.0.0.1:0")?;
            let address = server.addrs()[0].to_string();
            sender.send(address).expect("the receiver waits");
            server.run().await
        })
    });
    receiver.recv().expect("a port is free")
}
