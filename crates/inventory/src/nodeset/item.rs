//! [`Item`]: what stands between the commas of a bracket.

use std::fmt;

use crate::nodeset::NodeSetError;

/// The longest number in a range, in digits; every such number fits into 64 bits.
pub(crate) const MAX_DIGITS: usize = 18;

/// What stands between the commas of a bracket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// Numbers from `first` to `last`, both included, every `step`-th of them.
    Range {
        /// The first number.
        first: u64,
        /// The last number that may be reached.
        last: u64,
        /// The distance between two numbers, at least 1.
        step: u64,
        /// Numbers are padded with zeros to so many digits; 0 for none.
        width: usize,
    },
    /// The text itself.
    Word(String),
}

impl Item {
    /// Reads one item. What consists of digits, `-` and `/` is a number or a range, everything else is a
    /// word: `[us-east,us-west]` are two words.
    ///
    /// # Errors
    /// [`NodeSetError`] with columns counted from `column`.
    pub(crate) fn parse(text: &str, column: usize) -> Result<Self, NodeSetError> {
        if text.is_empty() {
            return Err(NodeSetError::EmptyItem { column });
        }
        let numeric = text.chars().all(|c| c.is_ascii_digit() || c == '-' || c == '/');
        if !numeric {
            return Ok(Self::Word(text.to_owned()));
        }
        let fault = |reason| NodeSetError::BadRange { text: text.chars().take(60).collect(), column, reason };
        let (range, step) = match text.split_once('/') {
            Some((range, step)) => (range, Some(step)),
            None => (text, None),
        };
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let number = |digits: &str| {
            if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                Err(fault("write first-last or first-last/step"))
            } else if digits.len() > MAX_DIGITS {
                Err(fault("has a number of more than 18 digits"))
            } else {
                digits.parse::<u64>().map_err(|_| fault("has a number that is too large"))
            }
        };
        let (from, to) = (number(first)?, number(last)?);
        let step = step.map_or(Ok(1), number)?;
        if step == 0 {
            return Err(fault("the step must be at least 1"));
        }
        if from > to {
            return Err(fault("runs backwards; write the smaller number first"));
        }
        if is_padded(last) && last.len() != first.len() {
            return Err(fault("write both numbers with the same number of digits"));
        }
        let width = if is_padded(first) { first.len() } else { 0 };
        Ok(Self::Range { first: from, last: to, step, width })
    }

    /// How many names it stands for.
    pub fn count(&self) -> u64 {
        match self {
            Self::Word(_) => 1,
            // `step` is never 0; dividing by at least 1 keeps that a matter of this line.
            Self::Range { first, last, step, .. } => last.saturating_sub(*first) / (*step).max(1) + 1,
        }
    }

    /// The length of its longest text in bytes.
    pub(crate) fn longest(&self) -> usize {
        match self {
            Self::Word(word) => word.len(),
            Self::Range { last, width, .. } => {
                let digits = last.checked_ilog10().unwrap_or(0) + 1;
                usize::try_from(digits).unwrap_or(usize::MAX).max(*width)
            }
        }
    }

    /// Appends its `index`-th text, counted from 0.
    pub(crate) fn write(&self, index: u64, out: &mut String) {
        match self {
            Self::Word(word) => out.push_str(word),
            Self::Range { first, step, width, .. } => {
                let number = first.saturating_add(step.saturating_mul(index));
                write_padded(number, *width, out);
            }
        }
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => f.write_str(word),
            Self::Range { first, last, step: 1, width } if first == last => write!(f, "{first:0width$}"),
            Self::Range { first, last, step: 1, width } => write!(f, "{first:0width$}-{last:0width$}"),
            Self::Range { first, last, step, width } => write!(f, "{first:0width$}-{last:0width$}/{step}"),
        }
    }
}

/// Whether a number is written with leading zeros.
pub(crate) fn is_padded(digits: &str) -> bool {
    digits.len() > 1 && digits.starts_with('0')
}

/// Appends the number with at least `width` digits.
pub(crate) fn write_padded(number: u64, width: usize, out: &mut String) {
    let digits = number.to_string();
    out.extend(std::iter::repeat_n('0', width.saturating_sub(digits.len())));
    out.push_str(&digits);
}
