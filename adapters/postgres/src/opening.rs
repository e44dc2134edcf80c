//! [`Opening`]: the first messages of a client's connection.

use crate::backend::Parameters;
use crate::connection::Connection;
use crate::frame::{self, Reader};
use std::io;

const VERSION_3: i32 = 3 << 16;
const CANCEL: i32 = 80_877_102;
const SSL: i32 = 80_877_103;
const GSSENC: i32 = 80_877_104;

/// What a client requests first.
pub(crate) enum Opening {
    /// A session with these parameters.
    Startup(Parameters),
    /// That the statement of a session is cancelled.
    Cancel { process: i32, secret: i32 },
    /// Something that is not served; the client has received the error.
    Refused,
}

/// Reads up to the startup message. Encryption is refused, so that the client continues without.
pub(crate) async fn read(client: &mut Connection) -> io::Result<Opening> {
    loop {
        let body = client.untyped().await?;
        let mut reader = Reader(&body);
        match reader.int32() {
            Some(SSL | GSSENC) => client.send(b"N").await?,
            Some(CANCEL) => {
                let (process, secret) = (reader.int32(), reader.int32());
                let known = process.zip(secret);
                return Ok(
                    known.map_or(Opening::Refused, |(process, secret)| Opening::Cancel { process, secret })
                );
            }
            // A newer minor version falls back to 3.0, as a server without it does.
            Some(version) if version >> 16 == VERSION_3 >> 16 => {
                let mut parameters = Parameters::new();
                while let (Some(name), Some(value)) =
                    (reader.text().filter(|name| !name.is_empty()), reader.text())
                {
                    parameters.push((name.to_owned(), value.to_owned()));
                }
                return Ok(Opening::Startup(parameters));
            }
            _ => {
                client.send(&frame::fatal("0A000", "unsupported frontend protocol")).await?;
                return Ok(Opening::Refused);
            }
        }
    }
}

/// The secret that a request to cancel must name.
pub(crate) fn secret_of(process: i32) -> i32 {
    process.wrapping_mul(0x5851_F42D)
}
