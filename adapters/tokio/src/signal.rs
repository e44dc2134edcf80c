//! Signals: SIGTERM and Ctrl-C ask the node to shut down. A node that waits for one of them ends by its own code.

use shakedown_sim::ambient::{Handle, SendFuture, Shared};

/// Returns a future that waits until the node is asked to shut down. The node's own code handles that from now on.
fn termination() -> SendFuture<()> {
    let handle = Handle::current();
    let env = Shared::new(handle.env());
    drop(handle.env().termination());
    handle.send_future(async move { env.get().terminated().await })
}

/// Waits until the node is asked to shut down.
///
/// # Errors
/// None in a simulation.
pub async fn ctrl_c() -> std::io::Result<()> {
    termination().await;
    Ok(())
}

pub mod unix {
    //! Signals of Unix.

    use super::termination;
    use shakedown_sim::ambient::SendFuture;
    use std::future::{Future, pending, poll_fn};
    use std::pin::Pin;
    use std::task::{Context, Poll};

    /// A signal's number.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
    pub struct SignalKind(i32);

    macro_rules! kinds {
        ($($name:ident = $number:literal;)*) => {
            impl SignalKind {$(
                /// Returns the signal of this name.
                pub const fn $name() -> Self {
                    Self($number)
                }
            )*}
        };
    }

    kinds! {
        alarm = 14;
        child = 17;
        hangup = 1;
        interrupt = 2;
        io = 29;
        pipe = 13;
        quit = 3;
        terminate = 15;
        user_defined1 = 10;
        user_defined2 = 12;
        window_change = 28;
    }

    impl SignalKind {
        /// Returns the signal with this number.
        pub const fn from_raw(number: i32) -> Self {
            Self(number)
        }

        /// Returns the number.
        pub const fn as_raw_value(&self) -> i32 {
            self.0
        }
    }

    /// Receives a signal. SIGTERM and SIGINT come when the node is asked to shut down, once; others never come.
    pub struct Signal(Option<SendFuture<()>>);

    /// Returns a receiver of a signal.
    ///
    /// # Errors
    /// None in a simulation.
    pub fn signal(kind: SignalKind) -> std::io::Result<Signal> {
        let ends = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::quit()];
        Ok(Signal(ends.contains(&kind).then(termination)))
    }

    impl Signal {
        /// Waits for the signal.
        pub async fn recv(&mut self) -> Option<()> {
            if self.0.is_none() {
                pending::<()>().await;
            }
            poll_fn(|context| self.poll_recv(context)).await
        }

        /// Polls for the signal.
        pub fn poll_recv(&mut self, context: &mut Context<'_>) -> Poll<Option<()>> {
            let Some(waits) = &mut self.0 else { return Poll::Pending };
            if Pin::new(waits).poll(context).is_pending() {
                return Poll::Pending;
            }
            self.0 = None;
            Poll::Ready(Some(()))
        }
    }

    impl std::fmt::Debug for Signal {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("Signal")
        }
    }
}
