//! A tree of symbolic links that mirrors the workspace and its surroundings, so that relative paths stay valid.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Component, Path, PathBuf};

/// What is not linked: the lock file is copied, and builds have a folder of their own.
const LOCK: &str = "Cargo.lock";

/// The extension of the file beside the tree that says for which workspace it was made.
const OWNER: &str = "owner";

/// Makes the tree at `tree` and returns the path in it that mirrors the workspace at `root`. Each folder on the way there is a
/// folder of links to what lies beside the way.
pub(crate) fn link(root: &Path, tree: &Path, target: &Path) -> Result<PathBuf, String> {
    let said = |error: io::Error| format!("cannot link the workspace below {}: {error}", tree.display());
    // Workspaces that share a target directory share the tree, so that Cargo finds what they have in common built.
    let owner = tree.with_extension(OWNER);
    if tree.is_dir() {
        if let Ok(former) = fs::read_to_string(&owner).map(PathBuf::from)
            && below(tree, &former).is_dir()
        {
            collect(&below(tree, &former), &former)?;
        }
        fs::remove_dir_all(tree).map_err(said)?;
    }
    fs::create_dir_all(tree).map_err(said)?;
    fs::write(&owner, root.display().to_string()).map_err(said)?;
    let place = below(tree, root);
    let mut real = PathBuf::from("/");
    for part in root.components().filter(|part| matches!(part, Component::Normal(_))) {
        link_entries(&real, &below(tree, &real), &[&real.join(part)]).map_err(said)?;
        real.push(part);
    }
    link_entries(root, &place, &[target, &root.join(LOCK)]).map_err(said)?;
    if root.join(LOCK).is_file() {
        fs::copy(root.join(LOCK), place.join(LOCK)).map_err(said)?;
    }
    Ok(place)
}

/// Returns the path in the tree that mirrors `path`.
fn below(tree: &Path, path: &Path) -> PathBuf {
    tree.join(path.strip_prefix("/").unwrap_or(path))
}

/// Fills the folder `into` with links to all entries of `from` save those of `without`.
fn link_entries(from: &Path, into: &Path, without: &[&Path]) -> io::Result<()> {
    fs::create_dir_all(into)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        if !without.contains(&path.as_path())
            && let Some(name) = path.file_name()
        {
            symlink(&path, into.join(name))?;
        }
    }
    Ok(())
}

/// Moves what tests have written at the top of the tree (regressions, snapshots) to the workspace.
pub(crate) fn collect(place: &Path, root: &Path) -> Result<(), String> {
    let said =
        |error: io::Error| format!("cannot collect what was written below {}: {error}", place.display());
    for entry in fs::read_dir(place).map_err(said)? {
        let path = entry.map_err(said)?.path();
        let Some(name) = path.file_name() else { continue };
        let is_new = !path.is_symlink() && name != LOCK && !root.join(name).exists();
        if is_new {
            fs::rename(&path, root.join(name)).map_err(said)?;
        }
    }
    Ok(())
}

/// Takes a package out of the copied lock file: a locked version would win over its patch.
pub(crate) fn unlock(place: &Path, package: &str) -> Result<(), String> {
    let path = place.join(LOCK);
    let said = |error: io::Error| format!("{}: {error}", path.display());
    let text = fs::read_to_string(&path).map_err(said)?;
    fs::write(&path, without_package(&text, package)).map_err(said)
}

fn without_package(lock: &str, package: &str) -> String {
    let name = format!("\nname = \"{package}\"\n");
    let blocks =
        lock.split("\n\n").filter(|block| !(block.starts_with("[[package]]") && block.contains(&name)));
    blocks.collect::<Vec<_>>().join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_file_is_left_as_it_is_but_for_one_package() {
        let block = |name: &str| format!("[[package]]\nname = \"{name}\"\nversion = \"1.0.0\"");
        let lock = |names: &[&str]| {
            let blocks: Vec<_> = names.iter().map(|name| block(name)).collect();
            format!("version = 4\n\n{}\n", blocks.join("\n\n"))
        };
        assert_eq!(
            without_package(&lock(&["axum", "tokio", "tokio-util"]), "tokio"),
            lock(&["axum", "tokio-util"])
        );
    }

    #[test]
    fn the_tree_leads_where_the_workspace_led_and_holds_the_lock_file_apart() {
        let folder = tempfile::tempdir().expect("a folder");
        let (root, beside) = (folder.path().join("shop"), folder.path().join("beside"));
        for path in [&root.join("src"), &root.join("target"), &beside] {
            fs::create_dir_all(path).expect("a folder");
        }
        fs::write(root.join(LOCK), "kept").expect("a file");
        fs::write(beside.join("file"), "near").expect("a file");
        let target = root.join("target");
        let place = link(&root, &target.join("tree"), &target).expect("a tree");
        assert_eq!(fs::read_to_string(place.join("../beside/file")).expect("a file"), "near");
        fs::write(place.join(LOCK), "changed").expect("a file");
        fs::create_dir(place.join("regressions")).expect("a folder");
        // As after a run that was killed: the next one collects.
        let again = link(&root, &target.join("tree"), &target).expect("a tree");
        assert_eq!(fs::read_to_string(root.join(LOCK)).expect("a file"), "kept");
        assert_eq!(fs::read_to_string(again.join(LOCK)).expect("a file"), "kept");
        assert!(root.join("regressions").is_dir() && !place.join("target").exists());
        // Another workspace with the same target directory: what the first one's run left is the first one's.
        fs::create_dir(again.join("snapshots")).expect("a folder");
        let other = folder.path().join("other");
        fs::create_dir_all(&other).expect("a folder");
        link(&other, &target.join("tree"), &target).expect("a tree");
        assert!(root.join("snapshots").is_dir() && !other.join("snapshots").exists());
    }
}
