//! Which bracket belongs to which, in masked text.

use super::mask::Masked;

/// The pairs of `()`, `[]` and `{}` in a text.
pub struct Brackets {
    /// For each offset of a bracket its partner.
    partners: Vec<Option<usize>>,
    /// For each offset the innermost bracket that is open there.
    enclosing: Vec<Option<usize>>,
}

impl Brackets {
    /// Pairs the brackets of a text. A closing one without a partner is left out.
    pub fn new(masked: &Masked) -> Self {
        let length = masked.code.len();
        let mut partners = vec![None; length];
        let mut enclosing = vec![None; length];
        let mut open: Vec<usize> = Vec::new();
        for (offset, byte) in masked.code.iter().enumerate() {
            let opening = match byte {
                b')' => Some(b'('),
                b']' => Some(b'['),
                b'}' => Some(b'{'),
                _ => None,
            };
            if let (Some(opening), Some(&start)) = (opening, open.last())
                && masked.code[start] == opening
            {
                open.pop();
                partners[offset] = Some(start);
                partners[start] = Some(offset);
            }
            enclosing[offset] = open.last().copied();
            if matches!(byte, b'(' | b'[' | b'{') {
                open.push(offset);
            }
        }
        Self { partners, enclosing }
    }

    /// The other bracket of a pair.
    pub fn partner(&self, offset: usize) -> Option<usize> {
        self.partners.get(offset).copied().flatten()
    }

    /// The innermost bracket around an offset.
    pub fn enclosing(&self, offset: usize) -> Option<usize> {
        self.enclosing.get(offset).copied().flatten()
    }
}
