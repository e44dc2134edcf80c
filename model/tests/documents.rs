//! The renderer and the document store behave as their module documentation says.

use shakedown_model::Fact;
use shakedown_model::outside::documents::Documents;
use shakedown_model::visit::connector::{Document, DocumentApi};
use shakedown_sim::*;
use std::cell::RefCell;
use std::rc::Rc;

/// A request of a client.
#[derive(Clone, Copy)]
enum Ask {
    Render,
    Upload,
    Complete(u32),
    /// No request for this many hours.
    Wait(u64),
}
use Ask::{Complete, Render, Upload, Wait};

type Lines = Rc<RefCell<Vec<String>>>;

/// A client that sends one request after the other; the responses and the content of the store are recorded.
struct Shelf {
    asks: Vec<Ask>,
    lines: Lines,
}

/// Violates nothing, records the content of the store as lines.
struct Keeper(Lines);

impl Invariant<Fact> for Keeper {
    fn name(&self) -> &'static str {
        "keeper"
    }
    fn about(&self) -> &'static str {
        "nothing"
    }
    fn reset(&mut self) {
        self.0.borrow_mut().clear();
    }
    fn observe(&mut self, _: &At<'_>, fact: &Fact, _: &mut Findings) {
        if let Fact::Documents(_) = fact {
            self.0.borrow_mut().push(shakedown_sim::Fact::sentence(fact));
        }
    }
}

const TIMEOUT: Duration = Duration::from_secs(10);
const DOCUMENT: Document = Document { visit: 1, revision: 2 };

impl Scenario for Shelf {
    type Fact = Fact;
    fn name(&self) -> &str {
        "shelf"
    }
    fn horizon(&self, _: &Variant) -> Horizon {
        Horizon { heal: Duration::from_secs(48 * 3_600), settle: Duration::from_secs(48 * 3_600) }
    }
    fn build(&self, stage: &Stage<Fact>) {
        let link = Link::new("link", Duration::from_millis(20), &LinkFaults::NONE);
        let operations = DocumentApi::over(&link, &link);
        let (documents, served) = (Documents::new(stage.facts()), operations.clone());
        stage.node(Role::outside("outside".into()), move |env| {
            documents.boot_renderer(&env, &served);
            documents.boot_store(&env, &served);
        });
        let client = stage.node(Role::outside("client".into()), |_| {});
        let (asks, lines) = (self.asks.clone(), self.lines.clone());
        client.clone().spawn(async move {
            for ask in asks {
                let env = client.child("ask");
                let answer = match ask {
                    Render => format!("{:?}", env.call(&operations.render, DOCUMENT, TIMEOUT).await),
                    Upload => format!("{:?}", env.call(&operations.upload, DOCUMENT, TIMEOUT).await),
                    Complete(upload) => {
                        format!("{:?}", env.call(&operations.complete, upload, TIMEOUT).await)
                    }
                    Wait(hours) => {
                        env.sleep(Duration::from_secs(3_600 * hours)).await;
                        continue;
                    }
                };
                lines.borrow_mut().push(answer);
            }
        });
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<Fact>>> {
        vec![Box::new(Keeper(self.lines.clone()))]
    }
}

/// Checks the responses and the content of the store for these requests and deviations, in this order.
fn check(asks: &[Ask], deviations: &str, expected: &[&str]) {
    let lines = Lines::default();
    let mut runner = Runner::new(Shelf { asks: asks.to_vec(), lines: lines.clone() });
    let script: Script = format!("scenario shelf\n{deviations}").parse().expect("a script");
    let outcome = runner.run(Plan::Script(&script));
    assert_eq!((outcome.unapplied, outcome.violations), (vec![], vec![]), "{deviations}");
    assert_eq!(*lines.borrow(), expected, "{deviations}");
}

const PARTS: &str = "has the parts of the PDF of V1, revision 2";
const KEPT: &str = "stores the PDF of V1, revision 2";
const DROPPED: &str = "drops a half-written PDF of V1, revision 2";
const BROKEN: &str = "Ok(ServerError)";
const GONE: &str = "Ok(NoSuchUpload)";

#[test]
fn a_document_can_be_seen_whole_once_its_upload_is_ended_and_not_before() {
    let made = "Ok(Pdf(Document { visit: 1, revision: 2 }))";
    check(&[Render, Upload], "", &[made, PARTS, "Ok(Upload(1))", DROPPED]);
    check(&[Upload, Complete(1)], "", &[PARTS, "Ok(Upload(1))", KEPT, "Ok(Upload(1))"]);
}

#[test]
fn a_renderer_that_breaks_brings_nothing() {
    check(&[Render], "renderer.render/outcome @ ask-1 = 5xx", &[BROKEN]);
}

#[test]
fn an_upload_that_breaks_off_leaves_nothing_that_could_be_ended() {
    check(
        &[Upload, Complete(1)],
        "documents.upload/outcome @ ask-1 = 5xx half-way",
        &[DROPPED, BROKEN, GONE],
    );
}

#[test]
fn an_incomplete_upload_is_dropped_after_a_day() {
    check(&[Upload, Wait(25), Complete(1)], "", &[PARTS, "Ok(Upload(1))", DROPPED, GONE]);
}

#[test]
fn ending_an_upload_may_break_on_either_side_of_its_effect_and_takes_effect_once() {
    let ends = [PARTS, "Ok(Upload(1))"];
    let asks = [Upload, Complete(1), Complete(1)];
    let before = [&ends[..], &[BROKEN, KEPT, "Ok(Upload(1))"]].concat();
    check(&asks, "documents.complete/outcome @ ask-2 = 5xx before", &before);
    let after = [&ends[..], &[KEPT, BROKEN, GONE]].concat();
    check(&asks, "documents.complete/outcome @ ask-2 = 5xx after", &after);
}
