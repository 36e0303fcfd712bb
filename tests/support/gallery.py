"""One figure of each kind, as the code of a cell's last expression; their data are the same everywhere."""

GRID = "ferrolab::ndarray::Array2::from_shape_fn((30, 40), |(j, i)| ((i as f64) / 6.0).sin() * ((j as f64) / 5.0).cos())"
WAVE = "(0..60).map(|i| (f64::from(i) / 8.0).sin()).collect::<Vec<_>>()"
COSINE = "(0..60).map(|i| (f64::from(i) / 8.0).cos()).collect::<Vec<_>>()"
# of no order, and the same on every machine
SCATTERED = "(0..200u64).map(|i| ((i * 7919 + 13) % 1009) as f64 / 100.0).collect::<Vec<_>>()"
BELL = "(0..2000u64).map(|i| [3u64, 7, 11, 19].iter().map(|k| ((i * 7919 * k + 13) % 1009) as f64).sum::<f64>() / 1009.0).collect::<Vec<_>>()"

FIGURES = {
    "line": f'plot::line_y({WAVE}).label("sine").add(plot::line_y({COSINE}).label("cosine").dashed()).title("Waves").xlabel("step").ylabel("height")',
    "scatter": f'plot::scatter({SCATTERED}, {SCATTERED}.iter().rev().map(|x| x * x).collect::<Vec<_>>()).title("Points").xlabel("x").ylabel("y")',
    "steps": 'plot::steps(0..8, &[1, 3, 2, 5, 4, 4, 6, 2]).label("queue").title("Steps").ylabel("jobs")',
    "stem": 'plot::stem(0..24, (0..24).map(|i| (f64::from(i) / 2.0).cos() * (-f64::from(i) / 8.0).exp()).collect::<Vec<_>>()).label("response").title("Stems").xlabel("sample")',
    "area": 'plot::area(0..20, (0..20).map(|i| f64::from(i * i)).collect::<Vec<_>>()).label("area").xlabel("n").ylabel("cost / s")',
    "between": 'plot::between(0..3, &[1.0, 2.0, 1.5], &[2.0, 4.0, 3.0]).add(plot::line(0..3, &[1.5, 3.0, 2.2])).hline(2.0).title("Band")',
    "hist": f'plot::hist({BELL}).bins(30).title("Histogram").xlabel("value").ylabel("count")',
    "bar": 'plot::bar(&["laptop", "node", "cluster"], &[8.0, 64.0, 1024.0]).log_y().title("Cores").ylabel("cores")',
    "groups": 'plot::bar(&["matmul", "fft"], &[8.1, 2.2]).label("serial").add(plot::bar(&["matmul", "fft"], &[1.2, 0.5]).label("8 threads"))',
    "names": 'plot::bar(&["a name that is rather long", "another long name", "short", "the fourth of the names", "b", "the last one of all"], &[3, -2, 5, 1, 4, 2]).title("Long names")',
    "boxes": 'plot::boxplot(&["a", "b"], [vec![1.0, 2.0, 3.0, 9.0], vec![2.0, 2.5, 4.0]]).ylabel("seconds").title("Boxes")',
    "errors": 'plot::errorbars(0..6, &[1.0, 1.4, 2.2, 2.0, 3.1, 3.0], &[0.2, 0.3, 0.2, 0.4, 0.3, 0.1]).label("measured").title("Errors").add(plot::line(&[0.0, 5.0], &[1.0, 3.2]).label("fit"))',
    "errors_xy": "plot::errorbars_xy(&[1, 2], &[1.0, 1.4], &[0.2, 0.2], &[0.1, 0.3]).xlim(0.0, 3.0)",
    "matrix": f'plot::matrix({GRID}).extent(-1.0..1.0, 0.0..5.0).colormap("magma").title("Heat map")',
    "gaps": "plot::matrix([[1.0, f64::NAN], [3.0, 100.0]]).log_color()",
    "contour": f'plot::contour({GRID}).levels(6).title("Contours")',
    "contourf": f'plot::contourf({GRID}).add(plot::contour({GRID})).colormap("cividis")',
    "image": "plot::image(&(0..24 * 16).flat_map(|i| [(i % 24 * 10) as u8, (i / 24 * 16) as u8, 128]).collect::<Vec<u8>>(), 24, 16).title(\"Image\")",
    "dates": 'plot::line(&[plot::date(2024, 1, 1), plot::date(2024, 3, 10), plot::date(2024, 6, 1)], &[1, 3, 2]).date_x().title("Dates")',
    "log": 'plot::line(&[1.0, 10.0, 1000.0], &[1.0, 20.0, 3000.0]).log_x().log_y().annotate(10.0, 20.0, "here").title("Both logarithmic").xlabel("n").ylabel("time / s")',
    "marks": f'plot::line_y({WAVE}).hline(0.5).vline(20.0).hspan(-0.5, 0.0).vspan(30.0, 40.0).annotate(12.5, 1.0, "first top").annotate(59.0, 0.9, "at the right edge").title("Marks")',
    "gap": "plot::line_y(&[Some(1.0f32), None, Some(2.0), Some(3.0)])",
    "small": "plot::line_y(&[1.0e-9, 3.0e-9, 2.0e-9]).title(\"Tiny numbers\").ylabel(\"seconds\").size(300, 200)",
    "large": "plot::line(&[1.0e6, 2.0e6, 3.0e6], &[-1.0e12, 5.0e12, 2.0e12]).title(\"Large numbers, and a title that is too long to stand in one line of this figure\").xlabel(\"events\")",
    "legend": "(0..9).fold(plot::line(0..5, &[0, 1, 2, 3, 4]).label(\"series 0\"), |p, k| p.add(plot::line(0..5, (0..5).map(|i| i * (k + 2)).collect::<Vec<i32>>()).label(format!(\"series {}\", k + 1)))).title(\"Ten series\")",
    "panels": 'plot::panels([[plot::line_y(0..9).title("a"), plot::hist(&[1, 2, 2, 3]).title("b")], [plot::scatter(&[1], &[2]), plot::line_y(&[3, 1])]]).title("Four")',
    "shared": "plot::row([plot::line_y(&[1, 2]), plot::line_y(&[1, 20])]).share_y()",
    "mixed": f'plot::row([plot::matrix({GRID}).title("field"), plot::bar(&["x", "y", "z"], &[1, 2, 3]).ylabel("n")])',
    "thousands": f'plot::scatter({SCATTERED}.repeat(40), {BELL}.repeat(4)).title("8,000 points")',
}

# each differs from the figure of its name in one thing that a reader would be misled by
WRONG = {
    "line, one series missing": f'plot::line_y({WAVE}).label("sine").title("Waves").xlabel("step").ylabel("height")',
    "line, a dash too few": FIGURES["line"].replace(".dashed()", ""),
    "line, another colour": FIGURES["line"].replace('"sine")', '"sine").color("red")'),
    "scatter, the other way round": FIGURES["scatter"].replace(".rev()", ""),
    "stem, without stalks": FIGURES["stem"].replace("plot::stem", "plot::scatter"),
    "area, a longer axis": FIGURES["area"] + ".ylim(0.0, 500.0)",
    "hist, more bins": FIGURES["hist"].replace("30", "33"),
    "bar, not logarithmic": FIGURES["bar"].replace(".log_y()", ""),
    "boxes, another value": FIGURES["boxes"].replace("2.5", "3.5"),
    "errors, smaller": FIGURES["errors"].replace("0.4", "0.1").replace("0.3, 0.2", "0.1, 0.2"),
    "matrix, other colours": FIGURES["matrix"].replace("magma", "viridis"),
    "contour, another level": FIGURES["contour"].replace("levels(6)", "levels(12)"),
    "dates, as numbers": FIGURES["dates"].replace(".date_x()", ""),
    "log, one axis not": FIGURES["log"].replace(".log_x()", ""),
    "marks, a line missing": FIGURES["marks"].replace(".vline(20.0)", ""),
    "marks, another title": FIGURES["marks"].replace('title("Marks")', 'title("Spans")'),
    "panels, one changed": FIGURES["panels"].replace("&[3, 1]", "&[1, 3]"),
    "image, upside down": FIGURES["image"].replace("i / 24", "(383 - i) / 24"),
}
