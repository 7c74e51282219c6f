//! A map that forgets what was not used for long.

use std::{collections::HashMap, hash::Hash, mem};

/// Keeps at least the `size` entries that were put in or used last, and at most twice as many.
#[derive(Debug)]
pub(crate) struct Recent<K, V> {
    size: usize,
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K: Eq + Hash, V> Recent<K, V> {
    pub(crate) fn new(size: usize) -> Self {
        Self { size: size.max(1), young: HashMap::new(), old: HashMap::new() }
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        self.old.remove(&key);
        self.young.insert(key, value);
        if self.young.len() > self.size {
            self.old = mem::take(&mut self.young);
        }
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.young.iter().chain(&self.old)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_entries_stay_and_the_oldest_go() {
        let mut map = Recent::new(3);
        for number in 0..10 {
            map.insert(number, number);
        }
        assert!((7..10).all(|number| map.get(&number) == Some(&number)));
        assert_eq!(map.get(&0), None);
        assert!(map.iter().count() <= 6);
        map.insert(9, 90);
        assert_eq!(map.get(&9), Some(&90));
    }
}
