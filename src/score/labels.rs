//! Words for the two figures that people ask about first.

/// A label for a Flesch reading ease, by the bands of Flesch's table ("How to Write Plain
/// English", 1979). `None` of it can be said of a text without words.
pub(super) fn reading_ease(ease: f64, words: u64) -> &'static str {
    match ease {
        _ if words == 0 => "no words",
        90.0.. => "very easy",
        80.0.. => "easy",
        70.0.. => "fairly easy",
        60.0.. => "standard",
        50.0.. => "fairly difficult",
        30.0.. => "difficult",
        _ => "very difficult",
    }
}

/// A label for VADER's compound figure, at the thresholds that its authors recommend.
pub(super) fn feeling(compound: f64) -> &'static str {
    match compound {
        0.05.. => "positive",
        ..=-0.05 => "negative",
        _ => "neutral",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_band_begins_at_its_lower_end() {
        assert_eq!(reading_ease(90.0, 1), "very easy");
        assert_eq!(reading_ease(89.999, 1), "easy");
        assert_eq!(reading_ease(50.0, 1), "fairly difficult");
        assert_eq!(reading_ease(-400.0, 1), "very difficult");
        assert_eq!(reading_ease(0.0, 0), "no words");
    }

    #[test]
    fn what_is_close_to_zero_is_neutral() {
        assert_eq!(feeling(0.05), "positive");
        assert_eq!(feeling(0.0499), "neutral");
        assert_eq!(feeling(-0.0499), "neutral");
        assert_eq!(feeling(-0.05), "negative");
    }
}
