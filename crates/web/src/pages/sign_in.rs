//! Sign-in and sign-out.

use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use crate::PATH;
use crate::error::ConsoleError;
use crate::form::Form;
use crate::frame::Frame;
use crate::query::Query;
use crate::routes::page;
use crate::session;
use crate::texts::{EN, ErrorText};

/// Adds the routes.
pub(crate) fn routes(scope: &mut web::ServiceConfig) {
    scope
        .service(page("/sign-in").get(show).post(sign_in))
        .service(page("/sign-out").post(sign_out));
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    frame: Frame,
    /// Path to open after the sign-in.
    next: String,
    error: Option<&'static ErrorText>,
}

impl SignInPage {
    fn respond(next: &str, error: Option<&ConsoleError>) -> Result<HttpResponse, ConsoleError> {
        let page = Self {
            frame: Frame::signed_out(EN.sign_in.title),
            next: next.to_owned(),
            error: error.map(ConsoleError::text),
        };
        let mut response = error.map_or_else(HttpResponse::Ok, ConsoleError::response);
        let html = page
            .render()
            .map_err(|error| ConsoleError::Internal(error.into()))?;
        Ok(response.content_type("text/html; charset=utf-8").body(html))
    }
}

async fn show(Query(query): Query) -> Result<HttpResponse, ConsoleError> {
    SignInPage::respond(next_path(query.get("next")), None)
}

async fn sign_in(request: HttpRequest, form: Form) -> Result<HttpResponse, ConsoleError> {
    let next = next_path(form.values.get("next"));
    let secret = form.values.get("key").unwrap_or_default();
    let host = &session::console(&request)?.0;
    match host.sign_in(&request, secret).await {
        Ok(new_session) => {
            // The browser forgets the former session, which otherwise expires by itself.
            if let Err(error) = host.sign_out(&session::tokens(&request)).await {
                tracing::warn!(cause = error.cause(), "cannot end the former session");
            }
            Ok(HttpResponse::SeeOther()
                .cookie(session::cookie(&request, &new_session))
                .insert_header((LOCATION, next))
                .finish())
        }
        Err(error @ (ConsoleError::WrongKey | ConsoleError::RateLimited(_))) => {
            SignInPage::respond(next, Some(&error))
        }
        Err(error) => Err(error),
    }
}

async fn sign_out(request: HttpRequest) -> Result<HttpResponse, ConsoleError> {
    let host = &session::console(&request)?.0;
    let ended = host.sign_out(&session::tokens(&request)).await;
    let mut response = match ended {
        Ok(()) => HttpResponse::SeeOther()
            .insert_header((LOCATION, format!("{PATH}/sign-in")))
            .finish(),
        Err(error) => HttpResponse::from_error(error),
    };
    // The browser forgets the session even if the store could not end it: the next user of a
    // shared computer must not find it.
    let removed = response.add_removal_cookie(&session::removal_cookie());
    removed.map_err(|error| ConsoleError::Internal(error.into()))?;
    Ok(response)
}

/// Returns the path to open after the sign-in: one of the console, never another site, and not the
/// sign-in itself. It is a valid value of a header.
fn next_path(next: Option<&str>) -> &str {
    let is_page = |path: &&str| {
        let Some(rest) = path.strip_prefix(PATH) else {
            return false;
        };
        let page = rest.split(['?', '#']).next().unwrap_or_default();
        (page.is_empty() || page.starts_with('/'))
            && !matches!(page.trim_end_matches('/'), "/sign-in" | "/sign-out")
            && !page.contains("..")
            && path.chars().all(|c| c.is_ascii_graphic() && c != '\\')
    };
    next.filter(is_page).unwrap_or(PATH)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(Some("/ui/devices?search=x"), "/ui/devices?search=x")]
    #[case(Some("/ui"), "/ui")]
    #[case(Some("/uix"), "/ui")]
    #[case(Some("//evil.example"), "/ui")]
    #[case(Some("https://evil.example/ui/"), "/ui")]
    #[case(Some("/ui\\evil"), "/ui")]
    #[case(Some("/ui/\0"), "/ui")]
    #[case(Some("/ui/\u{7f}"), "/ui")]
    #[case(Some("/ui/a\r\nb"), "/ui")]
    #[case(Some("/ui/\u{e9}"), "/ui")]
    #[case(Some("/ui/sign-in"), "/ui")]
    #[case(Some("/ui/sign-out"), "/ui")]
    #[case(Some("/ui/../docs"), "/ui")]
    #[case(Some("/ui/sign-in?next=/ui/"), "/ui")]
    #[case(None, "/ui")]
    fn next_path_stays_in_the_console(#[case] next: Option<&str>, #[case] expected: &str) {
        assert_eq!(next_path(next), expected);
    }
}
