//! What is a redrawn block and what is ordinary text.

use super::*;

/// Feeds texts; the stream as text, and the displays in order of their appearance as they end.
fn fed(parts: &[&str]) -> (String, Vec<String>) {
    let mut redraw = Redraw::default();
    let mut stream = String::new();
    let mut shown: Vec<(String, String)> = Vec::new();
    let mut show = |paints: Vec<Paint>| {
        for paint in paints {
            match shown.iter_mut().find(|(id, _)| *id == paint.id) {
                Some((_, text)) => {
                    assert!(paint.update);
                    *text = paint.text;
                }
                None => {
                    assert!(!paint.update);
                    shown.push((paint.id, paint.text));
                }
            }
        }
    };
    for part in parts {
        let text = redraw.take(part);
        let mut rest = text.as_str();
        loop {
            let before = redraw.block.as_ref().map(|block| block.id.clone());
            let piece = redraw.next(&mut rest);
            match piece {
                None => break,
                Some(Segment::Text(text)) => stream.push_str(&text),
                Some(Segment::Drawn) => {}
                Some(Segment::Over) => assert_ne!(before, redraw.block.as_ref().map(|block| block.id.clone())),
            }
            show(redraw.paint(Instant::now(), true).0);
        }
    }
    stream.push_str(&redraw.finish());
    (stream, shown.into_iter().map(|(_, text)| text).collect())
}

/// A line as `indicatif` draws it.
fn bar(text: &str) -> String {
    format!("{text:<COLUMNS$}")
}

fn again(text: &str) -> String {
    format!("\r\x1b[2K{}", bar(text))
}

#[test]
fn ordinary_text_is_a_stream() {
    for text in
        ["warning: x\n", "10%\r20%\r\n", "\x1b[31mred\x1b[0m\n", "a\x1b[01;31m\x1b[Kerror\x1b[m\x1b[K b\n", "", "x"]
    {
        assert_eq!(fed(&[text]), (text.to_owned(), Vec::new()));
    }
    let long = format!("{}\n", "word ".repeat(40));
    assert_eq!(fed(&[&long]), (long.clone(), Vec::new()));
    assert_eq!(fed(&["\x1b[3", "1mred\x1b[0m"]).0, "\x1b[31mred\x1b[0m");
}

#[test]
fn a_bar_is_one_display() {
    let (stream, shown) = fed(&["before\n", &bar("0%"), &again("50%"), &again("100%"), "after\n"]);
    assert_eq!((stream.as_str(), shown), ("before\nafter\n", vec!["100%".to_owned()]));
}

#[test]
fn all_of_it_at_once_is_the_same() {
    let whole = ["before\n", &bar("0%"), &again("50%"), &again("100%"), "after\n"].concat();
    let (stream, shown) = fed(&[&whole]);
    assert_eq!((stream.as_str(), shown), ("before\nafter\n", vec!["100%".to_owned()]));
}

#[test]
fn text_between_draws_does_not_end_the_block() {
    let (stream, shown) = fed(&[&bar("0%"), "one\n", &again("50%"), "two\n", &again("100%")]);
    assert_eq!((stream.as_str(), shown), ("one\ntwo\n", vec!["100%".to_owned()]));
}

#[test]
fn a_second_bar_stands_below_what_was_printed() {
    let (stream, shown) = fed(&[&bar("first"), "between\n", &bar("second"), &again("second done")]);
    assert_eq!((stream.as_str(), shown), ("between\n", vec!["first".to_owned(), "second done".to_owned()]));
}

#[test]
fn several_bars_in_both_ways_of_drawing() {
    let up = "\x1b[1A";
    let clear = "\r\x1b[2K\x1b[1B\r\x1b[2K\x1b[1A";
    let wrapped = [bar("a 0"), format!("{up}{clear}{}{}", bar("a 1"), bar("b 1"))];
    let (stream, shown) = fed(&[&wrapped[0], &format!("\r\x1b[2K{}{}", bar("a 0"), bar("b 0")), &wrapped[1], "end\n"]);
    assert_eq!((stream.as_str(), shown), ("end\n", vec!["a 1\nb 1".to_owned()]));
    let lines = format!("a 0\n{}", bar("b 0"));
    let (stream, shown) = fed(&[&lines, &format!("{up}{clear}a 1\n{}", bar("b 1"))]);
    assert_eq!((stream.as_str(), shown.concat()), ("a 0\n", "a 1\nb 1".to_owned()));
}

#[test]
fn lines_printed_through_the_bar_stay_above_it() {
    let mut parts = vec![bar("0")];
    for i in 0..120 {
        parts.push(format!("\r\x1b[2K{}{}", bar(&format!("line {i}")), bar(&format!("{i} done"))));
        parts.push(again(&format!("{i} done")));
    }
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let (stream, shown) = fed(&parts);
    assert_eq!(stream, "");
    assert!(shown.len() > 1, "lines that stay get displays of their own");
    let lines: Vec<String> = shown.join("\n").lines().map(str::to_owned).collect();
    let expected: Vec<String> = (0..120).map(|i| format!("line {i}")).chain(["119 done".to_owned()]).collect();
    assert_eq!(lines, expected);
}

#[test]
fn pieces_of_a_line_belong_together() {
    let (stream, shown) = fed(&["\r\x1b[2K", "[", "===", "]", "\n", "text\n"]);
    assert_eq!((stream.as_str(), shown), ("text\n", vec!["[===]".to_owned()]));
}

#[test]
fn updates_come_at_most_ten_times_a_second() {
    let mut redraw = Redraw::default();
    let start = Instant::now();
    let (mut paints, mut due) = (0, None);
    for i in 0..1000_u32 {
        let text = again(&i.to_string());
        let mut rest = text.as_str();
        while redraw.next(&mut rest).is_some() {}
        let (now_due, next) = redraw.paint(start + Duration::from_millis(u64::from(i)), false);
        paints += now_due.len();
        due = next;
    }
    assert!((8..=10).contains(&paints), "{paints}");
    assert!(due.is_some_and(|due| due > start + Duration::from_millis(999)), "the last draw is still to be painted");
    let (last, _) = redraw.paint(start + Duration::from_secs(1), true);
    assert_eq!(last[0].text, "999");
}

#[test]
fn anything_is_read_without_harm() {
    let parts = [
        "\x1b",
        "[",
        "9999999999B",
        "\x1b[5A\x1b[2J\x1b[200;300H",
        "\x1b]8;;x",
        "\x07",
        "ä\u{8}\u{8}\u{8}",
        "\x1b[?25l",
        "\x1b[1J\x1b[1K",
    ];
    let whole = parts.concat();
    for cut in (0..whole.len()).filter(|&at| whole.is_char_boundary(at)) {
        fed(&[&whole[..cut], &whole[cut..]]);
    }
}
