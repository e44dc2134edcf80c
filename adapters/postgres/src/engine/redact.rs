//! [`Redaction`]: numbers of processes and transactions in messages, which differ from run to run, become numbers of the run.

use crate::frame::{Frame, frame};
use std::collections::BTreeMap;

/// What is known of such numbers.
#[derive(Default)]
pub(crate) struct Redaction {
    /// The sessions of the run by their process.
    processes: BTreeMap<i32, u32>,
    /// The transactions that were mentioned.
    transactions: BTreeMap<u64, u64>,
}

/// The process id that the first session of a run has for its client.
pub(crate) const FIRST_PROCESS: u32 = 1_001;

impl Redaction {
    /// Gives a process the number of a session, from 0.
    pub(crate) fn session(&mut self, process: i32, number: usize) {
        self.processes.insert(process, FIRST_PROCESS + number as u32);
    }

    fn process(&self, process: i32) -> u32 {
        self.processes.get(&process).copied().unwrap_or(FIRST_PROCESS - 1)
    }

    /// Adds an error or notice to `out`.
    pub(crate) fn message(&mut self, message: &Frame<'_>, out: &mut Vec<u8>) {
        let Ok(text) = std::str::from_utf8(message.body) else { return out.extend(message.whole) };
        if !text.contains("rocess ") && !text.contains("transaction ") {
            return out.extend(message.whole);
        }
        out.extend(frame(message.tag, self.text(text).as_bytes()));
    }

    /// Adds a notification to `out`: its first word is the process that sent it.
    pub(crate) fn notification(&self, message: &Frame<'_>, out: &mut Vec<u8>) {
        let Some((process, rest)) = message.body.split_first_chunk::<4>() else { return };
        let process = self.process(i32::from_be_bytes(*process)).to_be_bytes();
        out.extend(frame(message.tag, &[&process, rest].concat()));
    }

    fn text(&mut self, text: &str) -> String {
        let mut redacted = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
            let (before, number) = rest.split_at(at);
            let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
            redacted.push_str(before);
            let (number, after) = number.split_at(end);
            if before.ends_with("rocess ") {
                redacted.push_str(&self.process(number.parse().unwrap_or_default()).to_string());
            } else if before.ends_with("transaction ") {
                let next = self.transactions.len() as u64 + 1;
                let known = *self.transactions.entry(number.parse().unwrap_or_default()).or_insert(next);
                redacted.push_str(&known.to_string());
            } else {
                redacted.push_str(number);
            }
            rest = after;
        }
        redacted + rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_and_transactions_get_numbers_of_the_run() {
        let mut redaction = Redaction::default();
        redaction.session(4711, 0);
        redaction.session(4712, 1);
        let detail = "Process 4712 waits for ShareLock on transaction 900; blocked by process 4711.\n\
                      Process 4711 waits for ShareLock on transaction 901; blocked by process 4712.";
        assert_eq!(
            redaction.text(detail),
            "Process 1002 waits for ShareLock on transaction 1; blocked by process 1001.\n\
             Process 1001 waits for ShareLock on transaction 2; blocked by process 1002."
        );
        assert_eq!(redaction.text("value 42 of transaction 901"), "value 42 of transaction 2");
    }
}
