//! A scenario of this crate's tests: a node tosses coins, and no invariant judges them.

use shakedown_sim::{Alternatives, Fact, Invariant, Parameter, Role, Scenario, Site, Stage};

/// How many coins the node tosses, each a choice.
pub(crate) enum Draws {
    /// This many.
    Fixed(u32),
    /// As many as the variant of the run says: 4 to 7, or twice as many.
    OfVariant,
}

/// A fact that nothing states.
#[derive(serde::Serialize)]
pub(crate) struct Nothing;

impl Fact for Nothing {
    fn sentence(&self) -> String {
        String::new()
    }
}

const COINS: &[Parameter] = &[
    Parameter { name: "coins", about: "the number of coins", values: &["4", "5", "6", "7"], small: &["4"] },
    Parameter { name: "twice", about: "two tosses of each", values: &["no", "yes"], small: &["no"] },
];

impl Draws {
    fn tosses(&self, stage: &Stage<Nothing>) -> u32 {
        let Self::Fixed(tosses) = self else {
            let value = |name: &str| stage.variant().get(name).unwrap_or_default().to_owned();
            let coins: u32 = value("coins").parse().unwrap_or_default();
            return if value("twice") == "yes" { 2 * coins } else { coins };
        };
        *tosses
    }
}

impl Scenario for Draws {
    type Fact = Nothing;
    fn name(&self) -> &str {
        "draws"
    }
    fn parameters(&self) -> &[Parameter] {
        if matches!(self, Self::OfVariant) { COINS } else { &[] }
    }
    fn build(&self, stage: &Stage<Nothing>) {
        let (node, tosses) = (stage.node(Role::outside("node".into()), |_| {}), self.tosses(stage));
        node.clone().spawn(async move {
            for _ in 0..tosses {
                node.choose(Site::new("node".into(), "coin".into()), &Alternatives::new(&["heads", "tails"]));
            }
        });
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<Nothing>>> {
        Vec::new()
    }
}
