//! What a request is called in a trace, and how digests know it.

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use shakedown_sim::Digest;

/// Returns what a request is called, such as `POST /charges`.
pub(crate) fn request(request: &Request<Bytes>) -> String {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    format!("{} {path}", request.method())
}

/// Returns the words by which digests know a request.
pub(crate) fn request_words(sent: &Request<Bytes>) -> [u64; 2] {
    words(&request(sent), sent.headers(), sent.body())
}

/// Returns the words by which digests know a response.
pub(crate) fn response_words(response: &Response<Bytes>) -> [u64; 2] {
    words(response.status().as_str(), response.headers(), response.body())
}

fn words(line: &str, headers: &HeaderMap, body: &[u8]) -> [u64; 2] {
    let mut digest = Digest::default();
    digest.text(line);
    for (name, value) in headers {
        digest.text(name.as_str());
        add(&mut digest, value.as_bytes());
    }
    add(&mut digest, body);
    [digest.bits(), body.len() as u64]
}

fn add(digest: &mut Digest, bytes: &[u8]) {
    digest.word(bytes.len() as u64);
    for chunk in bytes.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        digest.word(u64::from_le_bytes(word));
    }
}
