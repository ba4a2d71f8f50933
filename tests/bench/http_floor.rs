//! Handlers on the server stack of the product that do less than it: what HTTP alone costs.

use std::sync::mpsc;
use std::thread;

use actix_web::{App, HttpResponse, HttpServer, web};
use serde::de::IgnoredAny;

/// Answers with the body it was sent.
async fn echo(body: web::Bytes) -> HttpResponse {
    HttpResponse::Created()
        .content_type("application/json")
        .body(body)
}

/// The same, once it has read the body as JSON and kept nothing of it.
async fn parse(body: web::Bytes) -> HttpResponse {
    match serde_json::from_slice::<IgnoredAny>(&body) {
        Ok(_) => echo(body).await,
        Err(_) => HttpResponse::BadRequest().finish(),
    }
}

/// Serves `/echo` and `/parse` for as long as the program runs; their address.
pub(crate) fn serve() -> String {
    let (tell, told) = mpsc::channel();
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
            tell.send(address).expect("somebody waits for it");
            server.run().await
        })
    });
    told.recv().expect("this machine has a free port")
}
