//! Trackers by key, and in order of use.

use super::tracker::{Key, Tracker};
use foldhash::fast::FixedState;
use std::collections::HashMap;

/// Place of a tracker in the table.
pub(super) type Place = u32;

const NONE: Place = u32::MAX;

/// A hash table whose entries form a list from the one used longest ago to the one used last.
#[derive(Debug)]
pub(super) struct Table {
    places: HashMap<Key, Place, FixedState>,
    slots: Vec<Slot>,
    free: Vec<Place>,
    oldest: Place,
    newest: Place,
    /// What counts as time here: it never goes back.
    pub(super) now: u64,
}

#[derive(Debug)]
struct Slot {
    key: Key,
    tracker: Tracker,
    /// When it was used last.
    used: u64,
    older: Place,
    newer: Place,
}

impl Table {
    pub(super) fn new() -> Self {
        Self {
            places: HashMap::with_hasher(FixedState::default()),
            slots: Vec::new(),
            free: Vec::new(),
            oldest: NONE,
            newest: NONE,
            now: 0,
        }
    }

    /// Takes in the trackers of another table, which has none of the same datagrams.
    pub(super) fn absorb(&mut self, other: Self) {
        let now = self.now;
        let mut slots: Vec<Slot> =
            [std::mem::replace(self, Self::new()), other].map(Self::into_used).into_iter().flatten().collect();
        slots.sort_by_key(|slot| slot.used);
        for Slot { key, tracker, used, .. } in slots {
            self.now = used;
            self.add(key, tracker);
        }
        self.now = now;
    }

    /// The slots that are in use.
    fn into_used(mut self) -> Vec<Slot> {
        self.free.sort_unstable();
        let slots = (0..).zip(self.slots);
        slots.filter(|(place, _)| self.free.binary_search(place).is_err()).map(|(_, slot)| slot).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn find(&self, key: &Key) -> Option<Place> {
        self.places.get(key).copied()
    }

    pub(super) fn get_mut(&mut self, place: Place) -> Option<&mut Tracker> {
        self.slots.get_mut(place as usize).map(|slot| &mut slot.tracker)
    }

    pub(super) fn oldest(&mut self) -> Option<(Place, &mut Tracker)> {
        let place = self.oldest;
        self.get_mut(place).map(|tracker| (place, tracker))
    }

    /// Adds a tracker as the newest. `key` must not be in the table.
    pub(super) fn add(&mut self, key: Key, tracker: Tracker) -> Place {
        let slot = Slot { key, tracker, used: self.now, older: NONE, newer: NONE };
        let place = match self.free.pop() {
            Some(place) => {
                if let Some(free) = self.slots.get_mut(place as usize) {
                    *free = slot;
                }
                place
            }
            None => {
                self.slots.push(slot);
                self.slots.len() as Place - 1
            }
        };
        self.places.insert(key, place);
        self.link(place);
        place
    }

    /// Makes a tracker the newest.
    pub(super) fn touch(&mut self, place: Place) {
        if let Some(slot) = self.slots.get_mut(place as usize) {
            slot.used = self.now;
        }
        if self.newest != place {
            self.unlink(place);
            self.link(place);
        }
    }

    /// Takes a tracker out; it must have been cleared.
    pub(super) fn remove(&mut self, place: Place) {
        let Some(key) = self.slots.get(place as usize).map(|slot| slot.key) else { return };
        if self.places.remove(&key).is_some() {
            self.unlink(place);
            self.free.push(place);
        }
    }

    fn link(&mut self, place: Place) {
        let newest = std::mem::replace(&mut self.newest, place);
        if let Some(slot) = self.slots.get_mut(place as usize) {
            (slot.older, slot.newer) = (newest, NONE);
        }
        match self.slots.get_mut(newest as usize) {
            Some(slot) => slot.newer = place,
            None => self.oldest = place,
        }
    }

    fn unlink(&mut self, place: Place) {
        let Some((older, newer)) = self.slots.get(place as usize).map(|slot| (slot.older, slot.newer)) else { return };
        match self.slots.get_mut(older as usize) {
            Some(slot) => slot.newer = newer,
            None => self.oldest = newer,
        }
        match self.slots.get_mut(newer as usize) {
            Some(slot) => slot.older = older,
            None => self.newest = older,
        }
    }
}
