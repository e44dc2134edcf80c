//! Where the programs are, and as whom the server runs.

use super::SetupError;
use std::fs;
use std::path::{Path, PathBuf};

/// What a cluster is made of.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    pub(crate) initdb: PathBuf,
    pub(crate) postgres: PathBuf,
    /// libfaketime, without threads: the server has none, and its signal handlers read the clock, which the variant with a
    /// lock would not survive.
    pub(crate) faketime: PathBuf,
}

/// Names the folder of `initdb` and `postgres` instead of the search.
const FOLDER: &str = "SHAKEDOWN_POSTGRES_BIN";

/// Finds all programs and the library, or returns what to install.
pub(crate) fn programs() -> Result<Programs, SetupError> {
    let folder = folders()
        .into_iter()
        .find(|folder| folder.join("initdb").is_file() && folder.join("postgres").is_file())
        .ok_or(SetupError::Missing { what: "initdb and postgres", package: "postgresql" })?;
    let faketime = libraries()
        .into_iter()
        .find(|library| library.is_file())
        .ok_or(SetupError::Missing { what: "libfaketime.so.1", package: "libfaketime" })?;
    Ok(Programs { initdb: folder.join("initdb"), postgres: folder.join("postgres"), faketime })
}

/// Returns where the server may be: the folder that the environment names, Debian's folders (the newest version first), the search path.
fn folders() -> Vec<PathBuf> {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return vec![folder.into()];
    }
    let mut versions = entries(Path::new("/usr/lib/postgresql"));
    versions.sort_by_key(|folder| {
        let version = folder.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok());
        std::cmp::Reverse(version)
    });
    let path = std::env::var_os("PATH").unwrap_or_default();
    versions.into_iter().map(|folder| folder.join("bin")).chain(std::env::split_paths(&path)).collect()
}

fn libraries() -> Vec<PathBuf> {
    let mut folders = entries(Path::new("/usr/lib"));
    folders.extend(["/usr/lib", "/usr/lib64", "/usr/local/lib"].map(PathBuf::from));
    folders.into_iter().map(|folder| folder.join("faketime/libfaketime.so.1")).collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut entries: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    entries.sort();
    entries
}

/// An account of the system.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Account {
    pub(crate) user: u32,
    pub(crate) group: u32,
}

/// Returns the account as which the server runs: none if that is our own, since the server refuses to run as root only.
pub(crate) fn account() -> Result<Option<Account>, SetupError> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let found = ["postgres", "nobody"].into_iter().find_map(|name| account_of(&accounts, name));
    found.map(Some).ok_or(SetupError::Missing { what: "an account `postgres`", package: "postgresql-common" })
}

fn account_of(accounts: &str, name: &str) -> Option<Account> {
    let line = accounts.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2).map_while(|field| field.parse().ok());
    Some(Account { user: fields.next()?, group: fields.next()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_read_from_the_list_of_accounts() {
        let accounts = "root:x:0:0::/root:/bin/sh\npostgres:x:101:104::/var/lib/postgresql:/bin/bash\n";
        assert_eq!(account_of(accounts, "postgres"), Some(Account { user: 101, group: 104 }));
        assert_eq!(account_of(accounts, "nobody"), None);
    }
}
