//! Ranges, ticks, limits, statistics, and where legends stand.

use super::super::canvas::Area;
use super::super::hull::extremes;
use super::super::kinds::boxplot::Quartiles;
use super::super::kinds::hist::bin;
use super::super::layout::{Drawing, Margins};
use super::super::limits;
use super::super::numbers::short;
use super::super::scale::Scale;
use super::*;

fn scale(low: f64, high: f64, log: bool) -> Scale {
    Scale { log, ..Scale::linear(low, high) }
}

fn labels(scale: Scale, most: usize) -> Vec<String> {
    scale.ticks(most).into_iter().map(|t| t.label).collect()
}

#[test]
fn ticks_are_round_numbers() {
    assert_eq!(labels(scale(0.0, 1.0, false), 5), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
    assert_eq!(labels(scale(-5.0, 5.0, false), 4), ["−5.0", "−2.5", "0.0", "2.5", "5.0"]);
    assert_eq!(labels(scale(5.0, -5.0, false), 4), ["−5.0", "−2.5", "0.0", "2.5", "5.0"]);
    assert_eq!(labels(scale(0.0, 1e7, false), 6), ["0", "2·10⁶", "4·10⁶", "6·10⁶", "8·10⁶", "10·10⁶"]);
    assert_eq!(labels(scale(1.0, 1000.0, true), 6), ["1", "10", "100", "1000"]);
    assert_eq!(labels(scale(1e5, 1e8, true), 6), ["10⁵", "10⁶", "10⁷", "10⁸"]);
    for (low, high) in [(1e-300, 2e-300), (-1e300, 1e300), (1e15, 1e15 + 1.0), (0.1, 0.1000001)] {
        let ticks = scale(low, high, false).ticks(6);
        assert!(ticks.len() < 12, "{low} {high}: {ticks:?}");
    }
    assert_eq!(scale(1.0, 100.0, true).minor().len(), 16);
    assert!(scale(1.0, 1e300, true).minor().is_empty() && scale(1.0, 100.0, false).minor().is_empty());
}

#[test]
fn ranges_hold_all_values() {
    let around = |v: &[f64], log| Scale::around(extremes(v), log, false, 0.05);
    assert_eq!(around(&[], false), None);
    assert_eq!(around(&[f64::NAN, f64::INFINITY], false), None);
    assert_eq!(around(&[-1.0, 0.0], true), None);
    for values in [&[5.0, 5.0][..], &[0.0], &[-3.0], &[1e-320, 1e300], &[f64::MIN, f64::MAX]] {
        let s = around(values, false).unwrap();
        assert!(s.low < s.high && (s.high - s.low).is_finite(), "{values:?} {s:?}");
        assert!(values.iter().all(|v| (-0.1..=1.1).contains(&s.place(*v))), "{values:?} {s:?}");
    }
    let s = around(&[1.0, 100.0], true).unwrap();
    assert!((s.place(10.0) - 0.5).abs() < 1e-12 && s.place(0.0).is_nan());
}

#[test]
fn rows_and_columns_have_whole_numbers() {
    for n in [1, 2, 3, 5, 40] {
        let figure = matrix((vec![1.0; n], n, 1));
        let sheet = figure.svg();
        assert!(
            texts(&sheet).iter().filter(|t| t.1 > 370.0).all(|t| t.5.parse::<f64>().unwrap().fract() == 0.0),
            "{n}"
        );
    }
}

#[test]
fn extremes_of_many_values_are_those_of_all() {
    let mut values = noise(1_000_000, 3);
    (values[123_456], values[999_999], values[5]) = (-7.0, 9.0, f64::NAN);
    assert_eq!(extremes(&values), (-7.0, 9.0));
    let (x, y) = limits::scales(&line_y(values)).unwrap();
    assert!(x.low < 0.0 && x.high > 999_999.0 && y.low < -7.0 && y.high > 9.0 && y.high < 10.0);
}

#[test]
fn limits_are_kept_and_fit_the_other_axis() {
    let figure = line(0..100, (0..100).map(|i| f64::from(i * i)).collect::<Vec<_>>()).xlim(2.0, 4.0);
    let (x, y) = limits::scales(&figure).unwrap();
    assert_eq!((x.low, x.high), (2.0, 4.0));
    assert!(y.low > 0.0 && y.high < 20.0, "fitted to what is seen: {y:?}");
    let (_, y) = limits::scales(&figure.ylim(50.0, -50.0)).unwrap();
    assert_eq!((y.low, y.high), (50.0, -50.0));
    let refused = |f: fn() -> Plot| *std::panic::catch_unwind(f).unwrap_err().downcast::<String>().unwrap();
    assert!(refused(|| line_y(&[1]).xlim(1.0, 1.0)).contains("xlim(1, 1)"));
    assert!(refused(|| line_y(&[1]).ylim(f64::NAN, 1.0)).contains("finite"));
    assert!(refused(|| line_y(&[1]).log_y().ylim(-1.0, 1.0)).contains("positive"));
    assert!(refused(|| line_y(&[1]).ylim(0.0, 1.0).log_y()).contains("positive"));
}

#[test]
fn histograms_count_every_finite_value() {
    assert_eq!(bin(&[], None), (vec![], vec![]));
    assert_eq!(bin(&[2.0; 5], None).1, [5.0]);
    let values: Vec<f64> = (0..1000).map(|i| f64::from(i).sqrt()).collect();
    for bins in [None, Some(1), Some(7), Some(100)] {
        let (edges, counts) = bin(&values, bins);
        assert_eq!(edges.len(), counts.len() + 1);
        assert_eq!(counts.iter().sum::<f64>(), 1000.0);
        assert!(bins.is_none_or(|n| n == counts.len()));
        // Against the definition, one bin after the other.
        for (i, count) in counts.iter().enumerate() {
            let last = i + 1 == counts.len();
            let inside = |v: &&f64| **v >= edges[i] && (**v < edges[i + 1] || last);
            assert_eq!(values.iter().filter(inside).count() as f64, *count);
        }
    }
    assert_eq!(bin(&[f64::NAN, 1.0, 2.0], Some(2)).1, [1.0, 1.0]);
    assert!(bin(&[f64::MIN, f64::MAX, 0.0], None).1.iter().sum::<f64>() == 3.0);
}

#[test]
fn boxes_follow_tukeys_rule() {
    let group = Quartiles::of(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 100.0, f64::NAN]).unwrap();
    assert_eq!(group.quartiles, [3.0, 5.0, 7.0]);
    assert_eq!((group.whiskers, group.outliers), ([1.0, 8.0], vec![100.0]));
    let two = Quartiles::of(&[1.0, 2.0]).unwrap();
    assert_eq!((two.quartiles, two.whiskers), ([1.25, 1.5, 1.75], [1.0, 2.0]));
    assert!(Quartiles::of(&[f64::INFINITY]).is_none());
}

fn drawing(plot: &Plot) -> Drawing<'_> {
    let frame = Area { x: 0.0, y: 0.0, w: f64::from(plot.size.0), h: f64::from(plot.size.1) };
    Drawing::new(plot, frame, None, Margins::default())
}

#[test]
fn legends_stand_in_the_free_corner_or_above() {
    // Points in three corners leave the fourth.
    let corners = [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)];
    for free in 0..4 {
        let kept: Vec<(f64, f64)> = (0..4).filter(|i| *i != free).map(|i| corners[i]).collect();
        let (xs, ys): (Vec<f64>, Vec<f64>) = kept.into_iter().unzip();
        let figure = scatter(xs, ys).xlim(-0.1, 1.1).ylim(-0.1, 1.1).label("name");
        let svg = figure.svg();
        let (place, _) = boxes_of_texts(&svg).into_iter().find(|(_, words)| words == "name").unwrap();
        assert_eq!(place[0] > 320.0, corners[free].0 > 0.5, "corner {free}");
        assert_eq!(place[1] < 200.0, corners[free].1 > 0.5, "corner {free}");
    }
    let everywhere = scatter(noise(2000, 1), noise(2000, 2)).label("name");
    let above = drawing(&everywhere);
    let (place, _) = boxes_of_texts(&everywhere.svg()).into_iter().find(|(_, words)| words == "name").unwrap();
    assert!(place[3] <= above.plane.area.y, "above the axes");
}

#[test]
fn groups_share_names_whatever_their_order() {
    let both = bar(&["a", "b"], &[1, 2]).add(bar(&["b", "c"], &[3, 4]));
    assert_eq!(both.names, ["a", "b", "c"]);
    assert_eq!(both.series[1].xs.clone().into_vec(), [1.0, 2.0]);
    let svg = both.svg();
    assert!(["a", "b", "c"].iter().all(|name| svg.contains(&format!(">{name}</text>"))));
}

#[test]
fn panels_share_axes_and_line_up() {
    let (small, large) = (line_y(&[0.0, 1.0]), line_y(&[0.0, 100_000.0]).title("t").ylabel("unit"));
    let both = row([small.clone(), large.clone()]).share_y();
    let sheet = both.sheet();
    assert_eq!(sheet.drawings[0].plane.y, sheet.drawings[1].plane.y);
    assert!(sheet.drawings[0].plane.y.high > 100_000.0);
    let grid = panels([vec![small.clone(), large.clone()], vec![large, small.clone()], vec![small]]).title("All");
    let sheet = grid.sheet();
    let areas: Vec<_> = sheet.drawings.iter().map(|d| d.plane.area).collect();
    assert_eq!((areas[0].x, areas[0].w), (areas[2].x, areas[2].w));
    assert_eq!((areas[0].y, areas[0].h), (areas[1].y, areas[1].h));
    assert_eq!(areas.len(), 5);
    assert_eq!(row((0..6).map(|i| line_y(&[i]))).columns(4).sheet().drawings[5].plane.area.x, {
        let six = row((0..6).map(|i| line_y(&[i]))).columns(4);
        six.sheet().drawings[1].plane.area.x
    });
    assert!(plain(&row([])).contains("no panels") && row([]).svg().ends_with("</svg>"));
}

#[test]
fn numbers_in_sentences_are_short() {
    assert_eq!(short(1234.5678), "1235");
    assert_eq!(short(0.00012345), "0.0001234");
}
