//! A map whose entries expire.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Maximum number of entries. Inserting one more removes the expired entries, or all if none has
/// expired.
const MAX_ENTRIES: usize = 100_000;

/// A map whose entries expire; shared by all threads.
pub(crate) struct TtlMap<K, V> {
    /// Values with the time at which they expire.
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
    /// Returns an entry that has not expired, and its remaining time.
    pub(crate) fn get(&self, key: &K) -> Option<(V, Duration)> {
        let entries = self.entries();
        let (expires_at, value) = entries.get(key)?;
        let remaining = expires_at.checked_duration_since(Instant::now())?;
        Some((*value, remaining))
    }

    /// Applies `update` to the entry and returns the new value. If there is none, or it has
    /// expired, first inserts `initial` for the duration `ttl`. An update does not extend the
    /// entry.
    pub(crate) fn upsert(
        &self,
        key: K,
        ttl: Duration,
        initial: V,
        update: impl FnOnce(V) -> V,
    ) -> V {
        let now = Instant::now();
        let mut entries = self.entries();
        if entries.len() >= MAX_ENTRIES && !entries.contains_key(&key) {
            entries.retain(|_, (expires_at, _)| *expires_at > now);
            if entries.len() >= MAX_ENTRIES {
                entries.clear();
            }
        }
        let entry = entries.entry(key).or_insert((now, initial));
        if entry.0 <= now {
            *entry = (now + ttl, initial);
        }
        entry.1 = update(entry.1);
        entry.1
    }

    pub(crate) fn remove(&self, key: &K) {
        self.entries().remove(key);
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<K, (Instant, V)>> {
        // A panic while the lock was held leaves a valid map.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entry_is_available_until_it_expires() {
        let map = TtlMap::default();
        let minute = Duration::from_secs(60);
        assert_eq!(map.upsert("valid", minute, 1, |count| count + 1), 2);
        assert_eq!(map.upsert("valid", minute, 1, |count| count + 1), 3);
        assert_eq!(map.upsert("expired", Duration::ZERO, 1, |count| count), 1);
        assert_eq!(map.get(&"valid").map(|(count, _)| count), Some(3));
        assert_eq!(map.get(&"expired"), None);
        assert_eq!(map.upsert("expired", minute, 7, |count| count), 7);
        map.remove(&"valid");
        assert_eq!(map.get(&"valid"), None);
    }

    #[test]
    fn full_map_is_emptied() {
        let map = TtlMap::default();
        for key in 0..MAX_ENTRIES + 10 {
            map.upsert(key, Duration::from_secs(60), (), |()| ());
        }
        assert_eq!(map.entries().len(), 10);
    }
}
