//! What is remembered for a while.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// So many entries are held; whoever brings one more empties the map, if it is full of entries that
/// have not ended.
const MOST: usize = 100_000;

/// A map whose entries end by themselves.
pub(super) struct Fading<K, V> {
    /// Each with its end.
    entries: HashMap<K, (Instant, V)>,
}

impl<K, V> Default for Fading<K, V> {
    fn default() -> Self {
        Self {
            entries: HashMap::new(),
        }
    }
}

impl<K: Eq + Hash, V> Fading<K, V> {
    /// An entry that has not ended, and how long it has left.
    pub(super) fn get(&self, key: &K) -> Option<(&V, Duration)> {
        let (end, value) = self.entries.get(key)?;
        Some((value, end.checked_duration_since(Instant::now())?))
    }

    /// The entry, or a new one that lasts so long.
    pub(super) fn or_insert(&mut self, key: K, lasts: Duration, value: V) -> &mut V {
        let now = Instant::now();
        if self.entries.len() >= MOST && !self.entries.contains_key(&key) {
            self.entries.retain(|_, (end, _)| *end > now);
            if self.entries.len() >= MOST {
                self.entries.clear();
            }
        }
        self.entries
            .get(&key)
            .is_some_and(|(end, _)| *end <= now)
            .then(|| self.entries.remove(&key));
        let (_, value) = self.entries.entry(key).or_insert((now + lasts, value));
        value
    }

    pub(super) fn remove(&mut self, key: &K) {
        self.entries.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_there_until_it_ends() {
        let mut map = Fading::default();
        *map.or_insert("lasting", Duration::from_secs(60), 1) += 1;
        map.or_insert("ended", Duration::ZERO, 1);
        assert_eq!(map.get(&"lasting").map(|(count, _)| *count), Some(2));
        assert_eq!(map.get(&"ended"), None);
        assert_eq!(*map.or_insert("ended", Duration::from_secs(60), 7), 7);
        map.remove(&"lasting");
        assert_eq!(map.get(&"lasting"), None);
    }

    #[test]
    fn it_does_not_grow_without_end() {
        let mut map = Fading::default();
        for key in 0..MOST + 10 {
            map.or_insert(key, Duration::from_secs(60), ());
        }
        assert_eq!(map.entries.len(), 10);
    }
}
