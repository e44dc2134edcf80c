//! The two crates that replace tokio: a renamed copy of the real one, and the adapter on top of it.

use crate::graph::{Graph, Package};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Writes both below `own` and returns the folder of the adapter.
pub(crate) fn write(graph: &Graph, own: &Path) -> Result<PathBuf, String> {
    let tokio = graph
        .package("tokio")
        .ok_or("the workspace does not use tokio 1.x, so there is nothing to replace")?;
    if tokio.source.as_deref().is_none_or(|source| !source.starts_with("registry+")) {
        return Err("tokio is not taken from a registry; only a registry's tokio can be replaced".to_owned());
    }
    let net = graph.package("shakedown-net").ok_or(
        "the workspace does not depend on `shakedown-net`, with which rehearsals describe their network: add it under [dev-dependencies]",
    )?;
    let said = |error: io::Error| format!("cannot write below {}: {error}", own.display());
    let real = own.join(format!("real-tokio-{}", tokio.version));
    if !real.is_dir() {
        rename_copy(&tokio.folder, &real).map_err(said)?;
    }
    let sources = net.folder.parent().unwrap_or(Path::new(".")).join("tokio");
    let adapter = own.join("tokio");
    fs::create_dir_all(&adapter).map_err(said)?;
    let manifest = manifest(graph, &sources, &real)?;
    let path = adapter.join("Cargo.toml");
    if fs::read_to_string(&path).unwrap_or_default() != manifest {
        fs::write(&path, manifest).map_err(said)?;
    }
    Ok(adapter)
}

/// Copies a package under the name `real-tokio`. It appears as a whole or not at all.
fn rename_copy(from: &Path, to: &Path) -> io::Result<()> {
    let unfinished = to.with_extension(format!("unfinished-{}", std::process::id()));
    copy(from, &unfinished)?;
    let path = unfinished.join("Cargo.toml");
    let manifest = fs::read_to_string(&path)?.replacen("name = \"tokio\"", "name = \"real-tokio\"", 1);
    fs::write(path, manifest)?;
    fs::rename(&unfinished, to)
}

/// Copies what a build needs; tests and benches stay away.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()))?;
        } else {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

/// Returns the adapter's manifest with the paths of this workspace: its own sources, the renamed copy, and the very packages that the
/// workspace's rehearsals use.
fn manifest(graph: &Graph, sources: &Path, real: &Path) -> Result<String, String> {
    let template = sources.join("Cargo.toml");
    let text = fs::read_to_string(&template).map_err(|error| format!("{}: {error}", template.display()))?;
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        let name = line.split([' ', '=']).next().unwrap_or_default();
        lines.push(match name {
            "real" => line.replacen("../target/real-tokio", &real.display().to_string(), 1),
            "tokio-shakedown-macros" => line.replacen("\"macros\"", &quoted(&sources.join("macros")), 1),
            "shakedown-clock" | "shakedown-net" | "shakedown-sim" => {
                format!("{name} = {}", requirement(graph, name, sources))
            }
            _ => line.to_owned(),
        });
    }
    lines.push(format!("\n[lib]\npath = {}\n", quoted(&sources.join("src/lib.rs"))));
    Ok(lines.join("\n"))
}

/// Returns how to depend on the same package that the workspace uses, or else on the one beside the adapter.
fn requirement(graph: &Graph, name: &str, sources: &Path) -> String {
    let beside = || {
        let folder = sources.parent().unwrap_or(Path::new(".")).join(name.trim_start_matches("shakedown-"));
        format!("{{ path = {} }}", quoted(&folder))
    };
    match graph.package(name) {
        None => beside(),
        Some(Package { source: None, folder, .. }) => format!("{{ path = {} }}", quoted(&folder)),
        Some(Package { source: Some(source), version, .. }) => match source.strip_prefix("git+") {
            Some(git) => format!("{{ {} }}", git_requirement(git)),
            None => format!("\"={version}\""),
        },
    }
}

/// Reads `https://host/repository?branch=main#commit`.
fn git_requirement(source: &str) -> String {
    let source = source.split('#').next().unwrap_or_default();
    let (url, query) = source.split_once('?').unwrap_or((source, ""));
    let reference =
        query.split_once('=').map(|(kind, name)| format!(", {kind} = {name:?}")).unwrap_or_default();
    format!("git = {url:?}{reference}")
}

fn quoted(path: &Path) -> String {
    format!("{:?}", path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::git_requirement;

    #[test]
    fn a_git_source_is_asked_for_as_the_workspace_does() {
        assert_eq!(
            git_requirement("https://host/shakedown?branch=main#0123abc"),
            "git = \"https://host/shakedown\", branch = \"main\""
        );
        assert_eq!(git_requirement("https://host/shakedown#0123abc"), "git = \"https://host/shakedown\"");
    }
}
