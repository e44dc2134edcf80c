//! The clinics' importer behaves as its module documentation says.

use shakedown_model::Fact;
use shakedown_model::backbone::Reply;
use shakedown_model::facts::Code;
use shakedown_model::outside::edge::VisitEdge;
use shakedown_model::outside::importer;
use shakedown_model::visit::api::Verdict;
use shakedown_model::visit::rows::Action;
use shakedown_sim::*;
use std::cell::RefCell;
use std::rc::Rc;

type Rows = Rc<RefCell<Vec<(u64, Action, u64)>>>;

/// A clinic that announces a visit and cancels it, and an edge that returns one response after the other and repeats
/// the last one; the seconds, contents and keys of the incoming rows are recorded.
struct Clinic {
    answers: Vec<Reply<Verdict>>,
    rows: Rows,
}

impl Scenario for Clinic {
    type Fact = Fact;
    fn name(&self) -> &str {
        "clinic"
    }
    fn horizon(&self, _: &Variant) -> Horizon {
        Horizon { heal: Duration::from_secs(8 * 3_600), settle: Duration::from_secs(8 * 3_600) }
    }
    fn build(&self, stage: &Stage<Fact>) {
        let link = Link::new("link", Duration::ZERO, &LinkFaults::NONE);
        let edge = VisitEdge::over(&link, &link, &link);
        let (served, rows) = (edge.clone(), self.rows.clone());
        rows.borrow_mut().clear();
        let answers = Rc::new(RefCell::new(self.answers.clone()));
        stage.node(Role::outside("edge".into()), move |env| {
            let (rows, answers) = (rows.clone(), answers.clone());
            served.import.serve(&env, move |env, row| {
                rows.borrow_mut().push((env.now().nanos() / 1_000_000_000, row.says, row.key));
                let mut answers = answers.borrow_mut();
                let answer = if answers.len() > 1 { answers.remove(0) } else { answers[0] };
                async move { answer }
            });
        });
        let clinic = stage.node(Role::outside("importer".into()), |_| {});
        let clinic = clinic.within(stage.entity("visit"));
        for row in [(1, Action::Schedule), (2, Action::Cancel)] {
            clinic.spawn(importer::send(clinic.clone(), edge.clone(), 1, row));
        }
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<Fact>>> {
        Vec::new()
    }
}

const TAKEN: Reply<Verdict> = Reply { code: Code::Accepted, body: Some(Verdict::Taken) };

/// Returns the incoming rows for these responses and deviations.
fn rows(answers: &[Reply<Verdict>], deviations: &str) -> Vec<(u64, Action, u64)> {
    let rows = Rows::default();
    let mut runner = Runner::new(Clinic { answers: answers.to_vec(), rows: rows.clone() });
    let script: Script = format!("scenario clinic\n{deviations}").parse().expect("a script");
    let outcome = runner.run(Plan::Script(&script));
    assert_eq!(outcome.unapplied, [], "{deviations}");
    rows.borrow().clone()
}

/// Returns the times of incoming rows with this content, in seconds.
fn seconds(rows: &[(u64, Action, u64)], says: Action) -> Vec<u64> {
    rows.iter().filter(|row| row.1 == says).map(|row| row.0).collect()
}

#[test]
fn a_row_that_is_taken_or_refused_is_sent_once() {
    let refused = Reply { code: Code::Rejected, body: Some(Verdict::Refused) };
    for answer in [TAKEN, refused] {
        let rows = rows(&[answer], "");
        assert_eq!(
            rows.iter().map(|row| (row.0, row.1)).collect::<Vec<_>>(),
            [(0, Action::Schedule), (0, Action::Cancel)]
        );
        assert_ne!(rows[0].2, rows[1].2, "each row has its own key");
    }
}

#[test]
fn a_row_that_is_not_taken_is_sent_again_under_its_key() {
    let not_known = Reply { code: Code::Rejected, body: Some(Verdict::NotKnown) };
    for answer in [not_known, Reply { code: Code::Unavailable, body: None }] {
        let rows = rows(&[TAKEN, answer, answer, answer, TAKEN], "");
        assert_eq!(seconds(&rows, Action::Cancel), [0, 10, 70, 670]);
        assert!(rows[1..].iter().all(|row| row.2 == rows[1].2));
    }
}

#[test]
fn a_row_may_come_late_so_that_a_later_one_overtakes_it() {
    let rows = rows(&[TAKEN], "importer/delay @ visit-1/row-1 = 20 min");
    assert_eq!((seconds(&rows, Action::Schedule), seconds(&rows, Action::Cancel)), (vec![1_200], vec![0]));
}

#[test]
fn a_row_may_come_twice_under_its_key() {
    let rows = rows(&[TAKEN], "importer/copies @ visit-1/row-1 = twice");
    assert_eq!(seconds(&rows, Action::Schedule), [0, 1_800]);
    assert_eq!(rows[0].2, rows[2].2);
}
