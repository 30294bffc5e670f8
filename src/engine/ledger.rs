//! The ledger: who holds how many bytes.
//!
//! Every buffer that can grow is charged here, so that memory has one bound for all. When it is
//! reached, new requests get 503; requests that were let in go on, because each of them is bounded
//! on its own.
//!
//! An owner keeps what it was charged with in a field of its own and calls [`Ledger::settle`] with
//! the new figure: charging twice or forgetting to give back cannot happen, only a wrong figure
//! can, and the simulation compares the sum with the owners after each step.

/// The sum of all charges, and its bound.
#[derive(Debug)]
pub struct Ledger {
    used: u64,
    limit: u64,
    peak: u64,
}

impl Ledger {
    /// An empty ledger with a bound in bytes.
    #[must_use]
    pub fn new(limit: u64) -> Self {
        Ledger {
            used: 0,
            limit,
            peak: 0,
        }
    }

    /// Replaces what one owner was charged with (`field`) by `bytes`.
    pub fn settle(&mut self, field: &mut u32, bytes: usize) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.used = self.used - u64::from(*field) + u64::from(bytes);
        self.peak = self.peak.max(self.used);
        *field = bytes;
    }

    /// Whether new requests have to be turned away.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.used >= self.limit
    }

    /// Bytes charged now.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.used
    }

    /// The bound in bytes.
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// The most that was ever charged.
    #[must_use]
    pub fn peak(&self) -> u64 {
        self.peak
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settling_replaces_the_charge() {
        let mut ledger = Ledger::new(100);
        let (mut a, mut b) = (0, 0);
        ledger.settle(&mut a, 60);
        ledger.settle(&mut b, 50);
        assert!(ledger.is_full());
        ledger.settle(&mut a, 10);
        assert_eq!((ledger.used(), ledger.peak()), (60, 110));
        ledger.settle(&mut a, 0);
        ledger.settle(&mut b, 0);
        assert_eq!(ledger.used(), 0);
    }
}
