//! The promises of the filing flow: a report is filed in time, or the registry has rejected it.

use super::office::{JOB, Office};
use super::rows::FilingState;
use crate::backbone::jobs::WorkItem;
use crate::backbone::monitor::{Owed, Owing, Promises};
use crate::settings::FILING_PROMISE;
use shakedown_sim::{Env, Signal};
use std::rc::Rc;

/// The promises of the filing flow.
pub struct Reports(pub Rc<Office>);

impl Promises for Reports {
    fn owed(&self, env: Env) -> Owing {
        let office = Rc::clone(&self.0);
        Box::pin(async move {
            let is_open = |state| matches!(state, FilingState::Open | FilingState::Sending { .. });
            let mut read = office.backbone.store.begin(&env);
            let open = read.scan(&office.filings, |row| is_open(row.state)).await?;
            let owed = open.iter().map(|row| Owed {
                item: WorkItem { kind: JOB, row: row.id },
                due: row.accepted + FILING_PROMISE,
                context: row.context,
            });
            Ok(owed.collect())
        })
    }

    fn changed(&self) -> Signal {
        self.0.filings.signal().clone()
    }
}
