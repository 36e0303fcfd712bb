//! What can be passed in, and live figures.

use super::*;
use ndarray::{Array1, Array2, array, s};

#[test]
fn all_number_types_and_containers_are_taken() {
    let same = |n: Numbers| assert_eq!(n.into_vec(), [1.0, 2.0, 3.0]);
    same([1u8, 2, 3].into_series());
    same((&[1i16, 2, 3]).into_series());
    same((&[1.0f32, 2.0, 3.0][..]).into_series());
    same(vec![1i128, 2, 3].into_series());
    same((&vec![1usize, 2, 3]).into_series());
    same((1..4).into_series());
    same((1..=3u8).into_series());
    same([Some(1), Some(2), Some(3)].into_series());
    let table = array![[9.0, 1.0, 9.0], [9.0, 2.0, 9.0], [9.0, 3.0, 9.0]];
    same(table.column(1).into_series());
    same((&Array1::from(vec![1.0f32, 2.0, 3.0])).into_series());
    same(table.slice(s![.., 1..2]).into_series());
    assert!([Some(1.0), None].into_series().into_vec()[1].is_nan());
    let (five, three) = (5, 3);
    assert_eq!((five..1).into_series().len() + (three..=2u64).into_series().len(), 0);
    let moved = vec![1.0, 2.0];
    let place = moved.as_ptr();
    let arrived = moved.into_series().into_vec();
    assert_eq!(arrived.as_ptr(), place, "a vector of f64 is moved");
}

#[test]
fn tables_are_taken_row_by_row() {
    let same = |(values, nx, ny): (Numbers, usize, usize)| {
        assert_eq!((values.into_vec(), nx, ny), (vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3, 2));
    };
    let rows = [[1, 2, 3], [4, 5, 6]];
    same(rows.into_matrix());
    same((&rows).into_matrix());
    same((&rows[..]).into_matrix());
    same((&rows.to_vec()).into_matrix());
    same(vec![vec![1, 2, 3], vec![4, 5, 6]].into_matrix());
    same((&vec![vec![1.0, 2.0, 3.0], vec![4.0, 5.0, 6.0]]).into_matrix());
    same((1..7, 3, 2).into_matrix());
    let turned = array![[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]];
    same(turned.t().into_matrix());
    same((&turned.t().to_owned()).into_matrix());
    assert_eq!(Array2::<f64>::zeros((0, 5)).into_matrix(), (vec![].into(), 5, 0));
}

#[test]
fn live_figures_keep_a_window_and_replace_frames() {
    let mut live = Live::line().labels(&["a", "b"]).window(10);
    for i in 0..1000 {
        live.push(f64::from(i), 1.0);
        live.push_to(1, f64::from(i), 2.0);
    }
    assert_eq!(live.len(), 20);
    let plot = live.finish();
    assert_eq!(plot.series[1].xs.clone().into_vec(), (990..1000).map(f64::from).collect::<Vec<_>>());
    assert!(plot.svg().contains(">b</text>"));

    let mut live = Live::heatmap(2, 1).range(0.0, 1.0);
    assert!(live.is_empty());
    live.frame(&[0.25, 0.5]);
    live.frame(vec![0.5, 1.0]);
    let wrong = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| live.frame(&[1.0])));
    assert!(wrong.unwrap_err().downcast::<String>().unwrap().contains("2 cells, and the frame has 1 values"));
    assert_eq!(live.finish().grids[0].values, [0.5, 1.0]);
    assert!(std::panic::catch_unwind(|| Live::line().frame(&[1.0])).is_err());
}

#[test]
fn live_figures_take_more_points_than_wait_at_once() {
    let mut live = Live::scatter();
    (0..5000).for_each(|i| live.push_to(i % 3, i as f64, 0.0));
    assert_eq!(live.len(), 5000);
    settle();
    let plot = live.finish();
    assert_eq!(plot.series.len(), 3);
    assert!(plot.series[2].xs.iter().eq((2..5000).step_by(3).map(|i| i as f64)));
    let refused = std::panic::catch_unwind(|| Live::line().push_to(1000, 0.0, 0.0));
    assert!(refused.unwrap_err().downcast::<String>().unwrap().contains("1000 series"));
}

#[test]
fn plotters_draws_pixels_and_its_errors_are_told() {
    use plotters::prelude::*;
    let drawn = figure_png((60, 40), |root| {
        root.fill(&WHITE)?;
        root.draw(&Circle::new((30, 20), 10, RED.filled()))?;
        Ok(())
    })
    .unwrap();
    let mut reader = png::Decoder::new(drawn.png()).read_info().unwrap();
    let mut rgba = vec![0; reader.output_buffer_size()];
    reader.next_frame(&mut rgba).unwrap();
    assert_eq!(rgba[(20 * 60 + 30) * 4..][..4], [255, 0, 0, 255]);
    assert_eq!(rgba[..4], [255, 255, 255, 255]);
    assert_eq!(drawn.mime_bundle()[0].0, "image/png");
    assert!(figure((50, 50), |_| Err("my own".into())).unwrap_err().to_string().contains("my own"));
    assert!(figure_png((50, 50), |_| Err("my own".into())).is_err());
    assert!(figure_png((0, 50), |_| Ok(())).unwrap_err().to_string().contains("0 × 50"));
    let wrong = drawn.save("a.svg").unwrap_err().to_string();
    assert!(wrong.contains("save it as .png"), "{wrong}");
}
