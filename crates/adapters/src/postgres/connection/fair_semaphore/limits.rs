//! Numbers of permits by purpose.

/// Numbers of permits. None is 0, so every purpose proceeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    /// Permits in total.
    pub(super) total: usize,
    /// Permits for anything but key look-ups. Requests start with a look-up, so the rest is
    /// reserved for them: a request that cannot be authenticated cannot even be rejected.
    pub(super) unreserved: usize,
    /// Permits of one workspace, of all jobs together, and of all key look-ups together: half of
    /// them.
    pub(super) share: usize,
    /// Permits for queries of all workspaces. The rest is left to writes and short reads.
    pub(super) queries: usize,
    /// Permits for queries of one workspace. Fewer than its share, so that its own writes proceed,
    /// and fewer than `queries`, so that queries of other workspaces do.
    pub(super) queries_per_workspace: usize,
}

impl Limits {
    /// Divides `total` permits. A pool of one to three connections is too small to leave
    /// a connection for every purpose: there, some purposes take turns.
    pub(super) fn new(total: usize) -> Self {
        let reserved = match total {
            0..=1 => 0,
            2..=7 => 1,
            8.. => 2,
        };
        let total = total.max(1);
        let unreserved = total - reserved;
        let share = (total / 2).max(1);
        let queries = (unreserved * 3 / 4).max(1);
        Self {
            total,
            unreserved,
            share,
            queries,
            queries_per_workspace: (share.min(queries) - 1).max(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(1, [1, 1, 1, 1, 1])]
    #[case(2, [2, 1, 1, 1, 1])]
    #[case(3, [3, 2, 1, 1, 1])]
    #[case(4, [4, 3, 2, 2, 1])]
    #[case(8, [8, 6, 4, 4, 3])]
    #[case(10, [10, 8, 5, 6, 4])]
    #[case(100, [100, 98, 50, 73, 49])]
    fn permits_are_divided(#[case] permits: usize, #[case] expected: [usize; 5]) {
        let limits = Limits::new(permits);
        let actual = [
            limits.total,
            limits.unreserved,
            limits.share,
            limits.queries,
            limits.queries_per_workspace,
        ];
        assert_eq!(actual, expected);
    }

    #[test]
    fn every_larger_pool_leaves_permits_to_others() {
        for permits in 4..=1_000 {
            let limits = Limits::new(permits);
            assert!(limits.unreserved < limits.total, "{limits:?}");
            assert!(limits.share < limits.unreserved, "{limits:?}");
            assert!(limits.queries < limits.unreserved, "{limits:?}");
            assert!(limits.queries_per_workspace < limits.share, "{limits:?}");
            assert!(limits.queries_per_workspace < limits.queries, "{limits:?}");
        }
    }
}
