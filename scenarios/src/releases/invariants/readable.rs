//! Whoever reads can read.

use super::super::ledger::Ledger;
use shakedown_model::Fact;
use shakedown_model::facts::{OrderFact, Screen};
use shakedown_model::releases::machine::Tier;
use shakedown_model::releases::rows::Message;
use shakedown_sim::{At, Findings, Invariant};

/// No message and no row fails to parse at who reads it.
#[derive(Default)]
pub(super) struct EveryMessageReadable(Ledger);

impl EveryMessageReadable {
    /// Has the release that runs on the machine read the message that it took up, and the row that it concerns.
    fn judge(&self, event: u32, message: &Message, findings: &mut Findings) {
        let Some(reader) = self.0.reader(message) else { return };
        let (code, documents) = (reader.build.code, reader.build.code.documents());
        if let Err(error) = documents.read_job(&message.text) {
            findings.violated("message", &[reader.since, event], || {
                format!("{code} took up message {}, and cannot read it: {error}", message.id)
            });
        }
        let row = self.0.bookings.get(&message.booking);
        if let Some((kept, error)) =
            row.and_then(|kept| Some((kept, documents.read_row(&kept.row.text).err()?)))
        {
            let facts = [reader.since, event, kept.last];
            let events: Vec<u32> = facts.into_iter().chain(self.0.dropped).collect();
            findings.violated("row", &events, || {
                format!("{code} is to work on B{}, and cannot read its row: {error}", message.booking)
            });
        }
    }

    /// Says of a screen that shows an error which machine of the API cannot read the row, if one cannot.
    fn judge_screen(&self, event: u32, booking: u32, findings: &mut Findings) {
        let Some(kept) = self.0.bookings.get(&booking) else {
            let events: Vec<u32> = self.0.dropped.into_iter().chain([event]).collect();
            return findings.violated("screen", &events, || {
                format!(
                    "a screen shows an error in place of order {booking}: the table does not take its row"
                )
            });
        };
        let of_api = self.0.machines.iter().filter(|(_, running)| running.tier == Tier::Api);
        let mut cannot = of_api.filter_map(|(machine, running)| {
            let code = running.build.code;
            let error = code.documents().read_row(&kept.row.text).err()?;
            Some((running.since, format!("{code} on machine {machine} cannot read its row: {error}")))
        });
        let (since, reason) = cannot.next().unzip();
        let pages = self.0.pages.as_ref().map(|kept| kept.last);
        let facts = since.into_iter().chain([kept.last]).chain(pages).chain(self.0.dropped);
        let events: Vec<u32> = facts.chain([event]).collect();
        findings.violated("screen", &events, || {
            let reason = reason.unwrap_or_else(|| "its page cannot read it".to_owned());
            format!("a screen shows an error in place of booking B{booking}: {reason}")
        });
    }
}

impl Invariant<Fact> for EveryMessageReadable {
    fn name(&self) -> &'static str {
        "every-message-readable"
    }
    fn about(&self) -> &'static str {
        "always: a message that a machine takes up, and the row that it concerns, can be parsed by the release that \
         runs there; no screen shows an error in place of a booking that there is, or of an order whose row cannot be \
         written. That a text that parses means to both sides the same is not judged"
    }
    fn reset(&mut self) {
        self.0 = Ledger::default();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        self.0.observe(at, fact);
        match fact {
            Fact::Order(OrderFact::Message { before: Some(before), after }) if before.times < after.times => {
                self.judge(at.event, after, findings);
            }
            Fact::Order(OrderFact::Shown { booking, screen: Screen::Error }) => {
                self.judge_screen(at.event, *booking, findings);
            }
            _ => {}
        }
    }
}
