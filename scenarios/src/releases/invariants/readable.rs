//! Texts that their readers cannot parse.

use super::super::ledger::Ledger;
use shakedown_model::Fact;
use shakedown_model::facts::{OrderFact, Screen};
use shakedown_model::releases::machine::Tier;
use shakedown_model::releases::rows::Message;
use shakedown_sim::{At, Findings, Invariant};

/// Verifies that each message and row parses at its reader.
#[derive(Default)]
pub(super) struct EveryMessageReadable(Ledger);

impl EveryMessageReadable {
    /// Parses the message that a machine claimed, and its row, with the release that runs there.
    fn judge(&self, event: u32, message: &Message, findings: &mut Findings) {
        let Some(reader) = self.0.reader(message) else { return };
        let (code, documents) = (reader.build.code, reader.build.code.documents());
        if let Err(error) = documents.read_job(&message.text) {
            findings.violated("message", &[reader.since, event], || {
                format!("{code} claimed message {} and cannot read it: {error}", message.id)
            });
        }
        let row = self.0.bookings.get(&message.booking);
        if let Some((latest, error)) =
            row.and_then(|latest| Some((latest, documents.read_row(&latest.row.text).err()?)))
        {
            let facts = [reader.since, event, latest.last];
            let events: Vec<u32> = facts.into_iter().chain(self.0.dropped).collect();
            findings.violated("row", &events, || {
                format!("{code} works on B{} and cannot read its row: {error}", message.booking)
            });
        }
    }

    /// Reports a screen that shows an error, with the machine of the API that cannot read the row, if one cannot.
    fn judge_screen(&self, event: u32, booking: u32, findings: &mut Findings) {
        let Some(latest) = self.0.bookings.get(&booking) else {
            let events: Vec<u32> = self.0.dropped.into_iter().chain([event]).collect();
            return findings.violated("screen", &events, || {
                format!(
                    "a screen shows an error instead of order {booking}: the table does not accept its row"
                )
            });
        };
        let of_api = self.0.machines.iter().filter(|(_, running)| running.tier == Tier::Api);
        let mut cannot = of_api.filter_map(|(machine, running)| {
            let code = running.build.code;
            let error = code.documents().read_row(&latest.row.text).err()?;
            Some((running.since, format!("{code} on machine {machine} cannot read its row: {error}")))
        });
        let (since, reason) = cannot.next().unzip();
        let pages = self.0.pages.as_ref().map(|latest| latest.last);
        let facts = since.into_iter().chain([latest.last]).chain(pages).chain(self.0.dropped);
        let events: Vec<u32> = facts.chain([event]).collect();
        findings.violated("screen", &events, || {
            let reason = reason.unwrap_or_else(|| "its page cannot read the row".to_owned());
            format!("a screen shows an error instead of B{booking}: {reason}")
        });
    }
}

impl Invariant<Fact> for EveryMessageReadable {
    fn name(&self) -> &'static str {
        "every-message-readable"
    }
    fn about(&self) -> &'static str {
        "always: a message that a machine claims, and its row, can be parsed by the release that runs \
         there; no screen shows an error instead of an existing booking or of an order whose row cannot be \
         written. Not judged: whether a text that parses means the same to both releases"
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
