//! The `Date` of a reply: `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7, IMF-fixdate).
//!
//! Written by hand because it is one fixed format on the hot path, and because the clock is
//! somebody else's: seconds come in as a number. Read is the same format; the two obsolete ones
//! were last sent in the nineties, and a date that is not understood is only a hint less.

/// A date in the only format that HTTP lets a server write. Worth keeping for a second.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HttpDate {
    text: [u8; 29],
}

/// 9999-12-31 23:59:59: the last second that four digits of a year can say.
const LAST_SECOND: u64 = 253_402_300_799;

const WEEKDAYS: [&[u8; 3]; 7] = [b"Thu", b"Fri", b"Sat", b"Sun", b"Mon", b"Tue", b"Wed"];
const MONTHS: [&[u8; 3]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

impl HttpDate {
    /// The date of this many seconds after 1970-01-01 00:00:00 UTC.
    #[must_use]
    pub fn from_unix(seconds: u64) -> Self {
        let seconds = seconds.min(LAST_SECOND);
        let (days, second) = (seconds / 86_400, seconds % 86_400);
        let (year, month, day) = civil_from_days(days);
        let mut text = *b"Thu, 00 Jan 0000 00:00:00 GMT";
        text[..3].copy_from_slice(WEEKDAYS[(days % 7) as usize]);
        put_two(&mut text[5..7], day);
        text[8..11].copy_from_slice(MONTHS[(month - 1) as usize]);
        put_two(&mut text[12..14], year / 100);
        put_two(&mut text[14..16], year % 100);
        put_two(&mut text[17..19], second / 3600);
        put_two(&mut text[20..22], second / 60 % 60);
        put_two(&mut text[23..25], second % 60);
        Self { text }
    }

    /// The seconds since 1970 of a date that a peer has sent. The day of the week is not looked at.
    #[must_use]
    pub fn parse_unix(text: &[u8]) -> Option<u64> {
        let &[
            _,
            _,
            _,
            b',',
            b' ',
            d1,
            d2,
            b' ',
            m1,
            m2,
            m3,
            b' ',
            y1,
            y2,
            y3,
            y4,
            b' ',
            ref rest @ ..,
        ] = text.trim_ascii()
        else {
            return None;
        };
        let &[h1, h2, b':', i1, i2, b':', s1, s2, b' ', b'G', b'M', b'T'] = rest else {
            return None;
        };
        let month = MONTHS.iter().position(|name| **name == [m1, m2, m3])? as u64 + 1;
        let year = number(&[y1, y2, y3, y4])?;
        let day = number(&[d1, d2]).filter(|day| (1..=31).contains(day))?;
        let hour = number(&[h1, h2]).filter(|hour| *hour < 24)?;
        let minute = number(&[i1, i2]).filter(|minute| *minute < 60)?;
        let second = number(&[s1, s2]).filter(|second| *second <= 60)?; // a leap second
        let days = days_from_civil(year, month, day)?;
        Some(days * 86_400 + hour * 3600 + minute * 60 + second)
    }

    /// The 29 bytes, as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.text).expect("digits and the letters above are ASCII")
    }
}

impl std::fmt::Debug for HttpDate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

fn put_two(text: &mut [u8], number: u64) {
    text.copy_from_slice(&[b'0' + (number / 10 % 10) as u8, b'0' + (number % 10) as u8]);
}

fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |number, byte| {
        byte.is_ascii_digit()
            .then(|| number * 10 + u64::from(byte - b'0'))
    })
}

/// The opposite of [`civil_from_days`]; `None` before 1970.
fn days_from_civil(year: u64, month: u64, day: u64) -> Option<u64> {
    let year = year.checked_sub(u64::from(month <= 2))?;
    let (era, year_of_era) = (year / 400, year % 400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (era * 146_097 + day_of_era).checked_sub(719_468)
}

/// Year, month (1 to 12) and day (1 to 31) of a number of days since 1970-01-01.
///
/// Counts in years that begin in March, so that the leap day is the last of its year and months
/// have lengths that a line through 153/5 describes; in eras of 400 years, which repeat exactly.
/// (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".)
fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let since_year_zero = days + 719_468;
    let (era, day_of_era) = (since_year_zero / 146_097, since_year_zero % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_that_are_known() {
        let cases = [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
            (LAST_SECOND, "Fri, 31 Dec 9999 23:59:59 GMT"),
            (u64::MAX, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ];
        for (seconds, text) in cases {
            let date = HttpDate::from_unix(seconds);
            assert_eq!(date.as_str(), text);
            let back = HttpDate::parse_unix(text.as_bytes());
            assert_eq!(back, Some(seconds.min(LAST_SECOND)));
        }
    }

    #[test]
    fn what_is_no_such_date_is_none() {
        for wrong in [
            "",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sun, 06 nov 1994 08:49:37 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 06 Nov 1994 08:60:37 GMT",
            "Sun, +6 Nov 1994 08:49:37 GMT",
            "Wed, 31 Dec 1969 23:59:59 GMT",
            "Sat, 01 Jan 0000 00:00:00 GMT",
        ] {
            assert_eq!(HttpDate::parse_unix(wrong.as_bytes()), None, "{wrong}");
        }
    }

    /// A library that knows calendars says the same of every day for two centuries.
    #[test]
    fn agrees_with_jiff() {
        for day in 0..80_000_i64 {
            let seconds = day * 86_400 + day % 86_400;
            let theirs = jiff::Timestamp::from_second(seconds).expect("within jiff's range");
            let theirs = theirs.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
            let seconds = seconds.unsigned_abs();
            assert_eq!(HttpDate::from_unix(seconds).as_str(), theirs);
            assert_eq!(HttpDate::parse_unix(theirs.as_bytes()), Some(seconds));
        }
    }
}
