//! Figures of ordinary and of strange data.

// Slices are what users pass.
#![allow(clippy::needless_borrows_for_generic_args)]

use super::scale::{Scale, short};
use super::series::bin;
use super::*;

fn scale(low: f64, high: f64, log: bool) -> Scale {
    Scale { low, high, log }
}

fn labels(scale: Scale, most: usize) -> Vec<String> {
    scale.ticks(most).into_iter().map(|t| t.label).collect()
}

#[test]
fn ticks_are_round_numbers() {
    assert_eq!(labels(scale(0.0, 1.0, false), 5), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
    assert_eq!(labels(scale(-5.0, 5.0, false), 4), ["−5.0", "−2.5", "0.0", "2.5", "5.0"]);
    assert_eq!(labels(scale(0.0, 1e7, false), 6), ["0", "2·10⁶", "4·10⁶", "6·10⁶", "8·10⁶", "10·10⁶"]);
    assert_eq!(labels(scale(1.0, 1000.0, true), 6), ["1", "10", "100", "1000"]);
    assert_eq!(labels(scale(1e5, 1e8, true), 6), ["10⁵", "10⁶", "10⁷", "10⁸"]);
    for (low, high) in [(1e-300, 2e-300), (-1e300, 1e300), (1e15, 1e15 + 1.0), (0.1, 0.1000001)] {
        let ticks = scale(low, high, false).ticks(6);
        assert!(ticks.len() < 12, "{low} {high}: {ticks:?}");
    }
}

#[test]
fn ranges_hold_all_values() {
    let around = |v: &[f64], log| Scale::around(v.iter().copied(), log, false, 0.05);
    assert_eq!(around(&[], false), None);
    assert_eq!(around(&[f64::NAN, f64::INFINITY], false), None);
    assert_eq!(around(&[-1.0, 0.0], true), None);
    for values in [&[5.0, 5.0][..], &[0.0], &[-3.0], &[1e-320, 1e300], &[f64::MIN, f64::MAX]] {
        let s = around(values, false).unwrap();
        assert!(s.low < s.high && (s.high - s.low).is_finite(), "{values:?} {s:?}");
    }
    let s = around(&[1.0, 100.0], true).unwrap();
    assert!((s.place(10.0) - 0.5).abs() < 1e-12 && s.place(0.0).is_nan());
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
    }
    assert_eq!(bin(&[f64::NAN, 1.0, 2.0], Some(2)).1, [1.0, 1.0]);
    assert!(bin(&[f64::MIN, f64::MAX, 0.0], None).1.iter().sum::<f64>() == 3.0);
}

/// All kinds of figures over some numbers.
fn figures(v: &[f64]) -> Vec<Plot> {
    let mut all = vec![
        line_y(v),
        line(v, v),
        scatter(v, v),
        steps(v, v),
        hist(v),
        errorbars(v, v, v),
        bar(&vec!["<a>"; v.len()], v),
        heatmap(v, v.len(), 1),
    ];
    all.push(line_y(v).label("x & y").add(scatter(v, v).label("<b>")));
    let logs: Vec<Plot> = all.iter().map(|p| p.clone().log_x().log_y()).collect();
    all.extend(logs);
    all
}

#[test]
fn strange_data_still_gives_figures() {
    let (nan, inf) = (f64::NAN, f64::INFINITY);
    let data: [&[f64]; 10] = [
        &[],
        &[0.0],
        &[nan],
        &[nan, inf, -inf],
        &[3.0, 3.0, 3.0],
        &[1.0, nan, 2.0, inf, -4.0],
        &[f64::MAX, f64::MIN],
        &[1e-320, 0.0, -1e-320],
        &[-1.0, -2.0],
        &[1e16, 1e16 + 2.0],
    ];
    for values in data {
        for figure in figures(values) {
            let svg = figure.clone().title("a<b").size(300, 200).svg();
            assert!(svg.starts_with("<svg") && svg.ends_with("</svg>"));
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{values:?}: {svg}");
            assert!(svg.contains("<title>a&lt;b</title><desc>"));
            assert_eq!(&figure.size(90, 80).png()[1..4], b"PNG");
        }
    }
    assert!(line_y(&[] as &[f64]).svg().contains("no data"));
    assert!(line_y(&[f64::NAN]).svg().contains("no data"));
    assert!(!line_y(&[1.0]).svg().contains("no data"));
}

#[test]
fn gaps_split_lines() {
    let svg = line_y(&[1.0, 2.0, f64::NAN, 4.0, 5.0]).svg();
    let blue = "stroke=\"#2b8cde\"";
    assert_eq!(svg.matches(blue).count(), 2);
}

#[test]
fn large_lines_keep_their_peaks() {
    let mut values = vec![0.0; 1_000_000];
    values[777_777] = 1000.0;
    let figure = line_y(&values);
    let bundle = figure.mime_bundle();
    assert_eq!(bundle[0].0, "image/svg+xml");
    assert!(bundle[0].1.len() < 100_000);
    let top = figure.svg();
    // The highest point is 5 % below the top of the area.
    assert!(top.contains("1000"), "{top}");
    let lowest = |s: &str| {
        let points = s.split("points=\"").filter_map(|p| p.split('"').next());
        let ys = points.flat_map(|p| p.split(' ').filter_map(|q| q.split(',').nth(1)?.parse().ok()));
        ys.fold(f64::MAX, f64::min)
    };
    assert!(lowest(&top) < 40.0);
}

#[test]
fn many_points_become_a_picture() {
    let v: Vec<f64> = (0..20_000).map(|i| f64::from(i * 7919 % 10_007)).collect();
    let figure = scatter(&v, &v).size(200, 100);
    let bundle = figure.mime_bundle();
    assert_eq!((bundle[0].0.as_str(), bundle[1].0.as_str()), ("image/png", "text/plain"));
    let reader = png::Decoder::new(bundle[0].1.as_slice()).read_info().unwrap();
    assert_eq!((reader.info().width, reader.info().height), (400, 200));
    assert!(figure.metadata().contains("\"width\":200"));
}

#[test]
fn lines_have_no_holes_as_pixels() {
    let wave: Vec<f64> = (0..400).map(|i| (f64::from(i) / 40.0).sin()).collect();
    let png = line_y(&wave).png();
    let mut reader = png::Decoder::new(png.as_slice()).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size()];
    reader.next_frame(&mut pixels).unwrap();
    let width = reader.info().width as usize;
    let blue = |p: &[u8]| p[3] > 128 && p[2] > 180 && p[0] < 90;
    for x in width / 4..width * 3 / 4 {
        let column = pixels.chunks_exact(4).skip(x).step_by(width);
        assert!(column.filter(|p| blue(p)).count() >= 2, "column {x}");
    }
}

#[test]
fn every_figure_has_a_text() {
    let text = |p: Plot| String::from_utf8(p.mime_bundle().pop().unwrap().1).unwrap();
    let line = text(line_y(&[1.0, 2.0]).title("T"));
    assert!(line.starts_with("T\n[line, 2 points, x 0 to 1, y 1 to 2]\n"), "{line}");
    let bars = text(bar(&["a", "bb"], &[1, 2]));
    assert!(bars.contains(" a │█") && bars.contains("bb │█"), "{bars}");
    assert!(text(heatmap(&[0, 1, 2, 3], 2, 2)).contains("heat map, 2 × 2 cells, values 0 to 3"));
    assert_eq!(text(line_y(&[] as &[i32])), "[line, no data]");
    assert_eq!(short(1234.5678), "1235");
    assert_eq!(short(0.00012345), "0.0001234");
}

#[test]
fn images_take_one_three_or_four_bytes() {
    for n in [1, 3, 4] {
        assert!(image(&vec![200; 6 * n], 3, 2).svg().contains("data:image/png;base64,"));
    }
    assert!(std::panic::catch_unwind(|| image(&[0; 5], 3, 2)).is_err());
    assert!(image(&[], 0, 0).svg().contains("no data"));
}

#[test]
fn files_are_written_by_their_ending() {
    let folder = std::env::temp_dir().join(format!("ferrolab-plot-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let figure = line_y(&[1, 2]);
    for name in ["a.svg", "b.PNG"] {
        figure.save(folder.join(name)).unwrap();
        assert!(folder.join(name).exists());
    }
    assert!(figure.save(folder.join("c.gif")).is_err());
    std::fs::remove_dir_all(folder).unwrap();
}
