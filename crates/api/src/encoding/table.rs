//! A table of native objects that JavaScript names by number: streaming decoders, codecs, running
//! digests, keys.
//!
//! JavaScript frees an entry when its work is done, or when the object that holds its number is
//! collected.

use isolate::OpError;

/// Most entries of one table of one isolate. An entry is some hundred bytes; a Worker comes near
/// only when it leaks.
pub const MAX_ENTRIES: usize = 1 << 16;

/// Objects by number.
pub struct Table<T> {
    entries: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), free: Vec::new() }
    }
}

impl<T> Table<T> {
    /// Puts `value` in and gives its number.
    ///
    /// # Errors
    /// `RangeError` when the table is full.
    pub fn insert(&mut self, value: T) -> Result<u32, OpError> {
        if let Some(number) = self.free.pop() {
            self.entries[number as usize] = Some(value);
            return Ok(number);
        }
        let number = self.entries.len();
        if number >= MAX_ENTRIES {
            return Err(OpError::range_error(
                "too many native objects of one kind, such as decoders, codecs, digests or keys",
            ));
        }
        self.entries.push(Some(value));
        Ok(u32::try_from(number).expect("the bound is below 2^32"))
    }

    /// The entry of that number.
    ///
    /// # Errors
    /// `TypeError` when there is none, which is a mistake of the calling module.
    pub fn get(&mut self, number: u32) -> Result<&mut T, OpError> {
        self.entries
            .get_mut(number as usize)
            .and_then(Option::as_mut)
            .ok_or_else(|| OpError::type_error("no such native object"))
    }

    /// Takes the entry of that number out.
    ///
    /// # Errors
    /// As [`Table::get`].
    pub fn take(&mut self, number: u32) -> Result<T, OpError> {
        let entry = self.entries.get_mut(number as usize).and_then(Option::take);
        let entry = entry.ok_or_else(|| OpError::type_error("no such native object"))?;
        self.free.push(number);
        Ok(entry)
    }

    /// Drops the entry; one that is not there is left alone.
    pub fn remove(&mut self, number: u32) {
        drop(self.take(number));
    }
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn numbers_are_reused_only_after_removal() {
        let mut table = Table::default();
        let first = table.insert('a').unwrap();
        let second = table.insert('b').unwrap();
        assert_ne!(first, second);
        table.remove(first);
        table.remove(first);
        assert!(table.get(first).is_err());
        assert_eq!(table.insert('c').unwrap(), first);
        assert_ne!(table.insert('d').unwrap(), first);
        assert_eq!(*table.get(first).unwrap(), 'c');
        assert_eq!(*table.get(second).unwrap(), 'b');
    }
}
