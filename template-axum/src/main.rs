#[tokio::main]
async fn main() -> std::io::Result<()> {
    till_service::run(till_service::Config::from_env()).await
}
