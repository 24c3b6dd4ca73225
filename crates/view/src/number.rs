//! How numbers are written, everywhere in the same way.

/// A number with four significant digits, as `0.8460`, `12.35`, `1,234`; whole numbers in full.
///
/// Beyond 10¹⁵ and below 10⁻⁴ it becomes `1.235×10⁻⁷`; what is no number is `–`.
///
/// ```
/// # use gristmill_view::number;
/// assert_eq!(number(0.84596), "0.8460");
/// assert_eq!(number(-12_345.6), "−12,346");
/// assert_eq!(number(7043.0), "7,043");
/// assert_eq!(number(f64::NAN), "–");
/// ```
pub fn number(value: f64) -> String {
    if value.is_nan() {
        return "–".to_string();
    }
    if value.is_infinite() {
        return if value > 0.0 { "∞" } else { "−∞" }.to_string();
    }
    let size = value.abs();
    if size == 0.0 {
        return "0".to_string();
    }
    if !(1e-4..1e15).contains(&size) {
        return scientific(value, 3);
    }
    if value.fract() == 0.0 {
        return fixed(value, 0);
    }
    fixed(value, digits(value))
}

/// A share of 1 in per cent: `84.6 %`, with a narrow space; small ones keep a digit, as `0.04 %`.
///
/// ```
/// # use gristmill_view::percent;
/// assert_eq!(percent(0.2654), "26.5\u{202F}%");
/// assert_eq!(percent(1.0), "100\u{202F}%");
/// ```
pub fn percent(share: f64) -> String {
    let value = share * 100.0;
    if !value.is_finite() {
        return number(value);
    }
    let digits = if value.fract() == 0.0 {
        0
    } else if value.abs() >= 0.1 {
        1
    } else {
        2
    };
    format!("{}\u{202F}%", fixed(value, digits))
}

/// A count with its thousands set apart: `7,043`.
pub fn count(value: u64) -> String {
    group(&value.to_string())
}

/// Bytes in the usual units of 1,024: `1.4 MiB`.
pub fn bytes(value: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if value < 1024 {
        return format!("{value} B");
    }
    let mut size = value as f64 / 1024.0;
    let mut unit = 0;
    while size >= 1023.95 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    format!("{} {}", fixed(size, usize::from(size < 99.95)), UNITS[unit])
}

/// A length of time given in seconds: `85 ms`, `1.24 s`, `3 min 5 s`, `2 h 4 min`, `3 d 2 h`.
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() {
        return number(seconds);
    }
    let size = seconds.abs();
    let whole = |unit: f64| (size / unit).floor();
    let sign = if seconds < 0.0 { "−" } else { "" };
    let words = match size {
        s if s < 0.001 => format!("{} µs", fixed(s * 1e6, 0)),
        s if s < 0.9995 => format!("{} ms", fixed(s * 1e3, 0)),
        s if s < 9.995 => format!("{} s", fixed(s, 2)),
        s if s < 59.95 => format!("{} s", fixed(s, 1)),
        s if s < 3600.0 => format!("{} min {} s", whole(60.0), (s % 60.0).floor()),
        s if s < 86_400.0 => format!("{} h {} min", whole(3600.0), (s % 3600.0 / 60.0).floor()),
        s => format!("{} d {} h", fixed(whole(86_400.0), 0), (s % 86_400.0 / 3600.0).floor()),
    };
    format!("{sign}{words}")
}

/// Numbers of one column, all with as many digits after the point as the largest needs; one that
/// would become 0 keeps its own.
pub(crate) fn aligned(values: &[f64]) -> Vec<String> {
    let size = values.iter().filter(|v| v.is_finite()).fold(0.0_f64, |most, v| most.max(v.abs()));
    let digits = digits(size);
    let word = |v: f64| {
        let fits = v.is_finite() && (1e-4..1e15).contains(&size);
        let kept = v == 0.0 || v.abs() >= 0.5 * 10f64.powi(-(digits as i32));
        if fits && kept && v.fract() != 0.0 { fixed(v, digits) } else { number(v) }
    };
    values.iter().map(|&v| word(v)).collect()
}

/// A deviation with as many digits as its mean: `± 0.0150`.
pub(crate) fn spread(mean: f64, deviation: f64) -> String {
    format!("± {}", aligned(&[mean, deviation])[1])
}

/// How many digits after the point make four in all.
fn digits(value: f64) -> usize {
    (3 - exponent(value)).clamp(0, 7) as usize
}

/// Digits after the point fixed, thousands set apart, a true minus.
pub(crate) fn fixed(value: f64, digits: usize) -> String {
    let text = format!("{:.digits$}", value.abs());
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let is_zero = text.bytes().all(|b| matches!(b, b'0' | b'.'));
    let sign = if value < 0.0 && !is_zero { "−" } else { "" };
    format!("{sign}{}{rest}", group(whole))
}

/// `1.235×10⁻⁷`, with that many digits after the point.
pub(crate) fn scientific(value: f64, digits: usize) -> String {
    let text = format!("{:.digits$e}", value.abs());
    let (mantissa, power) = text.split_once('e').unwrap_or((&text, "0"));
    let sign = if value < 0.0 { "−" } else { "" };
    format!("{sign}{mantissa}×10{}", superscript(power))
}

/// The power of ten of the first digit, after rounding to four of them.
fn exponent(value: f64) -> i32 {
    let text = format!("{value:.3e}");
    text.split_once('e').and_then(|(_, power)| power.parse().ok()).unwrap_or(0)
}

pub(crate) fn superscript(digits: &str) -> String {
    let raised = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let raise = |c: char| c.to_digit(10).map_or('⁻', |d| raised[d as usize]);
    digits.chars().map(raise).collect()
}

fn group(digits: &str) -> String {
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check<const N: usize>(values: [f64; N], words: [&str; N]) {
        assert_eq!(values.map(number), words);
    }

    #[test]
    fn fractions_keep_four_digits() {
        check(
            [0.5, 0.99996, 12.345, 999.96, 1234.56],
            ["0.5000", "1.000", "12.35", "1,000", "1,235"],
        );
    }

    #[test]
    fn whole_numbers_are_written_in_full() {
        check([0.0, -0.0, 3.0, -1_234_567.0], ["0", "0", "3", "−1,234,567"]);
    }

    #[test]
    fn huge_and_tiny_numbers_get_a_power() {
        check([1.5e300, -2.5e-9, 5e-324], ["1.500×10³⁰⁰", "−2.500×10⁻⁹", "4.941×10⁻³²⁴"]);
    }

    #[test]
    fn what_is_no_number_is_said() {
        check([f64::NAN, f64::INFINITY, f64::NEG_INFINITY], ["–", "∞", "−∞"]);
    }

    #[test]
    fn a_column_shares_its_digits() {
        assert_eq!(aligned(&[0.1688, 0.004_292, 1e-9]), ["0.1688", "0.0043", "1.000×10⁻⁹"]);
        assert_eq!(aligned(&[12.0, 0.5, f64::NAN]), ["12", "0.50", "–"]);
        assert_eq!(spread(0.845, 0.01495), "± 0.0149");
    }

    #[test]
    fn units_fit_their_size() {
        assert_eq!(
            [0, 1023, 1024, 1_500_000, u64::MAX].map(bytes),
            ["0 B", "1023 B", "1.0 KiB", "1.4 MiB", "16.0 EiB"]
        );
        let times = [0.00002, 0.0853, 1.239, 42.0, 185.0, 7500.0, 266_400.0, -5.0];
        let words =
            ["20 µs", "85 ms", "1.24 s", "42.0 s", "3 min 5 s", "2 h 5 min", "3 d 2 h", "−5.00 s"];
        assert_eq!(times.map(duration), words);
    }

    #[test]
    fn a_small_share_is_not_called_nothing() {
        assert_eq!(
            [0.0004, 0.123_45, 0.5].map(percent),
            ["0.04\u{202F}%", "12.3\u{202F}%", "50\u{202F}%"]
        );
    }
}
