//! A table with a limit.

use foldhash::fast::FixedState;
use std::hash::{BuildHasher, Hash};

/// Rows of a table. Suricata: `hash-size`.
const ROWS: usize = 4096;

/// Entries by key, in rows with those lately looked up in front. At the limit, the last entry of the next row that has
/// one makes room, as in Suricata; there, which row that is differs from run to run, here it never does.
#[derive(Debug)]
pub(super) struct Table<K, V> {
    /// None until something is remembered.
    rows: Vec<Vec<(K, V)>>,
    len: usize,
    limit: usize,
    /// The row that made room last.
    emptied: usize,
}

impl<K: Copy + Eq + Hash, V: Default> Table<K, V> {
    pub(super) fn new(limit: usize) -> Self {
        Self { rows: Vec::new(), len: 0, limit, emptied: 0 }
    }

    pub(super) fn get(&mut self, key: &K) -> Option<&mut V> {
        let row = self.rows.get_mut(row_of(key))?;
        let at = row.iter().position(|(known, _)| known == key)?;
        row.get_mut(..=at)?.rotate_right(1);
        row.first_mut().map(|(_, value)| value)
    }

    /// `None` only under a limit of 0.
    pub(super) fn get_or_insert(&mut self, key: K) -> Option<&mut V> {
        if self.get(&key).is_some() {
            return self.get(&key);
        }
        if self.rows.is_empty() {
            self.rows.resize_with(ROWS, Vec::new);
        }
        if self.len >= self.limit {
            self.make_room()?;
        }
        let row = self.rows.get_mut(row_of(&key))?;
        row.push((key, V::default()));
        self.len += 1;
        row.last_mut().map(|(_, value)| value)
    }

    fn make_room(&mut self) -> Option<()> {
        let row = (1..=ROWS)
            .map(|step| (self.emptied + step) % ROWS)
            .find(|row| self.rows.get(*row).is_some_and(|entries| !entries.is_empty()))?;
        self.rows.get_mut(row)?.pop()?;
        self.len -= 1;
        self.emptied = row;
        Some(())
    }
}

/// Without a seed of its own: the same capture is to give the same answers.
fn row_of<K: Hash>(key: &K) -> usize {
    FixedState::default().hash_one(key) as usize % ROWS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_bounded_and_keeps_what_is_used() {
        let mut table: Table<u32, u32> = Table::new(100);
        for key in 0..10_000 {
            *table.get_or_insert(key).unwrap() = key;
            assert!(table.len <= 100);
            assert_eq!(table.get(&key), Some(&mut { key }));
        }
        let kept = (0..10_000).filter(|key| table.get(key) == Some(&mut { *key })).count();
        assert_eq!(kept, 100);
        assert_eq!(Table::<u32, u32>::new(0).get_or_insert(1), None);
    }
}
