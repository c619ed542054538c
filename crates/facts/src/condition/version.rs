//! Comparing versions: [`compare`].

use std::cmp::Ordering;

/// Compares piece by piece: runs of digits by their value, runs of letters as text, letters before digits. What stands
/// between the runs does not count. A version that goes on is the greater one.
pub(super) fn compare(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (pieces(left), pieces(right));
    // Each turn takes a piece of both; there are no more of them than characters.
    loop {
        match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(one), Some(other)) => match one.cmp(&other) {
                Ordering::Equal => {}
                unequal => return unequal,
            },
        }
    }
}

/// A run of the same kind. Letters are less than digits: `1.2beta` comes before `1.2.1`.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Piece<'a> {
    Letters(&'a str),
    /// Number of digits without leading zeros, and the digits: so they are ordered by value, however long they are.
    Digits(usize, &'a str),
}

fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(|c: char| !c.is_alphanumeric());
        let first = rest.chars().next()?;
        let is_digit = first.is_ascii_digit();
        let same = |c: char| c.is_alphanumeric() && c.is_ascii_digit() == is_digit;
        let end = rest.find(|c: char| !same(c)).unwrap_or(rest.len());
        let (run, after) = rest.split_at_checked(end)?;
        rest = after;
        if !is_digit {
            return Some(Piece::Letters(run));
        }
        let digits = run.trim_start_matches('0');
        Some(Piece::Digits(digits.len(), digits))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn digits_count_by_their_value() {
        let ascending = ["1.2beta", "1.2.0", "1.2.9", "1.2.10", "1.10", "2", "10", "10.0-1", "10.0-2"];
        for (index, one) in ascending.iter().enumerate() {
            for (place, other) in ascending.iter().enumerate() {
                assert_eq!(compare(one, other), index.cmp(&place), "{one} and {other}");
            }
        }
        assert_eq!(compare("1.02", "1-2"), Ordering::Equal);
        assert_eq!(compare("99999999999999999999999", "100000000000000000000000"), Ordering::Less);
    }

    proptest! {
        #[test]
        fn it_is_an_order(a in "\\PC{0,12}", b in "[0-9a-z.~-]{0,12}", c in "[0-9a-z.~-]{0,12}") {
            prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
            if compare(&a, &b).is_le() && compare(&b, &c).is_le() {
                prop_assert!(compare(&a, &c).is_le());
            }
        }
    }
}
