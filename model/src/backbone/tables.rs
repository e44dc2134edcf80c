//! Tables that state their commits as facts. A part of the platform states facts of its own type; they are converted
//! into the fact type of the assembled world.

use shakedown_sim::{Change, Env, Fact, Facts, Row, Signal, Table};
use std::rc::Rc;

/// Returns a table that states one fact for each committed row. `fact` creates it from the row before and after.
pub(crate) fn stating<R: Row, T, F: Fact + From<T> + 'static>(
    facts: &Facts<F>,
    fact: impl Fn(Option<R>, R) -> T + 'static,
) -> Table<R> {
    raising(facts, &Signal::new(), fact)
}

/// Returns a table that states one fact for each committed row, and raises `news` at each commit.
pub(crate) fn raising<R: Row, T, F: Fact + From<T> + 'static>(
    facts: &Facts<F>,
    news: &Signal,
    fact: impl Fn(Option<R>, R) -> T + 'static,
) -> Table<R> {
    let (facts, news) = (facts.clone(), news.clone());
    Table::new(move |env: &Env, change: &Change<R>| {
        if let Some(after) = change.after.clone() {
            facts.state(env, &F::from(fact(change.before.clone(), after)));
        }
        news.raise(env);
    })
}

/// States facts of type `T`.
pub(crate) type Statement<T> = Rc<dyn Fn(&Env, T)>;

/// Returns a function that states facts of type `T` among these facts, for a part that keeps it.
pub(crate) fn statement<T: 'static, F: Fact + From<T> + 'static>(facts: &Facts<F>) -> Statement<T> {
    let facts = facts.clone();
    Rc::new(move |env, fact| facts.state(env, &F::from(fact)))
}
