//! The store, the partner and the mail provider, to run the service for real.

use orders::outside::{self, Event};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let print = |event: Event| println!("{event:?}");
    tokio::try_join!(
        outside::serve(outside::store(), "127.0.0.1:8081"),
        outside::serve(outside::partner(print), "127.0.0.1:8082"),
        outside::serve(outside::mail(print), "127.0.0.1:8083"),
    )
    .map(drop)
}
