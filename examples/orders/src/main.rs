#[tokio::main]
async fn main() -> std::io::Result<()> {
    orders::run(orders::Config::from_env()).await
}
