//! Rules of the map in ARCHITECTURE.md, as tests: the dependencies between members, and the sizes of files and
//! functions.

mod arrows;
mod imports;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const MEMBERS: [(&str, &[&str]); 6] = [
    ("sim/database", &[]),
    ("sim", &["database"]),
    ("model", &["sim"]),
    ("reports", &["sim"]),
    ("harness", &["sim", "reports"]),
    ("scenarios", &["sim", "model", "reports", "harness"]),
];

/// Returns the member that is the package of this name: `shakedown-sim` is `sim`, `shakedown` itself is the harness.
fn member_of(package: &str) -> Option<&str> {
    if package == "shakedown" { Some("harness") } else { package.strip_prefix("shakedown-") }
}

/// The greatest number of lines of a file.
const LINES_MAX: usize = 600;
/// The greatest number of lines of a function.
const FUNCTION_LINES_MAX: usize = 90;
/// Files that are longer nevertheless. The list only shrinks.
const LONG_FILES: &[&str] = &[];
/// Functions that are longer nevertheless, as `FILE NAME`. The list only shrinks.
const LONG_FUNCTIONS: &[&str] = &[];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a member of the workspace").to_owned()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns every file below a directory with this ending, by its path from the root.
fn below(directory: &str, ending: &str) -> BTreeMap<String, String> {
    fn walk(directory: &Path, ending: &str, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("readable").path();
            match path.is_dir() {
                true => walk(&path, ending, found),
                false if path.to_string_lossy().ends_with(ending) => found.push(path),
                false => {}
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join(directory), ending, &mut found);
    let name =
        |path: &PathBuf| path.strip_prefix(root()).expect("below the root").to_string_lossy().into_owned();
    found.iter().map(|path| (name(path), read(path))).collect()
}

/// Returns every file below a member with this ending, by its path from the root.
fn files(ending: &str) -> BTreeMap<String, String> {
    MEMBERS.iter().flat_map(|(member, _)| below(member, ending)).collect()
}

#[test]
fn members_depend_only_on_allowed_members() {
    for (member, allowed) in MEMBERS {
        let manifest: toml::Table = read(&root().join(member).join("Cargo.toml")).parse().expect("TOML");
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let known = manifest.get(section).and_then(toml::Value::as_table);
            for name in known.into_iter().flat_map(toml::Table::keys) {
                if let Some(other) = member_of(name) {
                    assert!(allowed.contains(&other), "{member} must not depend on {other}");
                }
            }
        }
    }
    let workspace: toml::Table = read(&root().join("Cargo.toml")).parse().expect("TOML");
    let members: Vec<&str> = workspace["workspace"]["members"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(toml::Value::as_str)
        .collect();
    let known: Vec<&str> = MEMBERS.iter().map(|(member, _)| *member).collect();
    assert!(members.iter().all(|member| known.contains(member)), "{members:?}");
}

#[test]
fn each_crate_names_its_modules_in_reading_order() {
    for (member, _) in MEMBERS {
        let text = read(&root().join(member).join("src/lib.rs"));
        let header: String = text.lines().take_while(|line| line.starts_with("//!")).collect();
        let modules = text.lines().filter_map(|line| {
            let rest = line.strip_prefix("pub mod ").or_else(|| line.strip_prefix("mod "))?;
            rest.strip_suffix(';')
        });
        for module in modules {
            assert!(
                header.contains(&format!("`{module}`")),
                "{member}/src/lib.rs does not speak of `{module}`"
            );
        }
    }
}

/// The names that `pub use` exports outside the modules `allowed`, one line each.
fn exported_outside(text: &str, allowed: &[&str]) -> Vec<String> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in text.lines() {
        let opens = allowed.iter().any(|module| line == format!("pub mod {module} {{"));
        inside = (inside || opens) && line != "}";
        if !inside && line.trim_start().starts_with("pub use ") {
            found.push(line.to_owned());
        }
    }
    found
}

#[test]
fn a_user_reaches_each_name_by_one_path() {
    let harness = read(&root().join("harness/src/lib.rs"));
    let export =
        harness.split("pub mod sim {").nth(1).and_then(|rest| rest.split("\n}").next()).expect("it is there");
    let engine = read(&root().join("sim/src/lib.rs"));
    for module in engine.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')) {
        let listed = export.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == module);
        assert!(listed, "harness/src/lib.rs does not export the module `{module}` of the engine");
    }
    assert_eq!(exported_outside(&harness, &["sim", "reports"]), [""; 0]);
    let planted = "pub use shakedown_sim::Env;\npub mod sim {\n    pub use shakedown_sim::env;\n}\n";
    assert_eq!(exported_outside(planted, &["sim"]), ["pub use shakedown_sim::Env;"]);
}

#[test]
fn no_code_is_unsafe() {
    for (name, text) in files(".rs") {
        let unsafe_code = concat!("un", "safe ");
        assert!(!text.lines().any(|line| line.trim_start().starts_with(unsafe_code)), "{name}");
        assert!(!text.contains(&format!("= {unsafe_code}")), "{name}");
    }
    assert!(read(&root().join("Cargo.toml")).contains("unsafe_code = \"forbid\""));
    for (member, _) in MEMBERS {
        let manifest: toml::Table = read(&root().join(member).join("Cargo.toml")).parse().expect("TOML");
        assert_eq!(
            manifest["lints"]["workspace"].as_bool(),
            Some(true),
            "{member} takes the workspace's lints"
        );
    }
}

/// The compiler enforces the levels: `forbid` everywhere, and `deny` where one module expects the lint.
#[test]
fn one_module_of_the_adapters_has_unsafe_code() {
    let adapters = root().join("adapters");
    let manifest =
        |folder: &str| read(&adapters.join(folder).join("Cargo.toml")).parse::<toml::Table>().expect("TOML");
    let shared = manifest("")["workspace"]["lints"].clone();
    let entries = fs::read_dir(&adapters).expect("a directory").map(|entry| entry.expect("readable").path());
    let crates = entries.filter(|path| path.join("Cargo.toml").is_file());
    let names = crates.map(|path| path.file_name().expect("a name").to_string_lossy().into_owned());
    for name in names.chain(["tokio/macros".to_owned()]) {
        let own = manifest(&name)["lints"].clone();
        let lints = if own.get("workspace").is_some() { &shared } else { &own };
        let expected = if name == "clock" { "deny" } else { "forbid" };
        assert_eq!(lints["rust"]["unsafe_code"].as_str(), Some(expected), "adapters/{name}");
    }
    let undocumented = &manifest("clock")["lints"]["clippy"]["undocumented_unsafe_blocks"];
    assert_eq!(undocumented.as_str(), Some("deny"));
    let exceptions = ["fresh", "lib", "simulated", "system"]
        .map(|module| read(&adapters.join(format!("clock/src/{module}.rs"))).matches("(unsafe_code").count());
    assert_eq!(exceptions, [0, 1, 0, 0]);
}

#[test]
fn files_are_named_for_what_they_hold() {
    for (name, _) in files(".rs") {
        let parts: Vec<&str> = name.trim_end_matches(".rs").split('/').collect();
        for vague in ["util", "utils", "common", "helper", "helpers", "misc", "imp"] {
            assert!(!parts.contains(&vague), "{name}");
        }
    }
}

#[test]
fn files_and_functions_are_short() {
    for (name, text) in files(".rs") {
        let is_long = text.lines().count() > LINES_MAX;
        assert_eq!(is_long, LONG_FILES.contains(&name.as_str()), "{name}: {} lines", text.lines().count());
        for (function, lines) in functions(&text) {
            let key = format!("{name} {function}");
            let is_long = lines > FUNCTION_LINES_MAX;
            assert_eq!(is_long, LONG_FUNCTIONS.contains(&key.as_str()), "{key}: {lines} lines");
        }
    }
}

/// Returns the functions of formatted code, with their lengths: from `fn` to the brace at the same indent.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let (Some(from), false) = (code.find("fn "), code.starts_with("//") || code.ends_with(';')) else {
            continue;
        };
        let before = &code[..from];
        if !before.chars().all(|character| character.is_ascii_lowercase() || " ()".contains(character)) {
            continue;
        }
        let name: String = code[from + 3..]
            .chars()
            .take_while(|character| character.is_alphanumeric() || *character == '_')
            .collect();
        let indent = line.len() - code.len();
        let end = format!("{}}}", " ".repeat(indent));
        let length = lines[at..].iter().position(|other| *other == end).unwrap_or(0);
        found.push((name, length + 1));
    }
    found
}

#[test]
fn the_map_is_short() {
    let words = read(&root().join("ARCHITECTURE.md")).split_whitespace().count();
    assert!(words <= 1_200, "ARCHITECTURE.md has {words} words");
}

/// Documents that name paths, beside the book.
const DOCUMENTS: &[&str] = &[
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "adapters/README.md",
    "deploy/README.md",
];
/// Directories outside the workspace that documents name.
const OTHER_DIRECTORIES: &[&str] =
    &[".ci/", "adapters/", "benchmarks/", "deploy/", "docs/", "examples/", "template/", "template-axum/"];

/// Returns the paths from the root that a document names in backticks or links.
fn paths_named(text: &str) -> Vec<&str> {
    let quoted = text.split('`').skip(1).step_by(2);
    let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let members = MEMBERS.map(|(member, _)| format!("{member}/"));
    let directories: Vec<&str> =
        members.iter().map(String::as_str).chain(OTHER_DIRECTORIES.iter().copied()).collect();
    let is_plain = |path: &str| path.chars().all(|one| one.is_alphanumeric() || "/._-".contains(one));
    let is_inside = |path: &str| directories.iter().any(|directory| path.starts_with(directory));
    quoted.chain(links).filter(|path| is_inside(path) && is_plain(path)).collect()
}

#[test]
fn paths_in_the_documents_exist() {
    let book = below("docs/src", ".md");
    let documents = DOCUMENTS.iter().map(|path| ((*path).to_owned(), read(&root().join(path)))).chain(book);
    for (document, text) in documents {
        for path in paths_named(&text) {
            assert!(root().join(path).exists(), "{document} names `{path}`");
        }
    }
    assert_eq!(
        paths_named("see `sim/gone.rs`, [it](docs/gone.md), `sim/*` and `cargo`"),
        ["sim/gone.rs", "docs/gone.md"]
    );
}

#[test]
fn a_guardrail_is_named_by_its_own_module_and_the_table_of_its_part_alone() {
    let guardrails = shakedown_model::GUARDRAILS;
    assert!(!guardrails.is_empty());
    let sources = files(".rs");
    for guardrail in guardrails {
        let module = guardrail.name.replace('-', "_");
        let is_own =
            |name: &&String| name.starts_with("model/src/") && name.ends_with(&format!("/{module}.rs"));
        let own: Vec<&String> = sources.keys().filter(is_own).collect();
        let [own] = own.as_slice() else { panic!("{module} is one module: {own:?}") };
        let table = own.replace(&format!("/{module}.rs"), "/mod.rs");
        assert!(sources[&table].contains(&format!("{module}: ")), "{table} has a row for {module}");
        for (name, text) in &sources {
            if name == *own || *name == table || name.contains("/tests/") {
                continue;
            }
            let quoted = format!("\"{}\"", guardrail.name);
            let used = format!("{module}::");
            for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
                assert!(
                    !line.contains(&quoted) && !line.contains(&used),
                    "{name} names {}: {line}",
                    guardrail.name
                );
            }
        }
    }
}
