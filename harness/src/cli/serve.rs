//! `serve`: a local web page over the catalogue.

use super::exit::{CliError, Exit};
use super::explore::processors;
use super::output::{print_line, print_note};
use super::{Session, amount};
use crate::serve::{Options, serve};
use crate::traces;
use std::path::PathBuf;
use std::time::Duration;

/// Serves a local web page on which to run a scenario, change the run, and watch a campaign
///
/// The server accepts connections from this machine only, and its address contains a random token. Ctrl-C ends it.
#[derive(clap::Args)]
pub(super) struct Serve {
    /// The port; 0 takes a free one
    #[arg(long, env = "SHAKEDOWN_PORT", value_name = "PORT", default_value = "0")]
    port: u16,
    /// The number of threads of a campaign [default: the number of processors]
    #[arg(long, short, env = "SHAKEDOWN_JOBS", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    /// The directory for the traces of failures
    #[arg(long, env = "SHAKEDOWN_TRACES", value_name = "DIR", default_value = traces::DIRECTORY)]
    traces: PathBuf,
    /// The time limit of one run
    #[arg(long, env = "SHAKEDOWN_WATCHDOG", value_name = "DURATION", default_value = "60s", value_parser = amount::span)]
    watchdog: Duration,
}

impl Serve {
    pub(super) fn execute(self, session: Session) -> Result<Exit, CliError> {
        session.output.without_reports("serve")?;
        let options = Options {
            catalogue: session.catalogue,
            port: self.port,
            traces: self.traces,
            jobs: self.jobs.map_or_else(processors, usize::from),
            timeout: self.watchdog,
        };
        let stopped = stop_on_interrupt();
        serve(options, print_line, stopped).map_err(|error| {
            CliError::input(format!("the page cannot be served: {error}"))
                .at(format!("127.0.0.1:{}", self.port))
                .remedy("--port 0 takes a port that is free")
        })?;
        Ok(Exit::Held)
    }
}

/// Returns what completes at the first SIGINT, SIGTERM or SIGHUP.
async fn interrupted(stopped: tokio::sync::oneshot::Receiver<()>) {
    // Without a handler the sender is gone at once, and the signal ends the process by itself.
    if stopped.await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn stop_on_interrupt() -> impl Future<Output = ()> {
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let mut stop = Some(stop);
    let set = ctrlc::set_handler(move || {
        if let Some(stop) = stop.take() {
            // The receiver is gone only if the server has ended by itself.
            let _ = stop.send(());
        }
    });
    if let Err(error) = set {
        print_note(&format!("an interrupt will end this at once: {error}"));
    }
    interrupted(stopped)
}
