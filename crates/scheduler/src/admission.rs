//! Things of which a thread has a bounded number for all owners, counted by owner: connections,
//! requests in flight.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::share::{Share, Usage};

/// Counts what owners have, each known by an `O`.
pub struct Admission<O> {
    share: Share,
    total: Cell<usize>,
    owners: RefCell<BTreeMap<O, usize>>,
}

/// Counts one for as long as it exists.
pub struct Admitted<O: Ord> {
    admission: Rc<Admission<O>>,
    owner: O,
}

impl<O: Ord + Clone> Admission<O> {
    /// At most `total_max` at a time, and `owner_max` of one owner. When half of all are taken,
    /// the rest is divided equally among the owners.
    pub fn new(total_max: usize, owner_max: usize) -> Rc<Self> {
        let share = Share { total_max, owner_max };
        Rc::new(Self { share, total: Cell::new(0), owners: RefCell::default() })
    }

    /// Counts one more; `None` when its owner may have no more.
    pub fn admit(self: &Rc<Self>, owner: &O) -> Option<Admitted<O>> {
        let mut owners = self.owners.borrow_mut();
        let own = owners.get(owner).copied().unwrap_or(0);
        let others = owners.len() - usize::from(own > 0);
        let usage = Usage { own, total: self.total.get(), owners: others + 1 };
        if !self.share.allows(usage) {
            return None;
        }
        owners.insert(owner.clone(), own + 1);
        self.total.set(self.total.get() + 1);
        Some(Admitted { admission: self.clone(), owner: owner.clone() })
    }
}

impl<O: Ord> Drop for Admitted<O> {
    fn drop(&mut self) {
        self.admission.total.set(self.admission.total.get() - 1);
        let mut owners = self.admission.owners.borrow_mut();
        if let Some(own) = owners.get_mut(&self.owner) {
            *own -= 1;
            if *own == 0 {
                owners.remove(&self.owner);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_leaves_connections_to_others_and_gives_them_back() {
        let admission = Admission::new(10, 8);
        let (eve, anna) = ("eve", "anna");
        let many: Vec<_> = (0..20).map_while(|_| admission.admit(&eve)).collect();
        assert_eq!(many.len(), 5, "half of all");
        let others: Vec<_> = (0..20).map_while(|_| admission.admit(&anna)).collect();
        assert_eq!(others.len(), 2, "a fair part of the other half");
        drop(many);
        assert!(admission.admit(&anna).is_some());
        drop(others);
        assert!(admission.owners.borrow().is_empty() && admission.total.get() == 0);
    }
}
