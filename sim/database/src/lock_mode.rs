//! The four row-lock modes, their conflicts, and what a statement does when it meets one.
//!
//! PostgreSQL documentation, chapter "Explicit Locking", row-level locks. The same four modes serve the
//! other locks of the core: a transaction's own id is held in [`LockMode::Update`] and awaited in
//! [`LockMode::Share`], and advisory locks use these two modes, for the conflicts are the same.

/// The strength of a row lock, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LockMode {
    /// `FOR KEY SHARE`: the row's key must stay; what foreign-key checks take.
    KeyShare,
    /// `FOR SHARE`: the row must stay as it is.
    Share,
    /// `FOR NO KEY UPDATE`: about to change other columns than keys.
    NoKeyUpdate,
    /// `FOR UPDATE`: about to delete the row or to change a key.
    Update,
}

impl LockMode {
    /// Whether two transactions cannot hold these modes on one row together.
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

/// What a locking statement does when another transaction holds the row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LockWait {
    /// Wait for it.
    #[default]
    Block,
    /// Fail with 55P03.
    NoWait,
    /// Leave the row out.
    SkipLocked,
}
