//! What a figure says: labels within its bounds, descriptions, sketches, files, themes.

use super::super::canvas::{AXIS, Colour, NOTE, SERIES, TEXT, TITLE};
use super::*;

#[test]
fn labels_are_there_within_bounds_and_apart() {
    let wide = "a very long label that would never fit under a small figure, in units of 10⁻⁶ m·s⁻²";
    for values in [vec![0.0, 1.0], vec![-1e-7, 3e9], vec![123_456.0, 123_457.5], vec![1e15, 2e15], vec![5e-9, 6e-9]] {
        for figure in kinds(&values) {
            for (w, h) in [(640, 400), (320, 220), (200, 150)] {
                let figure = figure.clone().title(wide).xlabel(wide).ylabel(wide).size(w, h);
                let svg = figure.svg();
                assert_eq!(svg.matches("a very long").count(), 3 + 1, "title, two labels, and <title>");
                let boxes = boxes_of_texts(&svg);
                for ([left, top, right, bottom], words) in &boxes {
                    let inside =
                        *left >= -1.0 && *top >= -1.0 && *right <= f64::from(w) + 1.0 && *bottom <= f64::from(h) + 1.0;
                    assert!(inside, "`{words}` is at {left} {top} {right} {bottom} of {w} × {h}");
                }
                let overlap = |a: &[f64; 4], b: &[f64; 4]| a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
                for (i, (a, x)) in boxes.iter().enumerate().filter(|(_, (_, words))| words != "<n>") {
                    for (b, y) in boxes[..i].iter().filter(|_| w > 200) {
                        assert!(
                            !overlap(a, b),
                            "`{x}` lies on `{y}` in {w} × {h}: {}",
                            super::super::words::describe(&figure)
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn every_figure_has_a_text_and_a_sketch() {
    let line = plain(&line_y(&[1.0, 2.0]).title("T"));
    assert!(line.starts_with("T\n[line, 2 points, x 0 to 1, y 1 to 2]\n"), "{line}");
    let bars = plain(&bar(&["a", "bb"], &[1, 2]));
    assert!(bars.contains(" a │█") && bars.contains("bb │█"), "{bars}");
    assert!(plain(&heatmap(&[0, 1, 2, 3], 2, 2)).contains("heat map, 2 × 2 cells, values 0 to 3"));
    assert_eq!(plain(&line_y(&[] as &[i32])), "[line, no data]");
    let dated = super::line(&[date(2024, 1, 1), date(2024, 2, 1)], &[1, 2]).date_x();
    assert!(plain(&dated).contains("x 2024-01-01 to 2024-02-01"));
    for figure in kinds(&[1.0, 2.0, 3.0, 7.0]) {
        let text = plain(&figure);
        assert!(text.starts_with('[') && text.lines().count() >= 2, "{text}");
    }
    assert!(plain(&image(&[0, 255, 90, 20], 2, 2)).lines().count() == 3);
    let two = plain(&row([line_y(&[1, 2]).title("first"), hist(&[1, 2, 3]).title("second")]).title("Both"));
    assert!(two.starts_with("Both\n\nfirst\n[line") && two.contains("second\n[histogram"), "{two}");
}

#[test]
fn figures_are_described_for_those_who_do_not_see_them() {
    let figure = line_y(&[1.0, 5.0]).title("Rise \"quoted\"").label("price");
    let about = "<desc>line “price”, 2 points, x 0 to 1, y 1 to 5</desc>";
    for (mime, bytes) in &figure.mime_bundle()[..2] {
        let text = String::from_utf8_lossy(bytes);
        assert!(text.contains("role=\"img\"") && text.contains(about), "{mime}");
    }
    let metadata = figure.metadata();
    assert!(metadata.contains(r#""alt":"Rise \"quoted\": line"#), "{metadata}");
}

#[test]
fn pages_give_their_colours_and_files_have_their_own() {
    let bundle = line_y(&[1, 2]).title("T").mime_bundle();
    let mimes: Vec<&str> = bundle.iter().map(|(mime, _)| mime.as_str()).collect();
    assert_eq!(mimes, ["text/html", "image/svg+xml", "text/plain"]);
    let (page, file) = (String::from_utf8_lossy(&bundle[0].1), String::from_utf8_lossy(&bundle[1].1));
    assert!(page.contains("var(--jp-ui-font-color1") && page.contains("fill=\"currentColor\""));
    assert!(!file.contains("currentColor") && !file.contains("var(") && file.contains("#787878"));
}

#[test]
fn colours_stand_out_from_light_and_dark_pages() {
    fn luminance(c: [u8; 4]) -> f64 {
        let linear = |c: u8| match f64::from(c) / 255.0 {
            c if c <= 0.03928 => c / 12.92,
            c => ((c + 0.055) / 1.055).powf(2.4),
        };
        0.2126 * linear(c[0]) + 0.7152 * linear(c[1]) + 0.0722 * linear(c[2])
    }
    let contrast = |a: f64, b: f64| (a.max(b) + 0.05) / (a.min(b) + 0.05);
    for colour in SERIES.into_iter().chain([TEXT, TITLE, AXIS, NOTE]) {
        for page in [[255; 4], [0x11; 4]] {
            let ratio = contrast(luminance(colour.rgba), luminance(page));
            assert!(ratio >= 3.0, "{colour:?} on {page:?}: {ratio}");
        }
    }
    assert_eq!(Colour::rgb(0x01_02_03).rgba, [1, 2, 3, 255]);
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
    row([figure.clone()]).save(folder.join("c.svg")).unwrap();
    let told = |path: &str| figure.save(folder.join(path)).unwrap_err().to_string();
    assert!(told("c.gif").contains(".gif: figures are saved as .svg or .png"));
    assert!(told("c").contains("no ending: figures are saved as .svg or .png"));
    let missing = told("nowhere/c.png");
    assert!(missing.contains("can't be saved as") && missing.contains("nowhere"), "{missing}");
    std::fs::remove_dir_all(folder).unwrap();
}
