//! The command line over this project's catalogue: `cargo run -- --help`.

fn main() -> std::process::ExitCode {
    shakedown::cli::main(till::catalogue())
}
