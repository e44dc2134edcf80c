//! The command line over the rehearsal: `cargo shakedown run -p rehearsal -- --help`.

#[cfg(shakedown)]
fn main() -> std::process::ExitCode {
    shakedown::cli::main(rehearsal::catalogue())
}

#[cfg(not(shakedown))]
fn main() {
    eprintln!("this is a rehearsal: run it with `cargo shakedown run -p rehearsal -- explore`");
}
