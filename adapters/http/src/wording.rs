//! The names of requests in traces, and their words in digests.

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use shakedown_sim::Digest;

/// Returns the name of a request, such as `POST /charges`.
pub(crate) fn request(request: &Request<Bytes>) -> String {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    format!("{} {path}", request.method())
}

/// Returns the words that digests take for a request.
pub(crate) fn request_words(sent: &Request<Bytes>) -> [u64; 2] {
    words(&request(sent), sent.headers(), sent.body())
}

/// Returns the words that digests take for a response.
pub(crate) fn response_words(response: &Response<Bytes>) -> [u64; 2] {
    words(response.status().as_str(), response.headers(), response.body())
}

fn words(line: &str, headers: &HeaderMap, body: &[u8]) -> [u64; 2] {
    let mut digest = Digest::default();
    digest.text(line);
    for (name, value) in headers {
        digest.text(name.as_str());
        digest.bytes(value.as_bytes());
    }
    digest.bytes(body);
    [digest.bits(), body.len() as u64]
}
