//! `tracing` inside a node: in the recorded trace, and nowhere else.

use crate::rig::{Rig, say, script, seconds};
use shakedown_sim::*;

fn chatty() -> Rig {
    Rig::new(|stage| {
        let (facts, env) = (stage.facts().clone(), stage.node(Role::outside("node".into()), |_| {}));
        let env = env.within(stage.entity("order"));
        env.clone().spawn(async move {
            env.sleep(seconds(3)).await;
            tracing::info!(count = 7, "looks around");
            say(&facts, &env, "acts");
            tracing::info_span!("phase", step = 2);
            say(&facts, &env, "acts again");
            say(&facts, &env, "acts again");
        });
    })
}

#[test]
fn what_a_node_logs_is_stamped_with_time_node_and_scope() {
    let (_, trace) = Runner::new(chatty()).record(Plan::Script(&script("")));
    let log = trace.steps.iter().filter(|step| step.kind == trace::Kind::Log);
    let log: Vec<_> =
        log.map(|step| format!("{} {} {} {}", step.time, step.node, step.scope, step.text)).collect();
    assert_eq!(
        log,
        [
            "00:00:03.000 node order-1 info looks around count=7",
            "00:00:03.000 node order-1 span phase step=2"
        ]
    );
}

#[test]
fn a_run_is_the_same_whether_it_is_recorded_or_not() {
    let mut runner = Runner::new(chatty());
    let silent = runner.run(Plan::Script(&script("")));
    let (recorded, trace) = runner.record(Plan::Script(&script("")));
    assert_eq!(silent, recorded);
    let told = |event: &u32| trace.steps[*event as usize].text.as_str();
    let twice: Vec<_> = trace.violations[0].events.iter().map(told).collect();
    assert_eq!(twice, ["acts again", "acts again"], "a trace's violations name its own steps");
}

#[test]
fn a_thread_that_records_nothing_does_not_silence_one_that_does() {
    fn log() {
        tracing::info!("both threads are here");
    }
    let rig = Rig::new(|stage| {
        let env = stage.node(Role::outside("node".into()), |_| {});
        env.clone().spawn(async {
            std::thread::scope(|scope| {
                scope.spawn(log);
            });
            log();
        });
    });
    let (_, trace) = Runner::new(rig).record(Plan::Script(&script("")));
    assert_eq!(trace.steps.iter().filter(|step| step.kind == trace::Kind::Log).count(), 1);
}
