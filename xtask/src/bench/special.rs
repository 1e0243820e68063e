//! What a row is that measures something other than one Worker under load.

use super::Arguments;
use super::contenders::{Contender, Places};
use super::measurements::Report;

/// A row that measures something other than a Worker under load.
pub struct Special {
    /// Name of the row.
    pub name: &'static str,
    /// The servers that can be measured.
    pub servers: &'static [Contender],
    /// Measures those of them that are here and wanted.
    pub run: fn(&Places, &Arguments, &[Contender], &mut Report),
}
