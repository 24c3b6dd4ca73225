//! Functions whose least value is known, for searches to find.
//! Both: Dixon, Szegő, *Towards Global Optimisation 2*, 1978.

use std::f64::consts::PI;

/// Branin's function of a number in `[-5, 10]` and one in `[0, 15]`; its least value is 0.397887.
pub fn branin(x: f64, y: f64) -> f64 {
    let bent = y - 5.1 / (4.0 * PI * PI) * x * x + 5.0 / PI * x - 6.0;
    bent * bent + 10.0 * (1.0 - 1.0 / (8.0 * PI)) * x.cos() + 10.0
}

/// Hartmann's function of six numbers in `[0, 1]`; its least value is -3.32237.
pub fn hartmann(at: [f64; 6]) -> f64 {
    const HEIGHT: [f64; 4] = [1.0, 1.2, 3.0, 3.2];
    const WIDTH: [[f64; 6]; 4] = [
        [10.0, 3.0, 17.0, 3.5, 1.7, 8.0],
        [0.05, 10.0, 17.0, 0.1, 8.0, 14.0],
        [3.0, 3.5, 1.7, 10.0, 17.0, 8.0],
        [17.0, 8.0, 0.05, 10.0, 0.1, 14.0],
    ];
    const PLACE: [[f64; 6]; 4] = [
        [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
        [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
        [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650],
        [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
    ];
    let hills = HEIGHT.iter().zip(WIDTH.iter().zip(&PLACE));
    let hill = |(height, (width, place)): (&f64, (&[f64; 6], &[f64; 6]))| {
        let terms = at.iter().zip(width.iter().zip(place));
        height * (-terms.map(|(x, (w, p))| w * (x - p) * (x - p)).sum::<f64>()).exp()
    };
    -hills.map(hill).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // where the literature has their least values
    fn the_least_values_are_where_they_are_said_to_be() {
        assert!((branin(PI, 2.275) - 0.397_887).abs() < 1e-6);
        let least = hartmann([0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573]);
        assert!((least + 3.32237).abs() < 1e-5, "{least}");
    }
}
