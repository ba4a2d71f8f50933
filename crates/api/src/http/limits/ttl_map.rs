//! What is remembered for a while.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// So many entries are held; whoever brings one more empties the map, if it is full of entries that
/// have not ended.
const MOST: usize = 100_000;

/// A map whose entries end by themselves; shared by all threads.
pub(crate) struct TtlMap<K, V> {
    /// Each with its end.
    entries: Mutex<HashMap<K, (Instant, V)>>,
}

impl<K, V> Default for TtlMap<K, V> {
    fn default() -> Self {
        Self {
            entries: Mutex::default(),
        }
    }
}

impl<K: Eq + Hash, V: Copy> TtlMap<K, V> {
    /// An entry that has not ended, and how long it has left.
    pub(crate) fn get(&self, key: &K) -> Option<(V, Duration)> {
        let entries = self.entries();
        let (end, value) = entries.get(key)?;
        Some((*value, end.checked_duration_since(Instant::now())?))
    }

    /// Changes the entry, or a new one with this value that lasts so long; what it is now.
    pub(crate) fn change(&self, key: K, lasts: Duration, new: V, change: impl FnOnce(V) -> V) -> V {
        let now = Instant::now();
        let mut entries = self.entries();
        if entries.len() >= MOST && !entries.contains_key(&key) {
            entries.retain(|_, (end, _)| *end > now);
            if entries.len() >= MOST {
                entries.clear();
            }
        }
        let entry = entries.entry(key).or_insert((now, new));
        if entry.0 <= now {
            *entry = (now + lasts, new);
        }
        entry.1 = change(entry.1);
        entry.1
    }

    pub(crate) fn remove(&self, key: &K) {
        self.entries().remove(key);
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<K, (Instant, V)>> {
        // What a panic left behind is still a map.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_there_until_it_ends() {
        let map = TtlMap::default();
        let minute = Duration::from_secs(60);
        assert_eq!(map.change("lasting", minute, 1, |count| count + 1), 2);
        assert_eq!(map.change("lasting", minute, 1, |count| count + 1), 3);
        assert_eq!(map.change("ended", Duration::ZERO, 1, |count| count), 1);
        assert_eq!(map.get(&"lasting").map(|(count, _)| count), Some(3));
        assert_eq!(map.get(&"ended"), None);
        assert_eq!(map.change("ended", minute, 7, |count| count), 7);
        map.remove(&"lasting");
        assert_eq!(map.get(&"lasting"), None);
    }

    #[test]
    fn it_does_not_grow_without_end() {
        let map = TtlMap::default();
        for key in 0..MOST + 10 {
            map.change(key, Duration::from_secs(60), (), |()| ());
        }
        assert_eq!(map.entries().len(), 10);
    }
}
