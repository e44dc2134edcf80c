//! Files that are written completely or not at all: the text goes to a new file in the same directory, which is synced
//! and then renamed. A crash, a full disk or a second writer leaves the old file or the new one, never a mixture.

use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Writes a file.
///
/// # Errors
/// If `path` is not a regular file (a directory, a device, a pipe), or if the disk fails.
pub(crate) fn write(path: &Path, text: &str) -> io::Result<()> {
    let target = resolved(path)?;
    let mut file = temporary_file(&target)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(&target).map_err(|error| error.error)?;
    Ok(())
}

/// Checks that [`write`] can write this file, without changing it.
///
/// # Errors
/// As [`write`].
pub(crate) fn check(path: &Path) -> io::Result<()> {
    temporary_file(&resolved(path)?).map(drop)
}

/// Returns the canonical path of a file: links are followed, so that the file behind a link is replaced and not the link.
/// A dangling link stands for its target, and two spellings of a file that does not exist yet give one path.
pub(crate) fn resolved(path: &Path) -> io::Result<PathBuf> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => fs::canonicalize(path),
        Ok(_) => Err(io::Error::new(ErrorKind::InvalidInput, "it is not a regular file")),
        Err(error) if error.kind() == ErrorKind::NotFound => match fs::read_link(path) {
            Ok(target) => in_its_directory(&directory_of(path).join(target)),
            Err(_) => in_its_directory(path),
        },
        Err(error) => Err(error),
    }
}

/// Returns the path with its directory resolved.
fn in_its_directory(path: &Path) -> io::Result<PathBuf> {
    Ok(fs::canonicalize(directory_of(path))?.join(path.file_name().unwrap_or_default()))
}

/// Creates a new file with a unique name in the directory of `target`.
fn temporary_file(target: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut prefix = OsString::from(".");
    prefix
        .push(target.file_name().ok_or_else(|| io::Error::new(ErrorKind::InvalidInput, "it names no file"))?);
    prefix.push(".");
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(".new");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(directory_of(target))
}

fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_is_left_beside_it() {
        let here = tempfile::tempdir().expect("a directory");
        let path = here.path().join("report");
        write(&path, "old").expect("it is written");
        write(&path, "new").expect("it is written");
        assert_eq!(fs::read_to_string(&path).expect("it is there"), "new");
        assert_eq!(fs::read_dir(here.path()).expect("it can be listed").count(), 1);
    }

    #[test]
    #[cfg(unix)]
    fn a_link_stays_and_its_target_is_replaced() {
        let here = tempfile::tempdir().expect("a directory");
        let (path, link) = (here.path().join("report"), here.path().join("link"));
        std::os::unix::fs::symlink("report", &link).expect("a link");
        write(&link, "through the link").expect("it is written");
        assert_eq!(fs::read_to_string(path).expect("it is there"), "through the link");
        assert!(fs::symlink_metadata(link).expect("it is there").is_symlink());
    }

    #[test]
    #[cfg(unix)]
    fn every_spelling_of_a_file_resolves_to_one_path() {
        let here = tempfile::tempdir().expect("a directory");
        let path = here.path().join("report");
        std::os::unix::fs::symlink("report", here.path().join("link")).expect("a link");
        for exists in [false, true] {
            if exists {
                write(&path, "text").expect("it is written");
            }
            let plain = resolved(&path).expect("its directory exists");
            for other in ["./report", "../report", "link"] {
                let spelt = match other {
                    "../report" => {
                        here.path().join("..").join(here.path().file_name().expect("a name")).join("report")
                    }
                    other => here.path().join(other),
                };
                assert_eq!(
                    resolved(&spelt).expect("its directory exists"),
                    plain,
                    "{other}, exists: {exists}"
                );
            }
        }
    }

    #[test]
    #[cfg(unix)]
    fn what_is_not_a_regular_file_is_refused() {
        let here = tempfile::tempdir().expect("a directory");
        for path in [Path::new("/dev/null"), here.path()] {
            assert!(write(path, "x").is_err(), "{}", path.display());
            assert!(check(path).is_err(), "{}", path.display());
        }
        assert!(check(&here.path().join("missing/report")).is_err());
        check(&here.path().join("report")).expect("it could be written");
        assert_eq!(fs::read_dir(here.path()).expect("it can be listed").count(), 0);
    }
}
