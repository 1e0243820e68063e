//! Medians and percentiles.

/// The middle of the values, or the mean of the two in the middle.
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    if values.len() % 2 == 1 {
        return Some(upper);
    }
    Some((values.get(middle - 1)? + upper) / 2.0)
}

/// The value below which `per_cent` of ascending values are.
pub fn percentile(ascending: &[u32], per_cent: usize) -> u32 {
    let index = ascending.len() * per_cent / 100;
    ascending.get(index).or(ascending.last()).copied().unwrap_or(0)
}
