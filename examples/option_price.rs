//! The price of an Asian option by Monte Carlo, for several strikes, the same on any number of threads. It shows random streams,
//! estimates with their error, and tables in an ordinary program; it knows one model of the market only.
//!
//! `cargo run --release --example option_price [PATHS] [FIGURE]`

use ferrolab::prelude::*;
use ferrolab::random::Stream;
use std::error::Error;
use std::path::Path;

const WEEKS: u32 = 52;
const STRIKES: [f64; 5] = [90.0, 95.0, 100.0, 105.0, 110.0];

/// A share whose price moves as a geometric Brownian motion, over a year.
#[derive(Debug, Clone, Copy)]
struct Market {
    price: f64,
    rate: f64,
    volatility: f64,
}

impl Market {
    /// The average of the weekly prices along one random path.
    fn average(&self, rng: &mut Stream) -> f64 {
        let dt = 1.0 / f64::from(WEEKS);
        let drift = (self.rate - self.volatility * self.volatility / 2.0) * dt;
        let spread = self.volatility * dt.sqrt();
        let (mut log_price, mut sum) = (self.price.ln(), 0.0);
        for _ in 0..WEEKS {
            log_price += drift + spread * rng.normal();
            sum += log_price.exp();
        }
        sum / f64::from(WEEKS)
    }

    /// What the option is worth today: the average above the strike, paid in a year.
    fn price(&self, strike: f64, paths: usize) -> par::Estimate {
        let discount = (-self.rate).exp();
        par::message("paths").monte_carlo(paths, 7, |rng| discount * (self.average(rng) - strike).max(0.0))
    }
}

fn run(paths: usize, figure: &Path) -> Result<(), Box<dyn Error>> {
    let market = Market { price: 100.0, rate: 0.03, volatility: 0.25 };
    println!("{market:?}, {} threads", threads().count());
    let prices = STRIKES.map(|strike| market.price(strike, paths));
    let rows = STRIKES
        .iter()
        .zip(&prices)
        .map(|(strike, price)| [strike.to_string(), format!("{:.4}", price.mean), format!("{:.4}", price.error)]);
    display::table(["strike", "price", "error"], rows).show();
    plot::errorbars(STRIKES, prices.map(|price| price.mean), prices.map(|price| 2.0 * price.error))
        .title("Price of an Asian option")
        .xlabel("strike")
        .ylabel("price")
        .save(figure)?;
    println!("{}", figure.display());
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let paths = arguments.first().map_or(Ok(1_000_000), |text| text.parse())?;
    run(paths, Path::new(arguments.get(1).map_or("option_price.svg", String::as_str)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_market_that_does_not_move_pays_the_difference() {
        let still = Market { price: 100.0, rate: 0.0, volatility: 0.0 };
        assert!((still.price(90.0, 1000).mean - 10.0).abs() < 1e-9);
        assert_eq!(still.price(110.0, 1000).mean, 0.0);
    }

    #[test]
    fn the_price_falls_with_the_strike_and_is_the_same_again() {
        let market = Market { price: 100.0, rate: 0.03, volatility: 0.25 };
        let prices = STRIKES.map(|strike| market.price(strike, 5000).mean);
        assert!(prices.is_sorted_by(|a, b| a > b), "{prices:?}");
        assert_eq!(prices[0].to_bits(), market.price(STRIKES[0], 5000).mean.to_bits());
    }

    #[test]
    fn table_and_figure_are_made() {
        let figure = std::env::temp_dir().join(format!("option-{}.svg", std::process::id()));
        run(500, &figure).expect("a figure");
        let text = std::fs::read_to_string(&figure).expect("what was saved");
        std::fs::remove_file(&figure).expect("a file of ours");
        assert!(text.contains("Asian"));
    }
}
