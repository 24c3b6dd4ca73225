//! Thrift's compact protocol as far as it takes to look over a Parquet file before it is trusted.
//! Source: *Thrift compact protocol encoding*, the protocol's description.

/// How deep structures may stand in each other.
const DEPTH: u8 = 32;

/// What a field holds, by the protocol's numbers.
pub(super) const I32: u8 = 5;
pub(super) const LIST: u8 = 9;
pub(super) const STRUCT: u8 = 12;

/// Bytes that are read from their beginning; everything is nothing where they end early.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    /// How many were read.
    pub at: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn pass(&mut self, count: usize) -> Option<()> {
        self.at = self.at.checked_add(count).filter(|at| *at <= self.bytes.len())?;
        Some(())
    }

    fn varint(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    /// A signed number.
    pub fn number(&mut self) -> Option<i64> {
        let zigzag = self.varint()?;
        Some((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64))
    }

    /// How many elements a list has, and what they are.
    pub fn list(&mut self) -> Option<(u64, u8)> {
        let head = self.byte()?;
        let size = match head >> 4 {
            15 => self.varint()?,
            few => few.into(),
        };
        Some((size, head & 0x0f))
    }

    /// Reads a structure: `take` is given each field's number and kind, and says whether it has read it.
    pub fn structure(
        &mut self,
        mut take: impl FnMut(&mut Self, i64, u8) -> Option<bool>,
    ) -> Option<()> {
        let mut field = 0;
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Some(());
            }
            field = match head >> 4 {
                0 => self.number()?,
                step => field + i64::from(step),
            };
            let kind = head & 0x0f;
            if !take(self, field, kind)? {
                self.skip(kind, DEPTH)?;
            }
        }
    }

    /// Passes over a value.
    fn skip(&mut self, kind: u8, depth: u8) -> Option<()> {
        let within = depth.checked_sub(1)?;
        match kind {
            // Whether it is true stands in the head of the field.
            1 | 2 => Some(()),
            3 => self.pass(1),
            4..=6 => self.varint().map(drop),
            7 => self.pass(8),
            8 => {
                let length = usize::try_from(self.varint()?).ok()?;
                self.pass(length)
            }
            LIST | 10 => {
                let (size, kind) = self.list()?;
                (0..size).try_for_each(|_| self.element(kind, within))
            }
            11 => {
                let size = self.varint()?;
                let kinds = if size > 0 { self.byte()? } else { 0 };
                (0..size).try_for_each(|_| {
                    self.element(kinds >> 4, within)?;
                    self.element(kinds & 0x0f, within)
                })
            }
            STRUCT => loop {
                let head = self.byte()?;
                match (head, head >> 4) {
                    (0, _) => return Some(()),
                    (_, 0) => drop(self.number()?),
                    _ => {}
                }
                self.skip(head & 0x0f, within)?;
            },
            _ => None,
        }
    }

    /// An element of a list, where what is true or false takes a byte.
    fn element(&mut self, kind: u8, depth: u8) -> Option<()> {
        if matches!(kind, 1 | 2) { self.pass(1) } else { self.skip(kind, depth) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // by hand, after the protocol's description
    fn numbers_and_fields_are_read() {
        let bytes = [0x15, 0x96, 0x01, 0x18, 0x02, b'a', b'b', 0x15, 0x01, 0x00, 0xff];
        let mut cursor = Cursor::new(&bytes);
        let mut found = Vec::new();
        let read = cursor.structure(|cursor, field, kind| {
            if kind == I32 {
                found.push((field, cursor.number()?));
            }
            Some(kind == I32)
        });
        assert_eq!((read, cursor.at), (Some(()), 10));
        assert_eq!(found, [(1, 75), (3, -1)]);
    }

    #[test]
    fn what_ends_early_or_is_too_deep_is_nothing() {
        let none = |bytes: &[u8]| Cursor::new(bytes).structure(|_, _, _| Some(false));
        assert_eq!(none(&[0x18, 0xff, 0xff, 0xff, 0xff, 0x0f]), None);
        assert_eq!(none(&[0x15, 0xff]), None);
        assert_eq!(none(&[0x1d, 0x00]), None);
        assert_eq!(none(&[0x1c; 100]), None);
        assert_eq!(none(&[0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x00]), None);
    }
}
