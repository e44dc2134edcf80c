//! Frames: the messages of the protocol as far as a relay reads them.

/// A message: its type and its body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) tag: u8,
    pub(crate) body: &'a [u8],
    /// The whole message as it was sent.
    pub(crate) whole: &'a [u8],
}

/// A message that no peer sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Malformed;

/// The longest message that is read: the server's own limit for what it allocates at once.
const LONGEST: usize = 1 << 30;

impl<'a> Frame<'a> {
    /// Reads the first message of `bytes`, if all of it is there.
    pub(crate) fn first(bytes: &'a [u8]) -> Result<Option<Self>, Malformed> {
        let Some((tag, rest)) = bytes.split_first() else { return Ok(None) };
        let Some(body) = sized(rest)? else { return Ok(None) };
        Ok(Some(Self { tag: *tag, body, whole: &bytes[..5 + body.len()] }))
    }

    /// Returns the messages of `bytes`, which hold whole messages.
    pub(crate) fn all(mut bytes: &'a [u8]) -> impl Iterator<Item = Self> {
        std::iter::from_fn(move || {
            let frame = Self::first(bytes).ok().flatten()?;
            bytes = &bytes[frame.whole.len()..];
            Some(frame)
        })
    }
}

/// Reads the first message of a connection, which has no type: its body.
pub(crate) fn untyped(bytes: &[u8]) -> Result<Option<&[u8]>, Malformed> {
    sized(bytes)
}

fn sized(bytes: &[u8]) -> Result<Option<&[u8]>, Malformed> {
    let Some(length) = bytes.first_chunk::<4>() else { return Ok(None) };
    let length = u32::from_be_bytes(*length) as usize;
    if !(4..=LONGEST).contains(&length) {
        return Err(Malformed);
    }
    Ok(bytes.get(4..length))
}

/// Reads the parts of a message's body.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    /// Returns the text up to the next zero byte.
    pub(crate) fn text(&mut self) -> Option<&'a str> {
        let end = self.0.iter().position(|byte| *byte == 0)?;
        let text = std::str::from_utf8(&self.0[..end]).ok()?;
        self.0 = &self.0[end + 1..];
        Some(text)
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    pub(crate) fn int16(&mut self) -> Option<i16> {
        self.take().map(i16::from_be_bytes)
    }

    pub(crate) fn int32(&mut self) -> Option<i32> {
        self.take().map(i32::from_be_bytes)
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }
}

/// Returns a field of an `ErrorResponse` or `NoticeResponse`: `C` its SQLSTATE, `M` its message.
pub(crate) fn field(body: &[u8], wanted: u8) -> Option<&str> {
    let mut reader = Reader(body);
    loop {
        match reader.byte()? {
            0 => return None,
            kind if kind == wanted => return reader.text(),
            _ => _ = reader.text()?,
        }
    }
}

/// Writes a message.
pub(crate) fn frame(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(5 + body.len());
    frame.push(tag);
    frame.extend((body.len() as u32 + 4).to_be_bytes());
    frame.extend(body);
    frame
}

/// Writes the error that ends a session.
pub(crate) fn fatal(sqlstate: &str, message: &str) -> Vec<u8> {
    let mut body = Vec::new();
    for (kind, text) in [(b'S', "FATAL"), (b'V', "FATAL"), (b'C', sqlstate), (b'M', message)] {
        body.push(kind);
        body.extend(text.as_bytes());
        body.push(0);
    }
    body.push(0);
    frame(b'E', &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_once_all_of_them_is_there() {
        let bytes = [frame(b'Q', b"select 1\0"), frame(b'S', b"")].concat();
        assert!(Frame::first(&bytes[..9]).unwrap().is_none());
        let tags: Vec<_> = Frame::all(&bytes).map(|frame| (frame.tag, frame.body.len())).collect();
        assert_eq!(tags, [(b'Q', 9), (b'S', 0)]);
        assert_eq!(Frame::first(&[b'Q', 0, 0, 0, 3, 0]).unwrap_err(), Malformed);
    }

    #[test]
    fn an_error_has_its_fields() {
        let error = fatal("57P03", "the database system is starting up");
        let body = Frame::first(&error).unwrap().unwrap().body;
        assert_eq!(field(body, b'C'), Some("57P03"));
        assert_eq!(field(body, b'D'), None);
    }
}
