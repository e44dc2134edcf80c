#[tokio::main]
async fn main() -> Result<(), orders_postgres::Error> {
    orders_postgres::run(orders_postgres::Config::from_env()).await
}
