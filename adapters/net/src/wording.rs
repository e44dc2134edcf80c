//! The names of flights in traces, and their words in digests.

use shakedown_sim::Digest;

const METHODS: [&str; 7] = ["GET ", "POST ", "PUT ", "PATCH ", "DELETE ", "HEAD ", "OPTIONS "];

/// Returns the name of a flight: the request line or status of HTTP/1, else its length.
pub(crate) fn of(bytes: &[u8]) -> String {
    let line = bytes.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = std::str::from_utf8(&line[..line.len().min(200)]).unwrap_or_default();
    if let Some(status) = line.strip_prefix("HTTP/1.1 ").or_else(|| line.strip_prefix("HTTP/1.0 ")) {
        return status.to_owned();
    }
    if METHODS.iter().any(|method| line.starts_with(method)) {
        return line.rsplit_once(" HTTP/").map_or(line, |(request, _)| request).to_owned();
    }
    format!("{} bytes", bytes.len())
}

/// Returns the words that digests take for these bytes.
pub(crate) fn digest(bytes: &[u8]) -> [u64; 2] {
    let mut digest = Digest::default();
    digest.bytes(bytes);
    [digest.bits(), bytes.len() as u64]
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn http_is_called_by_its_first_line_and_all_else_by_its_length() {
        assert_eq!(of(b"POST /charges HTTP/1.1\r\nhost: partner\r\n\r\n{}"), "POST /charges");
        assert_eq!(of(b"HTTP/1.1 503 Service Unavailable\r\n\r\n"), "503 Service Unavailable");
        assert_eq!(of(b"\x00\x00\x00\x08\x04"), "5 bytes");
        assert_eq!(of(b""), "0 bytes");
    }
}
