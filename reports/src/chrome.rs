//! A run as Chrome trace events, the JSON that Perfetto and `chrome://tracing` open: a thread for each node, a
//! slice for each step, a flow for each message.
//!
//! The format is "Trace Event Format" (Google, 2016, with Perfetto's notes on importing JSON): times are in
//! microseconds, and flows bind to the slices at their ends.

use serde_json::{Value, json};
use shakedown_sim::{Step, Trace};

const PROCESS: u32 = 1;
/// A step takes no time, but a slice without a duration is invisible.
const SLICE_US: f64 = 1.0;

/// Returns the trace events of a run; an empty list if there is no run to show.
pub fn trace_events(trace: Option<&Trace>) -> String {
    let mut events = Vec::new();
    if let Some(trace) = trace {
        let mut nodes: Vec<&str> = Vec::new();
        for step in &trace.steps {
            if !nodes.contains(&step.node.as_str()) {
                nodes.push(&step.node);
            }
        }
        events.push(name("process_name", 0, &trace.script.scenario));
        events.extend(nodes.iter().enumerate().map(|(at, node)| name("thread_name", at + 1, node)));
        let thread = |step: &Step| nodes.iter().position(|node| *node == step.node).map_or(0, |at| at + 1);
        let mut flows = 0;
        for (number, step) in trace.steps.iter().enumerate() {
            events.push(slice(number, step, thread(step)));
            for cause in &step.causes {
                let sender = &trace.steps[*cause as usize];
                if sender.node != step.node {
                    flows += 1;
                    events.push(flow("s", flows, sender, thread(sender)));
                    events.push(flow("f", flows, step, thread(step)));
                }
            }
        }
    }
    // No "displayTimeUnit": older versions of Perfetto use it as the unit of the times themselves.
    let mut text = json!({ "traceEvents": events }).to_string();
    text.push('\n');
    text
}

fn microseconds(step: &Step) -> f64 {
    step.time.nanos() as f64 / 1_000.0
}

fn name(what: &str, thread: usize, name: &str) -> Value {
    json!({ "ph": "M", "name": what, "pid": PROCESS, "tid": thread, "ts": 0, "args": { "name": name } })
}

fn slice(number: usize, step: &Step, thread: usize) -> Value {
    let because = step.because.as_deref().unwrap_or_default();
    let arguments = json!({ "step": number, "scope": step.scope, "because": because, "state": step.fact() });
    json!({
        "ph": "X", "name": step.text, "cat": step.kind, "pid": PROCESS, "tid": thread,
        "ts": microseconds(step), "dur": SLICE_US, "args": arguments,
    })
}

/// One end of a flow. Perfetto drops flows whose `id` is not a number.
fn flow(phase: &str, id: u32, step: &Step, thread: usize) -> Value {
    let (name, ts) = ("message", microseconds(step));
    let mut flow =
        json!({ "ph": phase, "name": name, "cat": name, "id": id, "pid": PROCESS, "tid": thread, "ts": ts });
    if phase == "f" {
        flow["bp"] = json!("e");
    }
    flow
}
