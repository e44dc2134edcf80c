//! [`Backend`]: a session on the real server, over a blocking local socket.

use crate::frame::{self, Frame};
use crate::setup::Cluster;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// Parameters of a session's startup message, in the order in which they were sent.
pub(crate) type Parameters = Vec<(String, String)>;

/// A session.
pub(crate) struct Backend {
    socket: UnixStream,
    /// The bytes that have arrived and were not taken.
    inbox: Vec<u8>,
    pid: i32,
    parameters: Parameters,
    /// Whether its process was stopped and not continued.
    is_stopped: bool,
    /// The server's parameters, as the messages that reported them at the start.
    pub(crate) greeting: Vec<u8>,
}

/// Why there is no session.
pub(crate) enum Refused {
    /// The server's error, as a message.
    Error(Vec<u8>),
    Io(io::Error),
}

/// The result of a wait for the server.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Arrived {
    Bytes,
    Nothing,
    /// The server has closed the session.
    End,
}

impl Backend {
    /// Opens a session.
    pub(crate) fn open(cluster: &Cluster, parameters: &Parameters) -> Result<Self, Refused> {
        let socket = cluster.connect().map_err(Refused::Io)?;
        socket.set_nonblocking(true).map_err(Refused::Io)?;
        let mut backend = Self {
            socket,
            inbox: Vec::new(),
            pid: 0,
            parameters: parameters.clone(),
            is_stopped: false,
            greeting: Vec::new(),
        };
        let mut startup = bytes::BytesMut::new();
        let named = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        postgres_protocol::message::frontend::startup_message(named, &mut startup).map_err(Refused::Io)?;
        backend.send(&startup).map_err(Refused::Io)?;
        backend.greet()?;
        Ok(backend)
    }

    /// Reads up to the first `ReadyForQuery`.
    fn greet(&mut self) -> Result<(), Refused> {
        loop {
            let messages = self.take().map_err(Refused::Io)?;
            for frame in Frame::all(&messages) {
                match frame.tag {
                    b'E' => return Err(Refused::Error(frame.whole.to_vec())),
                    b'K' => self.pid = frame::Reader(frame.body).int32().unwrap_or_default(),
                    b'S' => self.greeting.extend(frame.whole),
                    b'Z' => return Ok(()),
                    _ => {}
                }
            }
            match self.wait(Duration::from_secs(30)).map_err(Refused::Io)? {
                Arrived::Bytes => {}
                Arrived::Nothing => return Err(Refused::Io(ErrorKind::TimedOut.into())),
                Arrived::End => return Err(Refused::Io(ErrorKind::UnexpectedEof.into())),
            }
        }
    }

    pub(crate) fn pid(&self) -> i32 {
        self.pid
    }

    /// Returns the parameters with which it was opened.
    pub(crate) fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Terminates the session and waits until its process has released all locks, for at most `limit` of real time. Returns whether
    /// it has ended.
    pub(crate) fn terminate(mut self, limit: Duration) -> bool {
        self.resume(Some(Signal::TERM));
        // The process closes its socket last, when it ends.
        let (mut spent, pause) = (Duration::ZERO, Duration::from_millis(10));
        while spent < limit {
            match self.wait(pause) {
                Ok(Arrived::End) | Err(_) => return true,
                Ok(Arrived::Bytes | Arrived::Nothing) => spent += pause,
            }
        }
        false
    }

    /// Closes the connection in both directions.
    pub(crate) fn shut_down(&self) -> io::Result<()> {
        self.socket.shutdown(std::net::Shutdown::Both)
    }

    /// Sends all of `bytes`, and reads what the server sends meanwhile.
    pub(crate) fn send(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.socket.write(bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let interest = PollFlags::IN | PollFlags::OUT;
                    if !self.poll(interest, Duration::from_secs(10))? {
                        return Err(ErrorKind::TimedOut.into());
                    }
                    self.read()?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Takes the whole messages that have arrived.
    pub(crate) fn take(&mut self) -> io::Result<Vec<u8>> {
        let mut end = 0;
        while let Some(frame) =
            Frame::first(&self.inbox[end..]).map_err(|_| io::Error::from(ErrorKind::InvalidData))?
        {
            end += frame.whole.len();
        }
        let rest = self.inbox.split_off(end);
        Ok(std::mem::replace(&mut self.inbox, rest))
    }

    /// Waits until something arrives, for at most `limit` of real time.
    pub(crate) fn wait(&mut self, limit: Duration) -> io::Result<Arrived> {
        match self.read()? {
            Arrived::Nothing if !limit.is_zero() && self.poll(PollFlags::IN, limit)? => self.read(),
            arrived => Ok(arrived),
        }
    }

    fn poll(&self, interest: PollFlags, limit: Duration) -> io::Result<bool> {
        let timeout = Timespec { tv_sec: limit.as_secs() as i64, tv_nsec: i64::from(limit.subsec_nanos()) };
        let mut interests = [PollFd::new(&self.socket, interest)];
        match poll(&mut interests, Some(&timeout)) {
            Ok(count) => Ok(count > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads what has arrived, without waiting.
    fn read(&mut self) -> io::Result<Arrived> {
        let mut chunk = [0; 16 * 1024];
        let mut arrived = Arrived::Nothing;
        loop {
            match self.socket.read(&mut chunk) {
                Ok(0) if arrived == Arrived::Nothing => return Ok(Arrived::End),
                Ok(0) => return Ok(arrived),
                Ok(count) => {
                    self.inbox.extend(&chunk[..count]);
                    arrived = Arrived::Bytes;
                    if count < chunk.len() {
                        return Ok(arrived);
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(arrived),
                // A killed server resets the connection.
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(Arrived::End),
                Err(error) => return Err(error),
            }
        }
    }

    /// Stops its process, so that it does not continue by itself when its wait ends.
    pub(crate) fn stop(&mut self) {
        self.is_stopped = true;
        self.signal(Signal::STOP);
    }

    /// Continues its process. If there is a `notice`, the process receives it first.
    pub(crate) fn resume(&mut self, notice: Option<Signal>) {
        if let Some(notice) = notice {
            self.signal(notice);
        }
        if std::mem::take(&mut self.is_stopped) {
            self.signal(Signal::CONT);
        }
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = Pid::from_raw(self.pid) {
            // If the process has ended, the next read of its socket reports that.
            let _ = kill_process(pid, signal);
        }
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.resume(None);
    }
}
