//! The `shakedown` binary.

fn main() -> std::process::ExitCode {
    shakedown_scenarios::cli::main()
}
