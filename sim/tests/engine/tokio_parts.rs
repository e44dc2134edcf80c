//! The parts of Tokio that need no runtime work inside a node.

use crate::rig::{Rig, said, say, seconds};
use shakedown_sim::*;
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::task::Poll;
use tokio::sync::{Mutex, Notify, mpsc, oneshot};

fn check<F: Future<Output = ()> + 'static>(
    body: impl Fn(Env, Rc<dyn Fn(&str)>) -> F + 'static,
    expected: &[&str],
) {
    let rig = Rig::new(move |stage| {
        let (facts, env) = (stage.facts().clone(), stage.node(Role::outside("node".into()), |_| {}));
        let sayer = env.clone();
        let tell: Rc<dyn Fn(&str)> = Rc::new(move |text| say(&facts, &sayer, text));
        env.clone().spawn(body(env, tell));
    });
    assert_eq!(said(rig, ""), expected);
}

#[test]
fn oneshot_carries_a_value_between_tasks() {
    let body = |env: Env, tell: Rc<dyn Fn(&str)>| async move {
        let (sender, receiver) = oneshot::channel();
        let other = env.clone();
        env.spawn(async move {
            other.sleep(seconds(3)).await;
            sender.send("hello").unwrap();
        });
        tell(receiver.await.unwrap());
    };
    check(body, &["3 node hello"]);
}

#[test]
fn mpsc_keeps_order_and_its_bound() {
    let body = |env: Env, tell: Rc<dyn Fn(&str)>| async move {
        let (sender, mut receiver) = mpsc::channel(1);
        env.spawn(async move {
            for number in 1..=3 {
                sender.send(number).await.unwrap();
            }
        });
        while let Some(number) = receiver.recv().await {
            env.sleep(seconds(1)).await;
            tell(&format!("got {number}"));
        }
        tell("closed");
    };
    check(body, &["1 node got 1", "2 node got 2", "3 node got 3", "3 node closed"]);
}

#[test]
fn mutex_admits_one_at_a_time_in_order() {
    let body = |env: Env, tell: Rc<dyn Fn(&str)>| async move {
        let mutex = Rc::new(Mutex::new(0));
        for number in 1..=3 {
            let (mutex, tell, other) = (mutex.clone(), tell.clone(), env.clone());
            env.spawn(async move {
                let mut held = mutex.lock().await;
                other.sleep(seconds(2)).await;
                *held += number;
                tell(&format!("{number} makes it {held}"));
            });
        }
    };
    check(body, &["2 node 1 makes it 1", "4 node 2 makes it 3", "6 node 3 makes it 6"]);
}

#[test]
fn notify_and_select_and_join() {
    let body = |env: Env, tell: Rc<dyn Fn(&str)>| async move {
        let notify = Rc::new(Notify::new());
        let waits = async {
            tokio::select! {
                biased;
                () = notify.notified() => tell("notified"),
                () = env.sleep(seconds(9)) => tell("slept"),
            }
        };
        let tells = async {
            env.sleep(seconds(4)).await;
            notify.notify_one();
        };
        tokio::join!(waits, tells);
        tokio::select! {
            biased;
            () = notify.notified() => tell("notified"),
            () = env.sleep(seconds(9)) => tell("slept"),
        }
    };
    check(body, &["4 node notified", "13 node slept"]);
}

#[test]
fn a_thread_that_takes_part_in_a_run_ends_it_and_is_named() {
    let rig = Rig::new(|stage| {
        let env = stage.node(Role::outside("node".into()), |_| {});
        env.clone().spawn(async {
            let (sender, receiver) = oneshot::channel();
            let mut receiver = std::pin::pin!(receiver);
            // It waits already when the thread sends.
            poll_fn(|context| {
                assert!(receiver.as_mut().poll(context).is_pending());
                Poll::Ready(())
            })
            .await;
            std::thread::scope(|scope| {
                scope.spawn(|| sender.send(()).unwrap());
            });
            receiver.await.unwrap();
        });
    });
    let violations = Runner::new(rig).run(Plan::Script(&crate::rig::script(""))).violations;
    let [found] = &violations[..] else { panic!("{violations:?}") };
    assert_eq!(found.invariant, "no-panic");
    assert!(found.message.contains("woken by a thread that is not the run's"), "{}", found.message);
}
