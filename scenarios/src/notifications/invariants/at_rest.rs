//! Invariants that only ask how things stand in the end.

use super::super::post::Post;
use shakedown_model::Fact;
use shakedown_sim::{At, Findings, Invariant, Moment};

/// A question about the post once the run has healed and come to rest.
pub(super) struct AtRest {
    name: &'static str,
    about: &'static str,
    judge: fn(&Post, &mut Findings),
    post: Post,
}

impl AtRest {
    /// The invariant `name`, which verifies what `about` says by asking `judge`.
    pub(super) fn asking(
        name: &'static str,
        about: &'static str,
        judge: fn(&Post, &mut Findings),
    ) -> Box<dyn Invariant<Fact>> {
        Box::new(Self { name, about, judge, post: Post::default() })
    }
}

impl Invariant<Fact> for AtRest {
    fn name(&self) -> &'static str {
        self.name
    }
    fn about(&self) -> &'static str {
        self.about
    }
    fn reset(&mut self) {
        self.post.reset();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, _: &mut Findings) {
        self.post.observe(at, fact);
    }
    fn at_rest(&mut self, _: Moment, findings: &mut Findings) {
        (self.judge)(&self.post, findings);
    }
}
