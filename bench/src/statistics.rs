//! Medians, and two things measured in turns.

/// One measurement of ours and one of the yardstick's, round by round.
#[derive(Debug, Default)]
pub(crate) struct Paired {
    ours: Vec<f64>,
    yardstick: Vec<f64>,
}

impl Paired {
    /// Takes both once a round, the order changing from round to round.
    pub(crate) fn measure(rounds: usize, mut one: impl FnMut(bool) -> f64) -> Self {
        let mut paired = Self::default();
        // The first of each is a warm-up.
        one(true);
        one(false);
        for round in 0..rounds {
            for ours in if round % 2 == 0 { [true, false] } else { [false, true] } {
                let figure = one(ours);
                if ours { paired.ours.push(figure) } else { paired.yardstick.push(figure) }
            }
        }
        paired
    }

    /// A line: medians, and the median of the rounds' ratios with its extremes.
    pub(crate) fn print(&self, what: &str, yardstick: &str, unit: &str, aim: &str) {
        let ratios: Vec<f64> = self.ours.iter().zip(&self.yardstick).map(|(a, b)| a / b).collect();
        let (low, high) = ratios
            .iter()
            .fold((f64::MAX, f64::MIN), |(low, high), ratio| (low.min(*ratio), high.max(*ratio)));
        println!("{what}");
        println!("  bearerd            {:>12.0} {unit}", median(&self.ours));
        println!("  {yardstick:<18} {:>12.0} {unit}", median(&self.yardstick));
        println!(
            "  ratio              {:>12.2}   ({low:.2} to {high:.2}; {aim})\n",
            median(&ratios)
        );
    }
}

/// The middle one; of nothing, nothing.
pub(crate) fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert!(median(&[]).is_nan());
    }
}
