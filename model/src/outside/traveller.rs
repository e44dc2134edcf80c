//! A traveller: orders, looks at what was ordered, and arrives. Each look loads the page anew, and the page reads what
//! the API passes on in the words of its own release.

use crate::facts::{Fact, OrderFact, Screen};
use crate::outside::balancer::Balancer;
use crate::outside::host::Host;
use crate::releases::api::Answer;
use crate::releases::code::Order;
use crate::settings::BROWSER_TIMEOUT;
use shakedown_sim::{Duration, Env, Facts};

/// How often a traveller tries again what failed.
const TRIES: u32 = 6;
/// How long they wait before that.
const PAUSE: Duration = Duration::from_secs(5);

/// Travellers, in front of browsers.
#[derive(Clone)]
pub struct Travellers {
    /// Where requests go.
    pub edge: Balancer,
    /// Where pages come from.
    pub host: Host,
    /// Where it is stated what they saw.
    pub facts: Facts<Fact>,
}

impl Travellers {
    /// Orders, again and again until it is accepted. Returns whether it was.
    pub async fn order(&self, env: &Env, order: Order) -> bool {
        for _ in 0..TRIES {
            let reply = env.child("request").call(&self.edge.order, order, BROWSER_TIMEOUT).await;
            match reply {
                Ok(Answer::Done) => {
                    self.facts.state(env, &Fact::Order(OrderFact::Taken { booking: order.booking }));
                    return true;
                }
                Ok(Answer::Broken) => self.see(env, order.booking, Screen::Error),
                _ => {}
            }
            env.because(|| "it was not accepted".to_owned());
            env.sleep(PAUSE).await;
        }
        false
    }

    /// Looks at a booking.
    pub async fn look(&self, env: &Env, booking: u32) {
        for _ in 0..TRIES {
            let page = self.host.pages();
            let screen = match env.child("look").call(&self.edge.view, booking, BROWSER_TIMEOUT).await {
                Ok(Answer::Row(text)) => match page.code.documents().read_row(&text).map(|seen| seen.guest) {
                    Ok(Some(guest)) => Some(Screen::Guest(guest)),
                    Ok(None) => Some(Screen::Nobody),
                    Err(error) => {
                        env.because(|| format!("the page is of {} and cannot read it: {error}", page.code));
                        Some(Screen::Error)
                    }
                },
                Ok(Answer::Broken) => Some(Screen::Error),
                _ => None,
            };
            if let Some(screen) = screen {
                return self.see(env, booking, screen);
            }
            env.sleep(PAUSE).await;
        }
    }

    /// Arrives: says so until it is written down.
    pub async fn arrive(&self, env: &Env, booking: u32) {
        for _ in 0..TRIES {
            match env.child("arrival").call(&self.edge.arrive, booking, BROWSER_TIMEOUT).await {
                Ok(Answer::Done | Answer::Missing) => return,
                Ok(Answer::Broken) => return self.see(env, booking, Screen::Error),
                _ => env.sleep(PAUSE).await,
            }
        }
    }

    fn see(&self, env: &Env, booking: u32, screen: Screen) {
        self.facts.state(env, &Fact::Order(OrderFact::Shown { booking, screen }));
    }
}
