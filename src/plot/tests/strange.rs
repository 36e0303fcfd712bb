//! Each kind of figure over numbers that break careless code.

use super::*;

#[test]
fn strange_data_still_gives_figures() {
    let (nan, inf) = (f64::NAN, f64::INFINITY);
    let data: [&[f64]; 11] = [
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
        &[f64::MAX, 1.0, f64::MIN_POSITIVE],
    ];
    for values in data {
        let mut all = kinds(values);
        // The last one has limits that a logarithmic axis can't have.
        let (_, others) = all.split_last().unwrap();
        let logs: Vec<Plot> = others.iter().map(|p| p.clone().log_x().log_y()).collect();
        all.extend(logs);
        for (i, figure) in all.into_iter().enumerate() {
            let figure = figure.title("a<b").size(300, 200);
            let svg = figure.svg();
            assert!(svg.starts_with("<svg") && svg.ends_with("</svg>"));
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{values:?} {i}: {svg}");
            assert!(svg.contains("<title>a&lt;b</title><desc>"));
            assert!(plain(&figure).starts_with("a<b\n["));
            let small = figure.size(90, 80);
            assert_eq!(&small.png()[1..4], b"PNG");
            assert!(row([small.clone(), small]).share_x().share_y().svg().ends_with("</svg>"));
        }
    }
}

#[test]
fn figures_without_data_say_why() {
    let words = |p: Plot| p.svg().split("<text").last().unwrap().to_owned();
    assert!(words(line_y(&[] as &[f64])).contains("no data<"));
    assert!(words(line_y(&[f64::NAN])).contains("no finite values"));
    assert!(words(line_y(&[-1.0, 0.0]).log_y()).contains("no positive values for the logarithmic y axis"));
    assert!(words(line(&[-1.0, 0.0], &[1.0, 2.0]).log_x()).contains("no positive values for the logarithmic x axis"));
    assert!(words(line(&[-1.0, 1.0], &[1.0, -2.0]).log_x().log_y()).contains("logarithmic axes"));
    assert!(words(line_y(&[1, 2]).xlim(5.0, 9.0)).contains("no data for x between 5 and 9"));
    assert!(words(matrix([[f64::NAN]])).contains("no finite values"));
    assert!(words(matrix([[-1.0]]).log_color()).contains("no positive values for logarithmic colours"));
    assert!(words(hist(&[] as &[f64])).contains("no data"));
    assert!(words(image(&[], 0, 0)).contains("no data"));
    assert!(!line_y(&[1.0]).svg().contains("no data"));
}

#[test]
fn wrong_arguments_are_told() {
    let refused = |f: fn() -> Plot| *std::panic::catch_unwind(f).unwrap_err().downcast::<String>().unwrap();
    assert!(refused(|| line(&[1, 2], &[1])).contains("got 2 and 1"));
    assert!(refused(|| bar(&["a"], &[1, 2])).contains("got 1 and 2"));
    assert!(refused(|| errorbars(&[1, 2], &[1, 2], &[1])).contains("got 1 for 2"));
    assert!(refused(|| between(&[1], &[1, 2], &[1])).contains("got 2 and 1"));
    assert!(refused(|| boxplot(&["a"], [[1.0], [2.0]])).contains("got 1 and 2"));
    assert!(refused(|| heatmap(&[1, 2, 3], 2, 2)).contains("2 columns and 2 rows need as many values, and got 3"));
    assert!(refused(|| matrix(vec![vec![1], vec![1, 2]])).contains("row 1 has 2"));
    assert!(refused(|| image(&[0; 5], 3, 2)).contains("got 5 bytes"));
    assert!(refused(|| matrix([[1]]).colormap("jet")).contains("viridis"));
    assert!(refused(|| line_y(&[1]).colormap("magma")).contains("is for heat maps"));
    assert!(refused(|| line_y(&[1]).color("mauve")).contains("`mauve`"));
    assert!(refused(|| matrix([[1]]).range(2.0, 1.0)).contains("lower"));
    assert!(refused(|| matrix([[1]]).extent(0.0..0.0, 0.0..1.0)).contains("extent(0, 0)"));
    assert!(std::panic::catch_unwind(|| matrix([[1]]).levels(3)).is_err());
}

#[test]
fn gaps_split_lines() {
    let svg = line_y(&[1.0, 2.0, f64::NAN, 4.0, 5.0]).svg();
    let blue = "stroke=\"#2b88d8\"";
    assert_eq!(svg.matches(blue).count(), 2);
    // Points between two gaps are dots, in one element however many they are.
    let svg = line_y(&[1.0, f64::NAN, 2.0, f64::NAN, 3.0]).svg();
    assert_eq!((svg.matches(blue).count(), svg.matches("h0").count()), (1, 3));
}
