//! Who may ask: only a page of this server. The address holds a random token, and the browser must say that the request comes
//! from here: a page of another site could otherwise reach a local server, by name (DNS rebinding) or by request forgery.

use super::refusal::Refusal;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::io;
use std::sync::Arc;

/// The rules of one server.
pub(super) struct Gate {
    token: String,
    /// The names under which this server may be addressed, each with its port.
    hosts: [String; 2],
}

/// Headers of every response: nothing is cached or sniffed, shown in a frame, or fetched from elsewhere.
const HEADERS: [(&str, &str); 6] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src data:; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("cache-control", "no-store"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
];

impl Gate {
    /// Makes the gate of a server on this port, with a new token.
    ///
    /// # Errors
    /// If the system has no random bytes.
    pub(super) fn new(port: u16) -> io::Result<Self> {
        let mut bytes = [0_u8; 16];
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
        let token = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { token, hosts: ["127.0.0.1", "localhost"].map(|name| format!("{name}:{port}")) })
    }

    /// Returns the first part of every path.
    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// Returns the address of the page.
    pub(super) fn address(&self) -> String {
        format!("http://{}/{}/", self.hosts[0], self.token)
    }

    /// Returns why a request is refused, if it is.
    fn objection(&self, method: &Method, headers: &HeaderMap) -> Option<&'static str> {
        let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("not text"));
        if !text(header::HOST).is_some_and(|host| self.hosts.iter().any(|known| known == host)) {
            return Some("the request names another host");
        }
        let is_here = |origin: &str| {
            origin.strip_prefix("http://").is_some_and(|host| self.hosts.iter().any(|known| known == host))
        };
        if text(header::ORIGIN).is_some_and(|origin| !is_here(origin)) {
            return Some("the request comes from another origin");
        }
        let fetch = |name: &'static str| headers.get(name).and_then(|value| value.to_str().ok());
        // A link to the page may be anywhere; what follows it must come from the page.
        let is_navigation = *method == Method::GET && fetch("sec-fetch-mode") == Some("navigate");
        match fetch("sec-fetch-site") {
            None | Some("same-origin" | "none") => None,
            _ if is_navigation => None,
            _ => Some("the request comes from another site"),
        }
    }
}

/// Refuses requests from elsewhere, and gives every response its headers.
pub(super) async fn check(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    let objection = gate.objection(request.method(), request.headers());
    let mut response = match objection {
        None => next.run(request).await,
        Some(why) => Refusal::forbidden(why).into_response(),
    };
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objection(method: &Method, pairs: &[(&'static str, &str)]) -> Option<&'static str> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, value.parse().expect("a header"));
        }
        Gate::new(4711).expect("random bytes").objection(method, &headers)
    }

    #[test]
    fn only_a_page_of_this_server_may_ask() {
        let check = |pairs: &[(&'static str, &str)], is_allowed: bool| {
            for method in [Method::GET, Method::POST] {
                assert_eq!(objection(&method, pairs).is_none(), is_allowed, "{method} {pairs:?}");
            }
        };
        check(&[("host", "127.0.0.1:4711")], true);
        check(
            &[
                ("host", "localhost:4711"),
                ("origin", "http://localhost:4711"),
                ("sec-fetch-site", "same-origin"),
            ],
            true,
        );
        check(&[], false);
        check(&[("host", "evil.example:4711")], false);
        check(&[("host", "127.0.0.1:4712")], false);
        check(&[("host", "127.0.0.1:4711"), ("origin", "http://evil.example")], false);
        check(&[("host", "127.0.0.1:4711"), ("origin", "https://127.0.0.1:4711")], false);
        check(&[("host", "127.0.0.1:4711"), ("origin", "null")], false);
        check(&[("host", "127.0.0.1:4711"), ("sec-fetch-site", "cross-site")], false);
    }

    #[test]
    fn a_link_from_elsewhere_opens_the_page_and_posts_nothing() {
        let link =
            [("host", "127.0.0.1:4711"), ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")];
        assert_eq!(objection(&Method::GET, &link), None);
        assert!(objection(&Method::POST, &link).is_some());
    }

    #[test]
    fn tokens_differ() {
        let token = || Gate::new(1).expect("random bytes").token().to_owned();
        assert_eq!(token().len(), 32);
        assert_ne!(token(), token());
    }
}
