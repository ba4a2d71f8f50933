//! Numbers of permits by purpose.

/// Numbers of permits. Each is at least 1, so that every purpose proceeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    /// Permits in total.
    pub(super) total: usize,
    /// Permits for anything but key look-ups. The rest is reserved for these, because every request
    /// begins with one.
    pub(super) unreserved: usize,
    /// Permits for all key look-ups together: half of them. The clients are not authenticated yet.
    pub(super) key_lookups: usize,
    /// Permits for queries of all workspaces. The rest is left to writes and short reads.
    pub(super) queries: usize,
}

impl Limits {
    /// Divides `total` permits. In a pool of one to three connections, some purposes take turns: it
    /// is too small to have a connection for each.
    pub(super) fn new(total: usize) -> Self {
        let reserved = match total {
            0..=1 => 0,
            2..=7 => 1,
            8.. => 2,
        };
        let total = total.max(1);
        let unreserved = total - reserved;
        Self {
            total,
            unreserved,
            key_lookups: (total / 2).max(1),
            queries: (unreserved * 3 / 4).max(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(1, [1, 1, 1, 1])]
    #[case(2, [2, 1, 1, 1])]
    #[case(3, [3, 2, 1, 1])]
    #[case(4, [4, 3, 2, 2])]
    #[case(8, [8, 6, 4, 4])]
    #[case(10, [10, 8, 5, 6])]
    #[case(100, [100, 98, 50, 73])]
    fn permits_are_divided(#[case] permits: usize, #[case] expected: [usize; 4]) {
        let limits = Limits::new(permits);
        let actual = [
            limits.total,
            limits.unreserved,
            limits.key_lookups,
            limits.queries,
        ];
        assert_eq!(actual, expected);
    }

    #[test]
    fn larger_pools_have_permits_for_every_purpose() {
        for permits in 4..=1_000 {
            let limits = Limits::new(permits);
            assert!(limits.unreserved < limits.total, "{limits:?}");
            assert!(limits.key_lookups < limits.total, "{limits:?}");
            assert!(limits.queries < limits.unreserved, "{limits:?}");
        }
    }
}
