//! What Cargo resolved: where the packages are that the patch needs.

use crate::cargo;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The packages of the workspace's lock file.
pub(crate) struct Graph(Vec<Value>);

/// A package.
pub(crate) struct Package {
    pub(crate) version: String,
    pub(crate) folder: PathBuf,
    /// Where it comes from; absent for a path.
    pub(crate) source: Option<String>,
}

impl Graph {
    /// Reads what Cargo resolves for a manifest, without the patch.
    pub(crate) fn of(manifest: &Path) -> Result<Self, String> {
        let output = cargo()
            .args(["metadata", "--format-version", "1", "--manifest-path"])
            .arg(manifest)
            .output()
            .map_err(|error| format!("cargo does not start: {error}"))?;
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr);
            return Err(text.trim().trim_start_matches("error: ").to_owned());
        }
        let metadata: Value =
            serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata: {error}"))?;
        Ok(Self(metadata["packages"].as_array().cloned().unwrap_or_default()))
    }

    /// Returns the package of this name; of tokio the one of version 1.
    pub(crate) fn package(&self, name: &str) -> Option<Package> {
        let mut named = self.0.iter().filter(|package| package["name"] == name);
        let package = named.find(|package| {
            name != "tokio" || package["version"].as_str().is_some_and(|version| version.starts_with("1."))
        })?;
        let manifest = PathBuf::from(package["manifest_path"].as_str()?);
        Some(Package {
            version: package["version"].as_str()?.to_owned(),
            folder: manifest.parent()?.to_owned(),
            source: package["source"].as_str().map(str::to_owned),
        })
    }
}
