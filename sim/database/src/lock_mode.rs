//! The four row-lock modes, their conflicts, and the behaviour of a statement that meets a lock.
//!
//! PostgreSQL documentation, chapter "Explicit Locking", row-level locks. The same four modes serve the other locks
//! of the core: a transaction's own id is held in [`LockMode::Update`] and awaited in [`LockMode::Share`]. Advisory
//! locks use these two modes, because the conflicts are the same.

/// The strength of a row lock, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LockMode {
    /// `FOR KEY SHARE`: the row's key must stay; used by foreign-key checks.
    KeyShare,
    /// `FOR SHARE`: the row must stay unchanged.
    Share,
    /// `FOR NO KEY UPDATE`: columns other than keys will be changed.
    NoKeyUpdate,
    /// `FOR UPDATE`: the row will be deleted or a key changed.
    Update,
}

impl LockMode {
    /// Returns whether two transactions cannot hold these modes on one row at the same time.
    ///
    /// ```
    /// use shakedown_database::LockMode::{KeyShare, NoKeyUpdate, Share, Update};
    /// assert!(!KeyShare.conflicts_with(NoKeyUpdate));
    /// assert!(Share.conflicts_with(NoKeyUpdate));
    /// assert!(KeyShare.conflicts_with(Update));
    /// ```
    pub fn conflicts_with(self, other: Self) -> bool {
        match self {
            Self::KeyShare => other == Self::Update,
            Self::Share => other >= Self::NoKeyUpdate,
            Self::NoKeyUpdate => other >= Self::Share,
            Self::Update => true,
        }
    }
}

/// The behaviour of a locking statement when another transaction holds the row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LockWait {
    /// Wait for it.
    #[default]
    Block,
    /// Fail with 55P03.
    NoWait,
    /// Skip the row.
    SkipLocked,
}
