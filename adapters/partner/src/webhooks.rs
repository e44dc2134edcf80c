//! [`serve`]: the partner at a node of `shakedown-http`, which posts its webhooks to a URL.

use crate::routes::router;
use crate::wire::Webhook;
use http::Request;
use shakedown_http::{Body, Client, Web};
use shakedown_model::PartnerTerms;
use shakedown_model::facts::PartnerFact;
use shakedown_sim::{Duration, Env};

/// The time that the partner waits for the response to a webhook.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Serves a partner at the node of `env`. It posts its webhooks to `url`, such as `http://shop/webhooks`. `state` states its facts.
///
/// ```
/// use shakedown_http::{HttpFaults, Link, Web};
/// use shakedown_partner::{PartnerFact, PartnerTerms};
/// use shakedown_sim::{Role, Stage};
/// fn build(stage: &Stage<PartnerFact>) {
///     let web = Web::on(stage);
///     web.link("partner", Link { faults: &HttpFaults::EXTERNAL, ..Link::default() });
///     let facts = stage.facts().clone();
///     stage.node(Role::outside("partner".into()), move |env| {
///         let facts = facts.clone();
///         let state = move |env: &_, fact| facts.state(env, &fact);
///         shakedown_partner::serve(&env, &web, PartnerTerms::KEYS, state, "http://shop/webhooks");
///     });
/// }
/// # let _ = build;
/// ```
///
/// # Panics
/// If `url` is not a URL.
pub fn serve(
    env: &Env,
    web: &Web,
    terms: PartnerTerms,
    state: impl Fn(&Env, PartnerFact) + 'static,
    url: &'static str,
) {
    assert!(url.parse::<http::Uri>().is_ok_and(|url| url.host().is_some()), "`{url}` is not a URL");
    web.serve(env, router(env, terms, state, move |webhook| post(url, webhook)));
}

/// Posts a webhook. Returns whether the customer accepts it.
async fn post(url: &str, webhook: Webhook) -> bool {
    let body = serde_json::to_vec(&webhook).expect("a webhook is JSON");
    let request = Request::post(url).header("content-type", "application/json").body(Body::from(body));
    let sent = Client::new().with_timeout(TIMEOUT).send(request.expect("the URL is valid")).await;
    sent.is_ok_and(|response| response.status().is_success())
}
