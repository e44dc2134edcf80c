//! The `shakedown` binary.

fn main() -> std::process::ExitCode {
    shakedown::cli::main(shakedown_scenarios::catalogue::catalogue())
}
