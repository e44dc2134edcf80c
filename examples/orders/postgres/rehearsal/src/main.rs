//! The command line over the rehearsal: `cargo shakedown run -p orders-postgres-rehearsal -- explore`.

#[cfg(shakedown)]
fn main() -> std::process::ExitCode {
    shakedown::cli::main(orders_postgres_rehearsal::catalogue())
}

#[cfg(not(shakedown))]
fn main() {
    eprintln!(
        "this is a rehearsal: run it with `cargo shakedown run -p orders-postgres-rehearsal -- explore`"
    );
}
