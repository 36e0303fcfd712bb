//! Heat that spreads over a plate: the explicit scheme for the heat equation, by a parallel stencil with a bar. It shows the
//! helpers in an ordinary program, where displays print text and figures are saved; it is no solver for hard problems.
//!
//! `cargo run --release --example heat [SIZE] [STEPS] [FIGURE]`

use ferrolab::prelude::*;
use par::Edge;
use std::error::Error;
use std::path::Path;

/// The part of a difference that flows in one step. Above a quarter the scheme is not stable.
const FLOW: f64 = 0.2;

/// A cold plate with a pattern of hot squares, by rows.
fn plate(size: usize) -> Vec<f64> {
    let square = size.div_ceil(5);
    par::map(par::grid([size, size]), |[y, x]| if (y / square) % 2 == 1 && (x / square) % 2 == 1 { 1.0 } else { 0.0 })
}

/// One step. Nothing flows over the edge, because the plate goes on there with the same heat.
fn step(heat: &[f64], size: usize) -> Vec<f64> {
    par::quiet().stencil2(heat, [size, size], Edge::Clamp, |a| {
        let around = a.at(-1, 0) + a.at(1, 0) + a.at(0, -1) + a.at(0, 1);
        a.at(0, 0) + FLOW * (around - 4.0 * a.at(0, 0))
    })
}

fn run(size: usize, steps: usize, figure: &Path) -> Result<(), Box<dyn Error>> {
    let start = plate(size);
    let mut heat = start.clone();
    for _ in progress(0..steps).message("steps") {
        heat = step(&heat, size);
    }
    println!("heat before {:.3}, after {:.3}", par::sum(&start), par::sum(&heat));
    println!("hottest place before {:.3}, after {:.3}", hottest(&start), hottest(&heat));
    let field =
        |heat: &[f64], title: &str| plot::heatmap(heat, size, size).colormap("magma").range(0.0, 1.0).title(title);
    plot::row([field(&start, "before"), field(&heat, "after")]).save(figure)?;
    println!("{}", figure.display());
    Ok(())
}

/// The highest value; zero of a plate without places.
fn hottest(heat: &[f64]) -> f64 {
    par::max(heat).unwrap_or(0.0)
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, usual: usize| arguments.get(at).map_or(Ok(usual), |text| text.parse());
    let figure = arguments.get(2).map_or("heat.png", String::as_str);
    run(number(0, 400)?, number(1, 2000)?, Path::new(figure))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heat_spreads_and_none_is_lost() {
        let start = plate(50);
        let after = (0..100).fold(start.clone(), |heat, _| step(&heat, 50));
        assert!((par::sum(&start) - par::sum(&after)).abs() < 1e-9);
        assert!(hottest(&after) < 0.9 * hottest(&start));
        assert!(after.iter().all(|heat| (0.0..=1.0).contains(heat)));
    }

    #[test]
    fn the_figure_is_saved() {
        let figure = std::env::temp_dir().join(format!("heat-{}.svg", std::process::id()));
        run(40, 20, &figure).expect("a figure");
        let text = std::fs::read_to_string(&figure).expect("what was saved");
        std::fs::remove_file(&figure).expect("a file of ours");
        assert!(text.starts_with("<svg") && text.contains("after"));
    }
}
