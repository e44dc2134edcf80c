
/// Returns whether the planted bug with this name is switched on: whether target/planted/on names it. Only the copy that
/// `.ci/planted` builds has this.
pub fn planted(name: &str) -> bool {
    static ON: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    let read = || std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../on"));
    ON.get_or_init(|| read().unwrap_or_default()).trim() == name
}
