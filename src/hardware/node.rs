//! Whole machines: GPUs are rented in the sizes that a provider has.
//!
//! Invariant: what is rented holds what is needed, and no other choice of sizes holds it with fewer
//! GPUs paid for (then with fewer machines). Guarded by a table and against all choices below.
//!
//! Which sizes a provider has is not in any book here: it is the user's to say. What is known of a form
//! is that boards of SXM modules are made with eight (or four): where nobody says, [`NodeSizes::eights`].

use crate::hint::{Fault, Hint};
use serde::Serialize;

/// More GPUs than any machine has.
const LARGEST: u32 = 1_024;

/// More GPUs than anybody plans for.
const MOST_NEEDED: u32 = 1 << 16;

/// The sizes in which GPUs can be rented, in GPUs a machine, rising.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct NodeSizes(Vec<u32>);

/// What is rented.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Nodes {
    /// Machines by size: `(GPUs of one, machines)`, the largest first.
    pub machines: Vec<(u32, u32)>,
    /// GPUs that are paid for.
    pub gpus: u32,
    /// Of these, GPUs that nobody needs.
    pub spare: u32,
}

/// Why there is nothing to rent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NodeError {
    /// No size, one of no GPUs, or one that no machine has.
    #[error("`{size}` GPUs are not a size of a machine: 1 to {LARGEST}")]
    Size {
        /// What was given; 0 where nothing was.
        size: u32,
    },
    /// More than is planned here.
    #[error("`{needed}` GPUs are not a number that is rented: 1 to {MOST_NEEDED}")]
    Needed {
        /// What was asked for.
        needed: u32,
    },
}

impl Hint for NodeError {
    fn hint(&self) -> Option<String> {
        Some("sizes are GPUs in one machine, like `1,2,4,8`".to_owned())
    }

    fn fault(&self) -> Fault {
        Fault::Usage
    }
}

impl NodeSizes {
    /// Sizes in any order.
    ///
    /// # Errors
    /// [`NodeError::Size`] where there is none, or one of no GPUs.
    pub fn new(sizes: &[u32]) -> Result<Self, NodeError> {
        let mut sorted = sizes.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        match sorted.iter().find(|size| **size == 0 || **size > LARGEST) {
            Some(size) => Err(NodeError::Size { size: *size }),
            None if sorted.is_empty() => Err(NodeError::Size { size: 0 }),
            None => Ok(Self(sorted)),
        }
    }

    /// Eight GPUs a machine, and nothing smaller.
    pub fn eights() -> Self {
        Self(vec![8])
    }

    /// The sizes, rising.
    pub fn sizes(&self) -> &[u32] {
        &self.0
    }

    /// The cheapest machines that hold so many GPUs, at one price a GPU.
    ///
    /// # Errors
    /// [`NodeError::Needed`] for none and for more than anybody rents.
    pub fn holding(&self, needed: u32) -> Result<Nodes, NodeError> {
        if needed == 0 || needed > MOST_NEEDED {
            return Err(NodeError::Needed { needed });
        }
        // The fewest machines for each exact number of GPUs, and the last of them: the classic way of
        // giving change. No choice overshoots by as much as its smallest machine.
        let most = needed + self.0.first().copied().unwrap_or(1) - 1;
        let mut best: Vec<Option<(u32, u32)>> = vec![Some((0, 0))];
        for total in 1..=most {
            let with = |size: &u32| {
                let (machines, _) = best.get(total.checked_sub(*size)? as usize).copied()??;
                Some((machines + 1, *size))
            };
            // The largest last machine of the fewest: they all lead to the fewest.
            let found = self.0.iter().filter_map(with);
            best.push(found.min_by_key(|(machines, size)| (*machines, u32::MAX - size)));
        }
        let exact = |total: &u32| best.get(*total as usize).is_some_and(Option::is_some);
        let gpus = (needed..=most).find(exact).ok_or(NodeError::Needed { needed })?;
        let mut machines: Vec<(u32, u32)> = Vec::new();
        let mut left = gpus;
        while let Some((_, size)) = best.get(left as usize).copied().flatten().filter(|_| left > 0)
        {
            match machines.iter_mut().find(|(of, _)| *of == size) {
                Some((_, count)) => *count += 1,
                None => machines.push((size, 1)),
            }
            left -= size;
        }
        machines.sort_unstable_by(|a, b| b.cmp(a));
        Ok(Nodes { machines, gpus, spare: gpus - needed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(sizes: &[u32], needed: u32, machines: &[(u32, u32)], spare: u32) {
        let nodes = NodeSizes::new(sizes).unwrap().holding(needed).unwrap();
        assert_eq!((nodes.machines.as_slice(), nodes.spare), (machines, spare));
        assert_eq!(nodes.gpus, needed + spare);
    }

    #[test]
    fn whole_machines_are_rented() {
        check(&[8], 1, &[(8, 1)], 7);
        check(&[8], 8, &[(8, 1)], 0);
        check(&[8], 9, &[(8, 2)], 7);
        check(&[1, 2, 4, 8], 13, &[(8, 1), (4, 1), (1, 1)], 0);
        check(&[8, 2], 3, &[(2, 2)], 1);
        // Taking the largest first would be 5 + 1 + 1.
        check(&[1, 5, 4], 8, &[(4, 2)], 0);
        check(&[3, 5], 7, &[(5, 1), (3, 1)], 1);
        assert_eq!(NodeSizes::eights().sizes(), [8]);
    }

    #[test]
    fn what_nobody_rents_is_refused() {
        assert_eq!(NodeSizes::new(&[]), Err(NodeError::Size { size: 0 }));
        assert_eq!(NodeSizes::new(&[4, 0]), Err(NodeError::Size { size: 0 }));
        assert_eq!(NodeSizes::new(&[2_000]), Err(NodeError::Size { size: 2_000 }));
        for needed in [0, u32::MAX] {
            assert_eq!(NodeSizes::eights().holding(needed), Err(NodeError::Needed { needed }));
        }
    }

    proptest! {
        /// Against all choices of up to 12 machines of two sizes.
        #[test]
        fn no_other_choice_pays_for_fewer(a in 1u32..9, b in 1u32..9, needed in 1u32..13) {
            let nodes = NodeSizes::new(&[a, b]).unwrap().holding(needed).unwrap();
            let choices = (0..13u32).flat_map(|i| (0..13u32).map(move |j| (i * a + j * b, i + j)));
            let least = choices.filter(|(gpus, _)| *gpus >= needed).min().unwrap();
            let machines: u32 = nodes.machines.iter().map(|(_, count)| count).sum();
            prop_assert_eq!((nodes.gpus, machines), least);
        }
    }
}
