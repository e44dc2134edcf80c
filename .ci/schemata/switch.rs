
/// Returns whether the mutant with this number is switched on: whether the variable `SHAKEDOWN_MUTANT` is this number. Only
/// the copy that `.ci/mutants` builds has this.
pub fn mutant(number: u32) -> bool {
    static ON: std::sync::OnceLock<u32> = std::sync::OnceLock::new();
    let read = || std::env::var("SHAKEDOWN_MUTANT").ok().and_then(|number| number.parse().ok());
    *ON.get_or_init(|| read().unwrap_or(0)) == number
}
