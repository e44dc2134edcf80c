//! Judges read → write edges between serializable transactions.
//!
//! A dangerous structure is `T1 → T2 → T3` where `T3` is the first of the three to commit; if `T1` is read-only, `T3`
//! must even have committed before `T1` took its snapshot. One of the three is made to fail, preferably the pivot
//! `T2`, and never one that has already passed its checks at commit. The rules and their order are those of
//! PostgreSQL (source, `predicate.c`: `OnConflict_CheckForSerializationFailure`,
//! `PreCommit_CheckForSerializationFailure`, `ReleasePredicateLocks`).

use crate::error::{DatabaseError, dangerous_structure};
use crate::ssi::{Ssi, Sxact, SxactId};

impl Ssi {
    /// Adds an edge, unless that would complete a dangerous structure for which `acting` must fail.
    pub(crate) fn add_conflict(
        &mut self,
        reader: SxactId,
        writer: SxactId,
        acting: SxactId,
    ) -> Result<(), DatabaseError> {
        if self.is_dangerous(reader, writer) {
            let is_prepared = self.xacts.get(&writer).is_some_and(|writer| writer.prepared_at.is_some());
            if acting == writer || is_prepared {
                return Err(dangerous_structure());
            }
            if let Some(writer) = self.xacts.get_mut(&writer) {
                writer.doomed = true;
            }
        }
        if let Some(own) = self.xacts.get_mut(&reader).filter(|own| !own.writers.contains(&writer)) {
            own.writers.push(writer);
        }
        if let Some(own) = self.xacts.get_mut(&writer).filter(|own| !own.readers.contains(&reader)) {
            own.readers.push(reader);
        }
        Ok(())
    }

    fn is_dangerous(&self, reader: SxactId, writer: SxactId) -> bool {
        let (Some(reader), Some(writer)) = (self.xacts.get(&reader), self.xacts.get(&writer)) else {
            return false;
        };
        let committed_pivot = writer.committed_at.is_some() && writer.earliest_out.is_some();
        committed_pivot || self.writer_is_pivot(reader, writer) || self.reader_is_pivot(reader, writer)
    }

    /// Returns whether there is a structure reader → writer → last, where `last` commits first.
    fn writer_is_pivot(&self, reader: &Sxact, writer: &Sxact) -> bool {
        let mut lasts = writer.writers.iter().filter_map(|last| self.xacts.get(last));
        lasts.any(|last| {
            last.prepared_at.is_some_and(|prepared| {
                reader.committed_at.is_none_or(|committed| prepared <= committed)
                    && writer.committed_at.is_none_or(|committed| prepared <= committed)
                    && (!reader.read_only || prepared <= reader.snapshot_at)
            })
        })
    }

    /// Returns whether there is a structure first → reader → writer, where `writer` has passed its commit checks.
    fn reader_is_pivot(&self, reader: &Sxact, writer: &Sxact) -> bool {
        let Some(prepared) = writer.prepared_at.filter(|_| !reader.read_only) else {
            return false;
        };
        let mut firsts = reader.readers.iter().filter_map(|first| self.xacts.get(first));
        firsts.any(|first| {
            !first.doomed
                && first.committed_at.is_none_or(|committed| committed >= prepared)
                && (!first.read_only || first.snapshot_at >= prepared)
        })
    }

    /// Checks a transaction at commit: a transaction that would be `T3` of a structure dooms the pivot, or fails
    /// itself if the pivot cannot fail any more.
    pub(crate) fn prepare(&mut self, id: SxactId) -> Result<(), DatabaseError> {
        let Some(own) = self.xacts.get(&id) else {
            return Ok(());
        };
        if own.doomed {
            return Err(dangerous_structure());
        }
        for pivot in own.readers.clone() {
            let Some(near) = self.xacts.get(&pivot) else {
                continue;
            };
            if near.committed_at.is_some() || near.doomed {
                continue;
            }
            let is_pivot = near.readers.iter().any(|far| {
                *far == id
                    || self
                        .xacts
                        .get(far)
                        .is_some_and(|far| far.committed_at.is_none() && !far.read_only && !far.doomed)
            });
            if is_pivot && near.prepared_at.is_some() {
                return Err(dangerous_structure());
            }
            if let Some(near) = self.xacts.get_mut(&pivot).filter(|_| is_pivot) {
                near.doomed = true;
            }
        }
        self.clock += 1;
        let clock = self.clock;
        if let Some(own) = self.xacts.get_mut(&id) {
            own.prepared_at = Some(clock);
        }
        Ok(())
    }

    /// Ends a transaction that has committed: from now on only the data that concern running transactions are kept.
    pub(crate) fn commit(&mut self, id: SxactId) {
        self.clock += 1;
        let clock = self.clock;
        let Some(own) = self.xacts.get_mut(&id) else {
            return;
        };
        own.committed_at = Some(clock);
        own.read_only |= !own.did_write;
        let (read_only, writers, readers) = (own.read_only, own.writers.clone(), own.readers.clone());
        let mut earliest: Option<u64> = None;
        for writer in writers {
            let Some(other) = self.xacts.get(&writer) else {
                continue;
            };
            if other.committed_at.is_none() {
                continue;
            }
            if let Some(prepared) = other.prepared_at.filter(|_| !read_only) {
                earliest = Some(earliest.map_or(prepared, |known| known.min(prepared)));
            }
            self.remove_conflict(id, writer);
        }
        for reader in readers {
            if self.xacts.get(&reader).is_some_and(|other| other.committed_at.is_some() || other.read_only) {
                self.remove_conflict(reader, id);
            }
        }
        if let Some(own) = self.xacts.get_mut(&id) {
            own.earliest_out = earliest;
        }
        self.forget_old();
    }

    /// Ends a transaction that has rolled back: all its traces are removed.
    pub(crate) fn abort(&mut self, id: SxactId) {
        self.forget(id);
        self.forget_old();
    }

    fn remove_conflict(&mut self, reader: SxactId, writer: SxactId) {
        if let Some(reader) = self.xacts.get_mut(&reader) {
            reader.writers.retain(|other| *other != writer);
        }
        if let Some(writer) = self.xacts.get_mut(&writer) {
            writer.readers.retain(|other| *other != reader);
        }
    }

    fn forget(&mut self, id: SxactId) {
        let Some(sxact) = self.xacts.remove(&id) else {
            return;
        };
        for xid in sxact.xids {
            self.by_xid.remove(&xid);
        }
        for reader in sxact.readers {
            self.remove_conflict(reader, id);
        }
        for writer in sxact.writers {
            self.remove_conflict(id, writer);
        }
    }

    /// Drops committed transactions that no running one overlaps.
    fn forget_old(&mut self) {
        let running = self.xacts.values().filter(|sxact| sxact.committed_at.is_none());
        let oldest = running.map(|sxact| sxact.snapshot_at).min().unwrap_or(u64::MAX);
        let is_old = |sxact: &Sxact| sxact.committed_at.is_some_and(|at| at <= oldest);
        let old: Vec<SxactId> =
            self.xacts.iter().filter(|(_, sxact)| is_old(sxact)).map(|(id, _)| *id).collect();
        for id in old {
            self.forget(id);
        }
    }
}
